"""SageMaker's requests for an endpoint, made from a spec: pure, and named by what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components import naming
from components.deployment.deployment_spec import DeploymentSpec
from components.errors import InvalidInput
from components.project_settings import SageMakerSettings

VARIANT = "champion"
SCALABLE_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_PROGRAM = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}


@dataclass(frozen=True, kw_only=True)
class HostingPlan:
    """How a model's versions are to be hosted.

    Attributes:
        spec: The spec's part.
        role_arn: Role the containers run as.
        images: Image of each kind of model.
        laid_down: Network and keys, from the project's settings.
        tags: On everything that is made.
    """

    spec: DeploymentSpec
    role_arn: str
    images: Mapping[str, str]
    laid_down: SageMakerSettings = field(default_factory=SageMakerSettings)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.spec.serverless is None:
            return
        wanted = [name for name in ("subnets", "network_isolation", "kms_key_id") if getattr(self.laid_down, name)]
        if wanted:
            raise InvalidInput(
                f"a serverless endpoint has no network and no volume of its own, and retune.toml lays down "
                f"{', '.join(wanted)}: use deployment.instance"
            )


def model_request(plan: HostingPlan, model: str, version: str, *, kind: str, archive_uri: str) -> dict[str, Any]:
    """CreateModel.

    Args:
        plan: How it is hosted.
        model: Registered model.
        version: Of it.
        kind: Of `HostedModel`.
        archive_uri: Its archive; named by its content, so another content is another SageMaker model.
    """
    request = container_request(
        role_arn=plan.role_arn, image=plan.images[kind], archive_uri=archive_uri, laid_down=plan.laid_down
    )
    name = naming.endpoint_resource(model, version, request)
    return {"ModelName": name, **request, "Tags": tags(plan, model, version)}


def container_request(*, role_arn: str, image: str, archive_uri: str, laid_down: SageMakerSettings) -> dict[str, Any]:
    """CreateModel of a repacked archive, but for its name and tags."""
    request: dict[str, Any] = {
        "ExecutionRoleArn": role_arn,
        "PrimaryContainer": {"Image": image, "ModelDataUrl": archive_uri, "Environment": dict(_PROGRAM)},
    }
    if laid_down.subnets:
        request["VpcConfig"] = {
            "Subnets": list(laid_down.subnets),
            "SecurityGroupIds": list(laid_down.security_group_ids),
        }
    if laid_down.network_isolation:
        request["EnableNetworkIsolation"] = True
    return request


def config_request(plan: HostingPlan, model: str, version: str, *, hosted: str) -> dict[str, Any]:
    """CreateEndpointConfig. `hosted` is the SageMaker model's name."""
    spec = plan.spec
    variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": hosted}
    if spec.serverless is not None:
        variant["ServerlessConfig"] = {
            "MemorySizeInMB": spec.serverless.memory_mb,
            "MaxConcurrency": spec.serverless.max_concurrency,
        }
    else:
        variant |= {
            "InstanceType": spec.instance.type,
            "InitialInstanceCount": max(spec.instance.count, spec.fewest_instances),
            "InitialVariantWeight": 1.0,
        }
    request: dict[str, Any] = {"ProductionVariants": [variant]}
    if plan.laid_down.kms_key_id is not None:
        request["KmsKeyId"] = plan.laid_down.kms_key_id
    name = naming.endpoint_resource(model, version, request)
    return {"EndpointConfigName": name, **request, "Tags": tags(plan, model, version)}


def guardrails(spec: DeploymentSpec, endpoint: str) -> dict[str, Any]:
    """DeploymentConfig for UpdateEndpoint: blue/green, watched by alarms that take it back.

    Nothing for a serverless endpoint: SageMaker has guardrails for real-time and asynchronous ones only (developer
    guide, "Deployment guardrails"); the smoke test alone takes it back.
    """
    if spec.serverless is not None:
        return {}
    routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": spec.shift.bake_s}
    if spec.shift.mode == "canary":
        routing["Type"] = "CANARY"
        routing["CanarySize"] = {"Type": "CAPACITY_PERCENT", "Value": spec.shift.canary_percent}
    alarms = alarms_of(spec, endpoint)
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return {"DeploymentConfig": config}


def alarms_of(spec: DeploymentSpec, endpoint: str) -> tuple[str, ...]:
    """Names of the alarms that are watched."""
    return (naming.endpoint_alarm(endpoint),) if spec.alarms == "auto" else spec.alarms


def alarm_request(endpoint: str) -> dict[str, Any]:
    """PutMetricAlarm of the alarm that `auto` means: one answer with a server error within a minute."""
    return {
        "AlarmName": naming.endpoint_alarm(endpoint),
        "AlarmDescription": "retune: takes an update of the endpoint back",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": VARIANT}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


def scaling_requests(spec: DeploymentSpec, endpoint: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """RegisterScalableTarget and PutScalingPolicy; None without auto-scaling."""
    if spec.autoscaling is None:
        return None
    target = scalable_target(endpoint)
    policy = {
        "TargetValue": spec.autoscaling.invocations_per_instance,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    return (
        {**target, "MinCapacity": spec.autoscaling.min, "MaxCapacity": spec.autoscaling.max},
        {
            **target,
            "PolicyName": f"{endpoint}-invocations",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": policy,
        },
    )


def scalable_target(endpoint: str) -> dict[str, str]:
    """What Application Auto Scaling calls the endpoint's instances."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": SCALABLE_DIMENSION,
    }


def tags(plan: HostingPlan, model: str, version: str | None = None) -> list[dict[str, str]]:
    """The project's, and whose it is."""
    own = {naming.TAG_MODEL: model} | ({} if version is None else {naming.TAG_VERSION: version})
    return [{"Key": key, "Value": value} for key, value in {**plan.tags, **own}.items()]
