"""Spec parts -> the exact request of the API."""

from __future__ import annotations

from typing import Any

import pytest

from components.amt.validation import model_breaches
from components.errors import InvalidInput
from components.tuning.budget import Budget
from components.tuning.images import script_image, xgboost_image
from components.tuning.request import RequestPlaces, build_request
from components.tuning.search_space import HyperparameterRange, to_parameter_ranges
from components.tuning.training_spec import MetricSpec, TrainingSpec
from components.tuning.tuning_spec import ObjectiveSpec, TuningSpec

SPACE = {
    "eta": HyperparameterRange(continuous=(0.1, 0.5), scaling="logarithmic"),
    "max_depth": HyperparameterRange(integer=(1, 10)),
    "booster": HyperparameterRange(categorical=("gbtree", "dart")),
}


def request_of(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "name": "digits-0123456789-01",
        "training": TrainingSpec(hyperparameters={"num_round": 10, "num_class": 10, "objective": "multi:softmax"}),
        "tuning": TuningSpec(
            objective=ObjectiveSpec(metric="validation:accuracy", type="maximize"), space=SPACE, max_jobs=4, seed=7
        ),
        "budget": Budget(max_runtime_s=600),
        "places": RequestPlaces(
            channels={"train": "s3://b/train/", "validation": "s3://b/validation/"},
            output_uri="s3://b/output/digits",
            code_uri=None,
            role_arn="arn:aws:iam::111122223333:role/retune",
            region="us-east-1",
        ),
        "tags": {"retune.model": "digits"},
    }
    return build_request(**{**parts, **changes})


def test_the_request_is_the_api_s_own_shape() -> None:
    """It passes botocore's model, and says exactly what the spec says."""
    request = request_of()

    assert model_breaches("CreateHyperParameterTuningJob", request) == []
    config = request["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == "Bayesian"
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Maximize", "MetricName": "validation:accuracy"}
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 4,
        "MaxParallelTrainingJobs": 3,
        "MaxRuntimeInSeconds": 600,
    }
    assert config["RandomSeed"] == 7
    assert request["TrainingJobDefinition"]["StaticHyperParameters"]["num_round"] == "10"


def test_what_is_left_of_an_attempt_limits_parallelism_too() -> None:
    """AMT refuses more parallel jobs than jobs."""
    limits = request_of(max_jobs=2)["HyperParameterTuningJobConfig"]["ResourceLimits"]

    assert (limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]) == (2, 2)


def test_ranges_are_amt_s_strings() -> None:
    """Bounds are strings, integers without a point, scaling in AMT's words."""
    assert to_parameter_ranges(SPACE) == {
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
        ],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "10", "ScalingType": "Auto"}],
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
    }


def test_a_script_brings_its_code_and_its_metrics() -> None:
    """Script mode is two static hyperparameters and one's own metric definitions."""
    training = TrainingSpec(
        entry_point="train.py", source_dir="code", metrics=(MetricSpec(name="PR-AUC", regex="pr_auc = ([0-9.]+)"),)
    )
    tuning = TuningSpec(objective=ObjectiveSpec(metric="PR-AUC", type="maximize"), space=SPACE)
    places = RequestPlaces(
        channels={"train": "s3://b/train/"},
        output_uri="s3://b/output/digits",
        code_uri="s3://b/code/1/sourcedir.tar.gz",
        role_arn="arn:aws:iam::111122223333:role/retune",
        region="us-east-1",
    )

    definition = request_of(training=training, tuning=tuning, places=places)["TrainingJobDefinition"]

    assert definition["StaticHyperParameters"] == {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "s3://b/code/1/sourcedir.tar.gz",
    }
    assert definition["AlgorithmSpecification"]["TrainingImage"] == script_image("us-east-1")
    assert definition["AlgorithmSpecification"]["MetricDefinitions"] == [
        {"Name": "PR-AUC", "Regex": "pr_auc = ([0-9.]+)"}
    ]


def test_an_objective_the_algorithm_does_not_emit_is_refused_before_anything_is_sent() -> None:
    """A metric that no trial would print costs no training."""
    tuning = TuningSpec(objective=ObjectiveSpec(metric="validation:speed", type="maximize"), space=SPACE)

    with pytest.raises(InvalidInput, match="validation:speed"):
        request_of(tuning=tuning)


def test_an_unknown_region_is_refused_with_the_known_ones() -> None:
    """There is no image to guess."""
    with pytest.raises(InvalidInput, match="us-east-1"):
        xgboost_image("mars-north-1")
