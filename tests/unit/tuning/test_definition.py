"""What one trial is and where it runs: Spot, instances, and what settings lay down over any spec."""

from __future__ import annotations

from typing import Any

from components.amt.validation import model_breaches
from components.project_settings import SageMakerSettings
from components.tuning.definition import Channel, RequestPlaces, training_job_definition
from components.tuning.training_spec import InstanceSpec, TrainingSpec


def definition_of(training: TrainingSpec, **laid_down: Any) -> dict[str, Any]:
    places = RequestPlaces(
        channels={"train": Channel(uri="s3://b/train/"), "images": Channel(uri="s3://b/i/", input_mode="FastFile")},
        output_uri="s3://b/output",
        checkpoint_uri="s3://b/checkpoints/job",
        code_uri=None,
        role_arn="arn:aws:iam::111122223333:role/retune",
        region="us-east-1",
        laid_down=laid_down,
    )
    return training_job_definition(training, places)


def test_spot_waits_and_keeps_checkpoints() -> None:
    """Spot needs a wait, and its checkpoints go below the tuning job's own prefix; on demand has neither."""
    spot = definition_of(TrainingSpec(max_runtime_s=600, max_wait_s=900))
    assert spot["EnableManagedSpotTraining"] is True
    assert spot["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900}
    assert spot["CheckpointConfig"] == {"S3Uri": "s3://b/checkpoints/job"}
    without = definition_of(TrainingSpec(checkpoint="none", max_wait_s=900))
    assert "CheckpointConfig" not in without
    demand = definition_of(TrainingSpec(spot=False))
    assert {"EnableManagedSpotTraining", "CheckpointConfig"}.isdisjoint(demand)
    assert demand["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}


def test_a_longer_training_waits_as_long() -> None:
    """`max_runtime_s` alone does not break the law that waiting includes running."""
    assert TrainingSpec.model_validate({"max_runtime_s": 7200}).max_wait_s == 7200


def test_several_instance_types_are_tried_in_order() -> None:
    """A list is AMT's own InstanceConfigs, by priority."""
    kinds = ("ml.m5.xlarge", "ml.c5.xlarge")
    definition = definition_of(TrainingSpec(instance=InstanceSpec(type=kinds, count=2, volume_gb=7)))
    assert "ResourceConfig" not in definition
    assert definition["HyperParameterTuningResourceConfig"] == {
        "InstanceConfigs": [{"InstanceType": kind, "InstanceCount": 2, "VolumeSizeInGB": 7} for kind in kinds],
        "AllocationStrategy": "Prioritized",
    }


def test_the_settings_part_wins_over_the_spec_s() -> None:
    """`training.sagemaker` adds and changes; network, keys and isolation from the settings come last."""
    training = TrainingSpec(
        sagemaker={
            "Environment": {"A": "1"},
            "EnableNetworkIsolation": False,
            "VpcConfig": {"Subnets": ["mine"], "SecurityGroupIds": ["mine"]},
        }
    )
    settings = SageMakerSettings(
        subnets=("subnet-1",), security_group_ids=("sg-1",), kms_key_id="key", network_isolation=True
    )
    definition = definition_of(training, **settings.definition(several_types=False))
    assert definition["Environment"] == {"A": "1"}
    assert definition["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert definition["EnableNetworkIsolation"] is True
    assert definition["OutputDataConfig"] == {"S3OutputPath": "s3://b/output", "KmsKeyId": "key"}
    assert definition["ResourceConfig"]["VolumeKmsKeyId"] == "key"
    assert definition["InputDataConfig"][1]["InputMode"] == "FastFile"


def test_a_whole_definition_passes_the_api_s_model() -> None:
    """With everything set it is what CreateHyperParameterTuningJob takes."""
    settings = SageMakerSettings(
        subnets=("subnet-12345678",), security_group_ids=("sg-12345678",), encrypt_between_containers=True
    )
    training = TrainingSpec(sagemaker={"RetryStrategy": {"MaximumRetryAttempts": 2}})
    request = {
        "HyperParameterTuningJobName": "a",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxParallelTrainingJobs": 1, "MaxNumberOfTrainingJobs": 1},
        },
        "TrainingJobDefinition": definition_of(training, **settings.definition(several_types=False)),
    }
    assert model_breaches("CreateHyperParameterTuningJob", request) == []
