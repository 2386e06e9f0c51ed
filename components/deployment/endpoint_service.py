"""One SageMaker endpoint brought to a configuration, proven there, or taken back to what it was.

Everything can be cut off and said again: what an update was to leave behind stands as tags on the endpoint before the
update begins (`retune.former_config`), and what has passed its smoke test after it (`retune.proven_config`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from components import naming
from components.aws import translate
from components.deployment.smoke_test import SmokeCase
from components.errors import DeploymentFailed, NotFound, Refused, Unavailable
from components.storage import ObjectStore

SMOKE_FILE = "smoke.json"
_MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})
# SageMaker's own limit of an update is 8 hours; a canary with an hour's baking twice takes 3.
_PATIENCE_S = 4 * 3600.0


@dataclass(frozen=True, kw_only=True)
class EndpointState:
    """An endpoint as DescribeEndpoint has it."""

    arn: str
    status: str
    config: str
    failure: str


@dataclass(frozen=True, kw_only=True)
class EndpointService:
    """SageMaker's endpoints.

    Attributes:
        sagemaker: A boto3 `sagemaker` client.
        runtime: A boto3 `sagemaker-runtime` client.
        store: Where the smoke tests lie.
        poll_s: Seconds between two looks.
    """

    sagemaker: Any
    runtime: Any
    store: ObjectStore
    poll_s: float

    def state(self, endpoint: str) -> EndpointState | None:
        """How it stands; None when there is none."""
        found = self.described("describe_endpoint", EndpointName=endpoint)
        if found is None:
            return None
        return EndpointState(
            arn=found["EndpointArn"],
            status=found["EndpointStatus"],
            config=found.get("EndpointConfigName", ""),
            failure=found.get("FailureReason", ""),
        )

    def settled(self, endpoint: str) -> EndpointState | None:
        """How it stands when nothing moves any more. Raises Unavailable when something still does after hours."""
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            state = self.state(endpoint)
            if state is None or state.status not in _MOVING:
                return state
            if time.monotonic() > deadline_s:
                raise Unavailable(f"endpoint {endpoint} must come to rest, is still {state.status}; run again later")
            time.sleep(self.poll_s)

    def tags(self, state: EndpointState) -> Mapping[str, str]:
        """Its tags."""
        with answering():
            pages = self.sagemaker.get_paginator("list_tags").paginate(ResourceArn=state.arn)
            return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def tag(self, state: EndpointState, **tags: str) -> None:
        """Write tags; the same again changes nothing."""
        with answering():
            entries = [{"Key": f"retune.{key}", "Value": value} for key, value in tags.items()]
            self.sagemaker.add_tags(ResourceArn=state.arn, Tags=entries)

    def put_in_service(
        self,
        endpoint: str,
        config: str,
        *,
        tags: Sequence[Mapping[str, str]],
        update: Mapping[str, Any],
        smoke_test: bool = True,
        way_back: str | None = None,
    ) -> EndpointState:
        """Have the endpoint serve a configuration, and answer its smoke test.

        Args:
            endpoint: Its name.
            config: Name of an endpoint configuration that is there.
            tags: Of an endpoint that is made now; whose it is among them.
            update: Further arguments of UpdateEndpoint, such as DeploymentConfig.
            smoke_test: Whether it is asked, unless it has answered under this configuration before.
            way_back: Configuration that serves again if it fails; None is the one that serves now.

        Raises:
            DeploymentFailed: It does not come to serve, an alarm took it back, or it answers otherwise than the
                registered model. It is at its former configuration again then; if it had none, it is deleted.
            Unavailable: AWS does not answer; saying it again goes on.
        """
        before = self.settled(endpoint)
        if before is not None and before.status == "Failed":  # the only thing SageMaker still does with it is delete
            self.delete(endpoint)
            before = None
        with answering():
            if before is None:
                self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config, Tags=list(tags))
            elif before.config != config:
                self.tag(before, former_config=way_back or before.config)
                self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **update)
        state = self._arrived(endpoint, config)
        known = self.tags(state)
        if known.get(naming.TAG_PROVEN_CONFIG) == config:
            return state
        fault = self._fault(endpoint, config) if smoke_test else None
        if fault is not None:
            now = self._take_back(endpoint, config, known.get(naming.TAG_FORMER_CONFIG))
            raise DeploymentFailed(f"endpoint {endpoint} failed its smoke test with {config}: {fault}; {now}")
        self.tag(state, proven_config=config)
        return state

    def require_own(self, endpoint: str, model: str) -> None:
        """Raise Refused when there is an endpoint of that name and it is not the model's."""
        state = self.state(endpoint)
        found = model if state is None else self.tags(state).get(naming.TAG_MODEL)
        if found != model:
            raise Refused(
                f"endpoint {endpoint} must be model {model}'s (tag {naming.TAG_MODEL}), got {found}: it is somebody "
                "else's; name the model otherwise, or delete it"
            )

    def delete(self, endpoint: str) -> bool:
        """Delete it and wait until it is gone; whether there was one."""
        if self.settled(endpoint) is None:
            return False
        with answering():
            self.sagemaker.delete_endpoint(EndpointName=endpoint)
        self.settled(endpoint)
        return True

    def described(self, method: str, **request: str) -> dict[str, Any] | None:
        """What a Describe method answers; None when there is no such thing."""
        try:
            found: dict[str, Any] = getattr(self.sagemaker, method)(**request)
        except ClientError as error:
            if error.response["Error"].get("Message", "").startswith("Could not find"):
                return None
            raise translate(error) from error
        except BotoCoreError as error:
            raise translate(error) from error
        return found

    def _arrived(self, endpoint: str, config: str) -> EndpointState:
        state = self.settled(endpoint)
        if state is None:
            raise DeploymentFailed(f"endpoint {endpoint} was deleted while it was to come into service: run again")
        if state.status == "InService" and state.config == config:
            return state
        why = f": {state.failure}" if state.failure else ""
        if state.status == "InService":
            raise DeploymentFailed(
                f"endpoint {endpoint} did not stay with {config} and serves {state.config} again: an alarm went off, "
                f"or the new machines did not come up{why}; see CloudWatch, log group "
                f"/aws/sagemaker/Endpoints/{endpoint}"
            )
        raise DeploymentFailed(
            f"endpoint {endpoint} must come into service with {config}, is {state.status}{why}; see CloudWatch, log "
            f"group /aws/sagemaker/Endpoints/{endpoint}, and run again"
        )

    def _take_back(self, endpoint: str, config: str, former: str | None) -> str:
        """Back to the former configuration, at once; what was done, in words."""
        if former is None or former == config:
            self.delete(endpoint)
            return "nothing served before, so it is deleted"
        with answering():
            self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=former)
        self._arrived(endpoint, former)
        return f"it serves {former} again"

    def _fault(self, endpoint: str, config: str) -> str | None:
        """What is wrong with its answer to the version's smoke test; None when all is well, or there is none."""
        described = self.described("describe_endpoint_config", EndpointConfigName=config) or {}
        model = described["ProductionVariants"][0]["ModelName"]
        archive = (self.described("describe_model", ModelName=model) or {})["PrimaryContainer"]["ModelDataUrl"]
        try:
            case = SmokeCase.of(self.store.get_bytes(f"{archive.rpartition('/')[0]}/{SMOKE_FILE}"))
        except NotFound:
            return None
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=endpoint, Body=case.body, ContentType="application/json", Accept="application/json"
            )
            return case.fault(answer["Body"].read())
        except ReadTimeoutError:
            return "it takes the rows and does not answer"
        except ClientError as error:
            if translate(error).retryable:  # too many requests, or SageMaker itself: it says nothing of the version
                raise translate(error) from error
            return " ".join(str(error).split())[:500]
        except BotoCoreError as error:
            raise translate(error) from error


@contextmanager
def answering() -> Iterator[None]:
    """AWS's errors as ours."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translate(error) from error
