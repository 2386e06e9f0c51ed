"""What is an endpoint's own: requests, alarms, smoke test, going back, scaling, and what is cut off in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from mlflow import MlflowClient

from components import naming
from components.deployment.targets.sagemaker_endpoint import SageMakerEndpoint
from components.errors import DeploymentFailed, NotFound, Refused, Unavailable
from components.project_settings import SageMakerSettings
from tests.endpoint_rig import BUCKET, ROLE, client_of, endpoint_target
from tests.hosted_versions import MODEL, ROW, HostedVersions, register_versions
from tests.sagemaker_hosting import Hosting, hosting_on

ENDPOINT = naming.endpoint_name(MODEL)
Deploying = Callable[..., SageMakerEndpoint]


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> HostedVersions:
    return register_versions(tmp_path_factory.mktemp("versions"))


@pytest.fixture
def hosting(aws_endpoint: str) -> Iterator[Hosting]:
    """An empty account."""
    with hosting_on(aws_endpoint) as made:
        yield made


@pytest.fixture
def target(hosting: Hosting, versions: HostedVersions, tmp_path: Path) -> Deploying:
    """The target with fields of the spec's `deployment`."""
    return lambda **spec: endpoint_target(hosting, versions.registry, tmp_path, **spec)


def described(hosting: Hosting) -> dict[str, Any]:
    return dict(client_of(hosting, "sagemaker").describe_endpoint(EndpointName=ENDPOINT))


