"""The minimal valid CreateHyperParameterTuningJob request (amt.md 1.8, on demand), and ways to bend it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.amt.validation import check_create

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SCRIPT_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
_MINIMAL: dict[str, Any] = {
    "HyperParameterTuningJobName": "demo-1",
    "HyperParameterTuningJobConfig": {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 3},
        "ParameterRanges": {
            "ContinuousParameterRanges": [
                {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
            ],
            "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "3", "MaxValue": "10"}],
            "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
        },
        "TrainingJobEarlyStoppingType": "Off",
        "RandomSeed": 123,
    },
    "TrainingJobDefinition": {
        "StaticHyperParameters": {"num_round": "100", "objective": "binary:logistic"},
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::111122223333:role/SageMakerRole",
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": "s3://b/train/",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    },
}
# Short names for the places that tests bend.
PLACES = {
    "config": "HyperParameterTuningJobConfig",
    "limits": "HyperParameterTuningJobConfig.ResourceLimits",
    "ranges": "HyperParameterTuningJobConfig.ParameterRanges",
    "objective": "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective",
    "definition": "TrainingJobDefinition",
    "algorithm": "TrainingJobDefinition.AlgorithmSpecification",
    "stopping": "TrainingJobDefinition.StoppingCondition",
    "machine": "TrainingJobDefinition.ResourceConfig",
    "static": "TrainingJobDefinition.StaticHyperParameters",
}


def minimal() -> dict[str, Any]:
    """A fresh copy of the request."""
    return copy.deepcopy(_MINIMAL)


def bent(**changes: Any) -> dict[str, Any]:
    """The request with other members: `limits__MaxParallelTrainingJobs=0`, `request__Tags=[...]`; None removes."""
    request = minimal()
    for name, value in changes.items():
        place, _, member = name.partition("__")
        part = request
        for step in PLACES.get(place, "").split("."):
            part = part[step] if step else part
        if value is None:
            del part[member]
        else:
            part[member] = value
    return request


def continuous(name: str, low: str, high: str, scaling: str = "Auto") -> dict[str, str]:
    """A continuous or integer range."""
    return {"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scaling}


def several() -> dict[str, Any]:
    """The request in its other form: a list of two definitions with objective and ranges of their own."""
    request = minimal()
    config = request["HyperParameterTuningJobConfig"]
    objective, ranges = config.pop("HyperParameterTuningJobObjective"), config.pop("ParameterRanges")
    definition = request.pop("TrainingJobDefinition")
    request["TrainingJobDefinitions"] = [
        definition | {"DefinitionName": name, "TuningObjective": objective, "HyperParameterRanges": ranges}
        for name in ("one", "two")
    ]
    return request


def refused(request: dict[str, Any]) -> tuple[str, str]:
    """Code and message of the refusal."""
    with pytest.raises(ClientError) as caught:
        check_create(request)
    error = caught.value
    assert error.operation_name == "CreateHyperParameterTuningJob"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error.response["Error"]["Code"], error.response["Error"]["Message"]
