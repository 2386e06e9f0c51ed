"""Target `sagemaker`: one real-time endpoint per model, updated blue/green, named by what it serves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from components import naming
from components.deployment import endpoint_requests as requests
from components.deployment.endpoint_requests import HostingPlan
from components.deployment.endpoint_service import SERVING, SMOKE_FILE, EndpointService, answering
from components.deployment.hosted_model import ARCHIVE, repack, stored
from components.deployment.model_server.answers import as_json
from components.deployment.smoke_test import SmokeCase, made_up_rows
from components.deployment.target import Deployment
from components.errors import Damaged, NotFound, RetuneError
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.scoring import cause_of

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class SageMakerEndpoint:
    """Endpoints of an account and region.

    Attributes:
        service: SageMaker.
        plan: How versions are hosted.
        base_uri: Root of what retune stores.
        registry: The registered model of a name, when a version of it is to be hosted.
        scratch: For files fetched from MLflow.
        cloudwatch: Makes a boto3 client, when an alarm is to be made or deleted.
        autoscaling: Makes a boto3 `application-autoscaling` client, when it is to be used.
    """

    service: EndpointService
    plan: HostingPlan
    base_uri: str
    registry: Callable[[str], Registry]
    scratch: Path
    cloudwatch: Callable[[], Any]
    autoscaling: Callable[[], Any]

    def deploy(self, model: str, version: str) -> Deployment:
        """Have the model's endpoint serve a version; made if there is none.

        Raises:
            DeploymentFailed: It does not serve as the registered model does; the champion serves again, or what
                served before where none is known to have.
            Refused: The version cannot be hosted, AWS does not allow it, or an endpoint of that name is not the
                model's: then nothing is made.
            Unavailable: AWS does not answer; saying it again goes on.
        """
        endpoint, spec = naming.endpoint_name(model), self.plan.spec
        self.service.require_own(endpoint, model)
        config = self._configured(model, version)
        if spec.alarms == "auto":
            with answering():
                self.cloudwatch().put_metric_alarm(**requests.alarm_request(endpoint))
        scaled = self._is_scaled(endpoint)
        if scaled and spec.autoscaling is None:
            self._unscale(endpoint)
        keep = {"RetainAllVariantProperties": True} if scaled and spec.autoscaling is not None else {}
        self.service.put_in_service(
            endpoint,
            config,
            tags=requests.tags(self.plan, model),
            update={**requests.guardrails(spec, endpoint), **keep},
            smoke_test=spec.smoke_test,
            way_back=self._champions(model, version),
        )
        self._scale(endpoint)
        return self._deployment(endpoint, version, config)

    def go_back(self, model: str, config: str) -> Deployment:
        """Have the model's endpoint serve a configuration that it served before, at once.

        No alarm is watched: the one that would take it back may be why it is to go back.

        Raises:
            NotFound: The endpoint or the configuration is not there, or it is not the model's.
            DeploymentFailed: As `deploy`.
        """
        endpoint, version = naming.endpoint_name(model), naming.version_of_config(config, model)
        found = self.service.described("describe_endpoint_config", EndpointConfigName=config)
        if version is None or found is None or self.service.state(endpoint) is None:
            raise NotFound(
                f"endpoint {endpoint} can go back to a configuration of its own that is there, got {config}: is it "
                "another region (AWS_REGION), or was it deleted? `retune run SPEC` makes it again"
            )
        self.service.require_own(endpoint, model)
        keep = {"RetainAllVariantProperties": True} if self._is_scaled(endpoint) else {}
        self.service.put_in_service(endpoint, config, tags=requests.tags(self.plan, model), update=keep)
        return self._deployment(endpoint, version, config)

    def find(self, model: str) -> Deployment | None:
        """What serves the model now."""
        endpoint = naming.endpoint_name(model)
        state = self.service.state(endpoint)
        if state is None or state.status not in SERVING:
            return None
        version = naming.version_of_config(state.config, model)
        return None if version is None else self._deployment(endpoint, version, state.config)

    def stop(self, model: str) -> bool:
        """Delete the endpoint with its alarm, scaling, configurations and SageMaker models; archives stay stored.

        Raises:
            Refused: An endpoint of that name is not the model's; nothing is deleted.
        """
        endpoint = naming.endpoint_name(model)
        self.service.require_own(endpoint, model)
        if self._is_scaled(endpoint):
            self._unscale(endpoint)
        was_there = self.service.delete(endpoint)
        client = self.service.sagemaker
        with answering():
            for config in self._own(model, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"):
                client.delete_endpoint_config(EndpointConfigName=config)
            for hosted in self._own(model, "list_models", "Models", "ModelName"):
                client.delete_model(ModelName=hosted)
            self.cloudwatch().delete_alarms(AlarmNames=[naming.endpoint_alarm(endpoint)])
        return was_there

    def _champions(self, model: str, version: str) -> str | None:
        """The configuration that the champion answered by here; None without one, or when it is this version's.

        A run that was killed before its version became the champion may have left the endpoint with that version.
        """
        champion = self.registry(model).champion()
        if champion is None or str(champion.version) == version:
            return None
        region, _, config = champion.tags.get(naming.TAG_ENDPOINT_CONFIG, "").partition("/")
        if region != self.service.sagemaker.meta.region_name:
            return None
        found = self.service.described("describe_endpoint_config", EndpointConfigName=config)
        return None if found is None else config

    def _configured(self, model: str, version: str) -> str:
        """The version's endpoint configuration with all it needs, made unless it is there; its name."""
        registry = self.registry(model)
        registered = registry.version(int(version))
        hosted = repack(registry.folder(registered, self.scratch), version=version)
        store = self.service.store
        prefix = stored(hosted, store=store, base_uri=self.base_uri, model=model, version=version)
        if self.plan.spec.smoke_test and not store.exists(f"{prefix}/{SMOKE_FILE}"):
            rows = made_up_rows(hosted.preprocessing)
            case = SmokeCase(version=version, rows=rows, answers=self._answers(registry, registered, rows))
            store.put_bytes(case.text().encode(), f"{prefix}/{SMOKE_FILE}")
        sagemaker_model = requests.model_request(
            self.plan, model, version, kind=hosted.kind, archive_uri=f"{prefix}/{ARCHIVE}"
        )
        name = sagemaker_model["ModelName"]
        if self.service.described("describe_model", ModelName=name) is None:
            self._made("create_model", sagemaker_model)
        config = requests.config_request(self.plan, model, version, hosted=name)
        if self.service.described("describe_endpoint_config", EndpointConfigName=config["EndpointConfigName"]) is None:
            self._made("create_endpoint_config", config)
        return str(config["EndpointConfigName"])

    def _made(self, method: str, request: Mapping[str, Any]) -> None:
        try:
            with answering():
                getattr(self.service.sagemaker, method)(**request)
        except Exception as error:
            cause = error.__cause__  # another command may have made the same meanwhile
            if not isinstance(cause, ClientError) or "already exist" not in cause.response["Error"].get("Message", ""):
                raise

    def _answers(self, registry: Registry, version: ModelVersion, rows: Rows) -> Rows:
        """What the registered model answers. Raises Damaged when it does not."""
        import pandas as pd

        try:
            answers = registry.load(version, self.scratch).predict(pd.DataFrame(list(rows)))
            found: Rows = json.loads(as_json(answers, version=str(version.version)))["predictions"]
        except RetuneError:
            raise
        except Exception as error:
            raise Damaged(
                f"version {version.version} of {registry.model} must answer made-up rows, got {type(error).__name__}: "
                f"{cause_of(error)}; deployment.smoke_test: false goes without"
            ) from error
        return found

    def _is_scaled(self, endpoint: str) -> bool:
        state = self.service.settled(endpoint)
        return state is not None and self.service.tags(state).get(naming.TAG_AUTOSCALING) == "on"

    def _scale(self, endpoint: str) -> None:
        wanted = requests.scaling_requests(self.plan.spec, endpoint)
        state = self.service.state(endpoint)
        if wanted is None or state is None:
            return
        target, policy = wanted
        self.service.tag(state, autoscaling="on")  # first: what is cut off here must be found again
        with answering():
            self.autoscaling().register_scalable_target(**target)
            self.autoscaling().put_scaling_policy(**policy)

    def _unscale(self, endpoint: str) -> None:
        client = self.autoscaling()
        with answering(), suppress(client.exceptions.ObjectNotFoundException):
            client.deregister_scalable_target(**requests.scalable_target(endpoint))
        state = self.service.state(endpoint)
        if state is not None:
            self.service.tag(state, autoscaling="off")

    def _own(self, model: str, method: str, entries: str, key: str) -> Iterator[str]:
        """Names of all configurations or models that were made for this model; listed before any is deleted."""
        pages = self.service.sagemaker.get_paginator(method).paginate(NameContains=f"{naming.endpoint_name(model)}-")
        names = [entry[key] for page in pages for entry in page[entries]]
        yield from (name for name in names if naming.version_of_config(name, model) is not None)

    def _deployment(self, endpoint: str, version: str, config: str) -> Deployment:
        url = f"{self.service.runtime.meta.endpoint_url}/endpoints/{endpoint}/invocations"
        return Deployment(target="sagemaker", url=url, version=version, config=config)


if TYPE_CHECKING:
    from components.deployment.target import Target

    def _proof(target: SageMakerEndpoint) -> Target:
        return target