def answering_version(hosting: Hosting) -> str:
    body = json.dumps({"dataframe_records": [ROW]})
    runtime = client_of(hosting, "sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=body, ContentType="application/json")
    return str(json.loads(answer["Body"].read())["model_version"])


def failing(target: SageMakerEndpoint, error: Exception) -> SageMakerEndpoint:
    """The target with a runtime that answers every request so."""

    class Runtime:
        meta = target.service.runtime.meta

        def invoke_endpoint(self, **_: Any) -> Any:
            raise error

    return replace(target, service=replace(target.service, runtime=Runtime()))


def made(hosting: Hosting) -> tuple[int, int, int]:
    """How many models, configurations and stored objects there are."""
    client = client_of(hosting, "sagemaker")
    stored = client_of(hosting, "s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return len(client.list_models()["Models"]), len(client.list_endpoint_configs()["EndpointConfigs"]), len(stored)


def test_everything_is_named_tagged_and_made_once(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """Model and configuration carry version and digest in their names; saying it again makes and updates nothing."""
    one = target(instance={"type": "ml.c5.xlarge", "count": 2})
    laid_down = SageMakerSettings(subnets=("subnet-1",), security_group_ids=("sg-1",), network_isolation=True)
    one = replace(one, plan=replace(one.plan, laid_down=laid_down))
    first, again = (one.deploy(MODEL, str(versions.good[0])) for _ in range(2))
    client = client_of(hosting, "sagemaker")

    assert first == again
    assert made(hosting) == (1, 1, 2)
    assert hosting.updates == []
    config = client.describe_endpoint_config(EndpointConfigName=first.config)
    (variant,) = config["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.c5.xlarge", 2)
    assert {first.config, variant["ModelName"]} == {
        name for name in (first.config, variant["ModelName"]) if naming.version_of_config(name, MODEL) == first.version
    }
    model = client.describe_model(ModelName=variant["ModelName"])
    container = model["PrimaryContainer"]
    assert container["Image"].endswith("sagemaker-xgboost:3.2-0")
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert container["ModelDataUrl"].startswith(f"s3://{BUCKET}/retune/endpoints/{ENDPOINT}/{first.version}-")
    assert model["ExecutionRoleArn"] == ROLE
    assert model["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    tags = {tag["Key"]: tag["Value"] for tag in client.list_tags(ResourceArn=described(hosting)["EndpointArn"])["Tags"]}
    assert (tags["team"], tags["retune.model"], tags["retune.proven_config"]) == ("growth", MODEL, first.config)


def test_an_update_is_blue_green_with_a_canary_and_an_alarm(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """The update request is SageMaker's own, and `auto` makes the alarm that it names."""
    shift = {"mode": "canary", "canary_percent": 25, "bake_s": 120}
    for number in versions.good:
        target(instance={"count": 4}, shift=shift).deploy(MODEL, str(number))

    (update,) = hosting.updates
    routing = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    canary = {"Type": "CAPACITY_PERCENT", "Value": 25}
    assert routing == {"Type": "CANARY", "WaitIntervalInSeconds": 120, "CanarySize": canary}
    (alarm,) = client_of(hosting, "cloudwatch").describe_alarms()["MetricAlarms"]
    assert update["DeploymentConfig"]["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": alarm["AlarmName"]}]}
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("Invocation5XXErrors", "notBreaching")
    assert {"Name": "EndpointName", "Value": ENDPOINT} in alarm["Dimensions"]


def test_an_alarm_takes_an_update_back(hosting: Hosting, target: Deploying, versions: HostedVersions) -> None:
    """SageMaker goes back by itself: what served serves, and the error says why it did not stay."""
    first, second = versions.good
    target().deploy(MODEL, str(first))
    cloudwatch = client_of(hosting, "cloudwatch")
    alarm = {"MetricName": "Invocation5XXErrors", "Namespace": "AWS/SageMaker", "Statistic": "Sum", "Period": 60}
    cloudwatch.put_metric_alarm(
        AlarmName="mine", EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", **alarm
    )
    cloudwatch.set_alarm_state(AlarmName="mine", StateValue="ALARM", StateReason="smoke")

    with pytest.raises(DeploymentFailed, match=r"did not stay .* an alarm went off.*alarm mine went off"):
        target(alarms=["mine"]).deploy(MODEL, str(second))

    assert answering_version(hosting) == str(first)
    cloudwatch.set_alarm_state(AlarmName="mine", StateValue="OK", StateReason="put out")
    assert target(alarms=["mine"]).deploy(MODEL, str(second)).version == str(second)


def test_a_failed_smoke_test_takes_the_endpoint_back(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """A version that loads and does not answer: the first one leaves no endpoint, a later one the former version."""
    with pytest.raises(DeploymentFailed, match=r"smoke test .*No module named .*pyarrow.*nothing served before"):
        target().deploy(MODEL, str(versions.unanswering))
    assert target().find(MODEL) is None

    good = target().deploy(MODEL, str(versions.good[0]))
    with pytest.raises(DeploymentFailed, match=f"it serves {good.config} again"):
        target().deploy(MODEL, str(versions.unanswering))
    assert target().find(MODEL) == good
    assert answering_version(hosting) == good.version
    with pytest.raises(DeploymentFailed, match="did not pass the ping health check"):
        target().deploy(MODEL, str(versions.unloading))
    assert target().find(MODEL) == good
    assert target(smoke_test=False).deploy(MODEL, str(versions.unanswering)).version == str(versions.unanswering)


def test_a_deployment_that_was_cut_off_goes_on(hosting: Hosting, target: Deploying, versions: HostedVersions) -> None:
    """Cut off between update and smoke test, as by a kill: the next one asks, and knows the way back."""
    good = target().deploy(MODEL, str(versions.good[0]))
    cut = failing(target(), EndpointConnectionError(endpoint_url="https://runtime"))
    with pytest.raises(Unavailable):
        cut.deploy(MODEL, str(versions.unanswering))
    assert described(hosting)["EndpointConfigName"] != good.config
    with pytest.raises(DeploymentFailed, match=f"it serves {good.config} again"):
        target().deploy(MODEL, str(versions.unanswering))

    with pytest.raises(Unavailable):
        cut.deploy(MODEL, str(versions.good[1]))
    before = len(hosting.updates)
    assert target().deploy(MODEL, str(versions.good[1])).version == str(versions.good[1])
    assert len(hosting.updates) == before, "it was there already"


def test_silence_is_a_fault_and_throttling_is_none(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """A version that never answers must not stay; that SageMaker takes no more requests says nothing of it."""
    good = target().deploy(MODEL, str(versions.good[0]))
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "InvokeEndpoint")
    with pytest.raises(Unavailable, match="Rate exceeded"):
        failing(target(), throttled).deploy(MODEL, str(versions.good[1]))
    assert described(hosting)["EndpointConfigName"] != good.config
    with pytest.raises(DeploymentFailed, match=f"does not answer; it serves {good.config} again"):
        failing(target(), ReadTimeoutError(endpoint_url="https://runtime")).deploy(MODEL, str(versions.good[1]))
    assert target().find(MODEL) == good


def test_a_failed_version_leaves_the_champion_on_the_endpoint(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """A run killed between endpoint and alias leaves a version that is no champion; one that fails after it goes back
    to the champion, so that alias and endpoint agree again.
    """  # noqa: D205  one paragraph
    good = target().deploy(MODEL, str(versions.good[0]))
    champion = MlflowClient(versions.registry.tracking_uri)
    region = client_of(hosting, "sagemaker").meta.region_name
    versions.registry.tag(versions.good[0], {naming.TAG_ENDPOINT_CONFIG: f"{region}/{good.config}"})
    champion.set_registered_model_alias(MODEL, "champion", good.version)
    try:
        target().deploy(MODEL, str(versions.good[1]))
        with pytest.raises(DeploymentFailed, match=f"it serves {good.config} again"):
            target().deploy(MODEL, str(versions.unanswering))
    finally:
        champion.delete_registered_model_alias(MODEL, "champion")

    assert target().find(MODEL) == good
    assert answering_version(hosting) == good.version


def test_going_back_is_a_matter_of_the_former_configuration(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """At once and unwatched by alarms; said twice it is the same; what is not there or not the model's is refused."""
    first, second = (target().deploy(MODEL, str(number)) for number in versions.good)

    assert first.config is not None
    assert target().go_back(MODEL, first.config) == first
    assert target().go_back(MODEL, first.config) == first
    assert (answering_version(hosting), len(hosting.updates)) == (first.version, 2)
    assert "DeploymentConfig" not in hosting.updates[-1]
    for config in ("bank-9-0123abcd", "another-1-0123abcd"):
        with pytest.raises(NotFound, match="go back to a configuration of its own"):
            target().go_back(MODEL, config)
    assert second.version != first.version


def test_scaling_follows_the_spec_and_serverless_has_none(
    hosting: Hosting, target: Deploying, versions: HostedVersions
) -> None:
    """Set, changed and taken away with the spec; an update keeps the instances there are; a serverless one has none."""
    scaling = client_of(hosting, "application-autoscaling")
    first, second = (str(number) for number in versions.good)
    target(autoscaling={"min": 1, "max": 3, "invocations_per_instance": 500}).deploy(MODEL, first)
    target(autoscaling={"min": 2, "max": 4, "invocations_per_instance": 600}).deploy(MODEL, second)

    (found,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert found["ResourceId"] == f"endpoint/{ENDPOINT}/variant/champion"
    assert (found["MinCapacity"], found["MaxCapacity"]) == (2, 4)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 600
    assert hosting.updates[-1]["RetainAllVariantProperties"] is True

    deployed = target(serverless={"memory_mb": 1024, "max_concurrency": 3}).deploy(MODEL, second)
    config = client_of(hosting, "sagemaker").describe_endpoint_config(EndpointConfigName=deployed.config)
    (variant,) = config["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 3}
    assert "InstanceType" not in variant
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert hosting.updates[-1].keys() == {"EndpointName", "EndpointConfigName"}  # guardrails are for machines


def test_the_end_leaves_nothing_that_costs(hosting: Hosting, target: Deploying, versions: HostedVersions) -> None:
    """Endpoint, scaling, alarm, configurations and models are gone; the archives and another model's stay."""
    spec = {"autoscaling": {"min": 1, "max": 3, "invocations_per_instance": 500}}
    for number in versions.good:
        target(**spec).deploy(MODEL, str(number))
    client = client_of(hosting, "sagemaker")
    client.create_model(ModelName="bank-other-1-0123abcd", ExecutionRoleArn=ROLE)

    assert target().stop(MODEL)

    assert made(hosting) == (1, 0, 4)
    assert client_of(hosting, "cloudwatch").describe_alarms()["MetricAlarms"] == []
    scaling = client_of(hosting, "application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


def test_somebody_elses_endpoint_is_left_alone(hosting: Hosting, target: Deploying, versions: HostedVersions) -> None:
    """An endpoint of that name without the model's tag is neither updated, deleted nor counted as the model's, and
    nothing is made for it.
    """  # noqa: D205  one paragraph
    client = client_of(hosting, "sagemaker")
    client.create_model(ModelName="theirs", ExecutionRoleArn=ROLE)
    variant = {"VariantName": "a", "ModelName": "theirs", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    client.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    client.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="theirs")

    with pytest.raises(Refused, match="it is somebody else's"):
        target().deploy(MODEL, str(versions.good[0]))
    with pytest.raises(Refused, match="it is somebody else's"):
        target().stop(MODEL)
    assert made(hosting) == (1, 1, 0)
    assert client_of(hosting, "cloudwatch").describe_alarms()["MetricAlarms"] == []

    assert target().find(MODEL) is None
    assert described(hosting)["EndpointConfigName"] == "theirs"
