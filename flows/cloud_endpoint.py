"""The target sagemaker from settings: what an endpoint may cost, a version served on it, back again, deleted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from components import naming
from components.deployment.deployment_spec import DeploymentSpec
from components.deployment.endpoint_price import EndpointPrice, endpoint_price, refuse_above
from components.deployment.endpoint_requests import HostingPlan
from components.deployment.target import Deployment
from components.errors import NotFound
from components.project_settings import read_project_settings
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.settings import Settings, read_settings
from components.spec import RetrainSpec
from components.tuning.images import script_image, xgboost_image
from flows.engines import open_store, price_list
from flows.line import Line, RunOptions, project_root
from flows.progress import Plain, reporter, reporting_to

if TYPE_CHECKING:
    from components.deployment.targets.sagemaker_endpoint import SageMakerEndpoint


def refuse_endpoint(line: Line, *, cache: Path | None = None) -> EndpointPrice | None:
    """What the spec's endpoint costs; None without one. Everything about it that can be refused before it is made.

    Args:
        line: Whose.
        cache: File that keeps the price list's answers, in place of the home's.

    Raises:
        InvalidInput: The environment does not say where, or the project's settings do not allow it.
        OverBudget: It may cost more than is allowed.
        Refused: Nothing says what it costs; or the account is not among those allowed.
    """
    spec = line.spec.deployment
    if spec.target != "sagemaker":
        return None
    line.settings.require_cloud("deployment.target sagemaker")
    line.project.allow.check_account(line.settings.role_arn.split(":")[4])
    _plan(line)
    price = endpoint_price(
        spec,
        region=line.settings.region,
        told=line.project.prices,
        ask=price_list,
        cache=cache or line.settings.scratch / "prices.json",
    )
    refuse_above(
        price,
        spec_cap_usd=spec.max_endpoint_usd_per_month,
        project_cap_usd=line.project.budget.max_endpoint_usd_per_month,
    )
    return price


def serve_on_endpoint(line: Line, registry: Registry, version: ModelVersion) -> Deployment:
    """Have the model's endpoint serve a version, and write on the version by which configuration.

    Raises:
        DeploymentFailed: It does not answer as the registered model; what served before serves.
        RetuneError: As `refuse_endpoint`; or the version cannot be hosted.
    """
    refuse_endpoint(line)
    with _endpoint(line.settings, line.settings.region, registry) as target:
        reporter().stage(
            f"endpoint {naming.endpoint_name(registry.model)}: version {version.version} comes into service"
        )
        deployment = replace(target, plan=_plan(line)).deploy(registry.model, str(version.version))
    registry.tag(version.version, {naming.TAG_ENDPOINT_CONFIG: f"{line.settings.region}/{deployment.config}"})
    return deployment


def serve_promoted(
    settings: Settings, spec: RetrainSpec, registry: Registry, version: ModelVersion
) -> Deployment | None:
    """Have the endpoint serve a version that is promoted by hand, as the spec of its run says; None without one.

    Raises:
        RetuneError: As `serve_on_endpoint`.
    """
    if spec.deployment.target != "sagemaker":
        return None
    root = project_root(Path.cwd() / "any.yaml")
    line = Line(
        settings=settings,
        options=RunOptions(spec=spec.name),
        spec=spec,
        root=root,
        project=read_project_settings(root),
        store=open_store(settings),
        code=None,
    )
    with reporting_to(Plain(sys.stderr)):  # stdout is the command's document
        return serve_on_endpoint(line, registry, version)


def take_endpoint_back(
    settings: Settings, registry: Registry, champion: ModelVersion, to: ModelVersion
) -> Deployment | None:
    """Have the model's endpoint serve a version that it served before; None when it has none.

    Args:
        settings: Where.
        registry: Of the model.
        champion: What serves now.
        to: What is to serve.

    Raises:
        NotFound: The endpoint never served that version.
        DeploymentFailed: It does not come to serve it; what served before serves.
    """
    places = {
        each.tags[naming.TAG_ENDPOINT_CONFIG] for each in (to, champion) if naming.TAG_ENDPOINT_CONFIG in each.tags
    }
    if not places:
        return None
    wanted = to.tags.get(naming.TAG_ENDPOINT_CONFIG, "")
    region, _, config = wanted.partition("/")
    with _endpoint(settings, region or next(iter(places)).partition("/")[0]) as target:
        if target.find(registry.model) is None:
            return None  # it was deleted
        if not config:
            raise NotFound(
                f"version {to.version} of {registry.model} never was on the endpoint, so it cannot go back there: "
                f"delete the endpoint first (retune down --endpoint {registry.model})"
            )
        return target.go_back(registry.model, config)


def delete_endpoint(model: str) -> dict[str, Any]:
    """Delete a model's endpoint, as `retune down --endpoint MODEL --json` prints it.

    Raises:
        NotFound: There is none.
    """
    settings = read_settings()
    name = naming.endpoint_name(model)
    with _endpoint(settings, settings.region) as target:
        if not target.stop(model):
            raise NotFound(f"model {model} has no endpoint {name} in {settings.region}; is it another AWS_REGION?")
    return {"services": [{"name": name, "state": "deleted", "url": ""}]}


def _plan(line: Line) -> HostingPlan:
    region, training = line.settings.region, line.spec.training
    return HostingPlan(
        spec=line.spec.deployment,
        role_arn=line.settings.role_arn,
        images={
            "xgboost": xgboost_image(region),
            "inference": training.image if training.image is not None else script_image(region),
        },
        laid_down=line.project.sagemaker,
        tags=line.project.tags,
    )


@contextmanager
def _endpoint(settings: Settings, region: str, registry: Registry | None = None) -> Iterator[SageMakerEndpoint]:
    """The target in a region; versions of a model can be deployed whose registry is given."""
    from components.aws import client
    from components.deployment.endpoint_service import EndpointService
    from components.deployment.targets.sagemaker_endpoint import SageMakerEndpoint

    settings.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.scratch) as scratch:
        yield SageMakerEndpoint(
            service=EndpointService(
                sagemaker=client("sagemaker", region=region),
                runtime=client("sagemaker-runtime", region=region),
                store=open_store(settings),
                poll_s=settings.poll_s,
            ),
            plan=HostingPlan(spec=DeploymentSpec(target="sagemaker"), role_arn=settings.role_arn, images={}),
            base_uri=settings.base_uri,
            registry=lambda model: registry or Registry(tracking_uri=settings.tracking_uri, model=model),
            scratch=Path(scratch),
            cloudwatch=lambda: client("cloudwatch", region=region),
            autoscaling=lambda: client("application-autoscaling", region=region),
        )
