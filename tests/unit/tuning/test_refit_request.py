"""A champion's hyperparameters -> the exact CreateTrainingJob."""

from __future__ import annotations

from typing import Any

import pytest

from components.amt.validation import model_breaches
from components.errors import InvalidInput
from components.tuning.definition import Channel, RequestPlaces
from components.tuning.images import xgboost_image
from components.tuning.refit_request import build_training_request
from components.tuning.training_spec import MetricSpec, TrainingSpec

PLACES = RequestPlaces(
    channels={"train": Channel(uri="s3://b/train/"), "validation": Channel(uri="s3://b/validation/")},
    output_uri="s3://b/output/digits",
    checkpoint_uri="s3://b/checkpoints/digits-0123456789-refit",
    code_uri="s3://b/code/1/sourcedir.tar.gz",
    role_arn="arn:aws:iam::111122223333:role/retune",
    region="us-east-1",
)


def request_of(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "name": "digits-0123456789-refit-01",
        "training": TrainingSpec(hyperparameters={"num_round": 10, "num_class": 10, "objective": "multi:softmax"}),
        "metric": "validation:accuracy",
        "tuned": {"eta": "0.25", "max_depth": "4"},
        "max_runtime_s": 600,
        "places": PLACES,
        "tags": {"retune.model": "digits"},
    }
    return build_training_request(**{**parts, **changes})


def test_the_request_is_what_the_search_would_have_trained() -> None:
    """The API's own shape: static and tuned hyperparameters, and the objective, which AMT would add itself."""
    request = request_of()

    assert model_breaches("CreateTrainingJob", request) == []
    assert request["HyperParameters"] == {
        "num_round": "10",
        "num_class": "10",
        "objective": "multi:softmax",
        "save_model_on_termination": "true",
        "eta": "0.25",
        "max_depth": "4",
        "_tuning_objective_metric": "validation:accuracy",
    }
    assert request["AlgorithmSpecification"] == {
        "TrainingImage": xgboost_image("us-east-1"),
        "TrainingInputMode": "File",
    }
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 1800}
    assert (request["EnableManagedSpotTraining"], request["CheckpointConfig"]) == (
        True,
        {"S3Uri": "s3://b/checkpoints/digits-0123456789-refit"},
    )
    assert request["Tags"] == [{"Key": "retune.model", "Value": "digits"}]


def test_a_script_keeps_its_metrics_and_what_is_only_a_tuning_job_s_is_left_out() -> None:
    """On demand there is no wait and no checkpoint; a cap's shorter time is the job's own limit."""
    training = TrainingSpec(
        entry_point="train.py",
        source_dir="code",
        spot=False,
        metrics=(MetricSpec(name="loss", regex="loss = ([0-9.]+)"),),
        sagemaker={"DefinitionName": "one", "Environment": {"A": "b"}},
    )
    request = request_of(training=training, metric="loss", max_runtime_s=200)

    assert model_breaches("CreateTrainingJob", request) == []
    assert request["AlgorithmSpecification"]["MetricDefinitions"] == [{"Name": "loss", "Regex": "loss = ([0-9.]+)"}]
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 200}
    assert request["Environment"] == {"A": "b"}
    assert not {"DefinitionName", "CheckpointConfig", "EnableManagedSpotTraining"} & request.keys()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tuned": {"eta": "7"}}, "with those of the refit: .*eta"),
        ({"metric": "validation:beauty"}, r"validation:beauty\], isn't valid"),
        ({"name": "a" * 80}, "breaks the API's model: TrainingJobName"),
        ({"training": TrainingSpec(sagemaker={"NoSuchMember": 1})}, "NoSuchMember"),
    ],
)
def test_what_the_api_or_the_algorithm_would_refuse_is_refused(changes: dict[str, Any], says: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidInput, match=says):
        request_of(**changes)
