"""Spec parts -> the exact request of the API."""

from __future__ import annotations

from typing import Any

import pytest

from components.amt.validation import model_breaches
from components.errors import InvalidInput
from components.tuning.budget import Limits
from components.tuning.definition import Channel, RequestPlaces
from components.tuning.images import script_image, xgboost_image
from components.tuning.request import build_request
from components.tuning.search_space import HyperparameterRange, to_parameter_ranges
from components.tuning.training_spec import MetricSpec, TrainingSpec
from components.tuning.tuning_spec import ObjectiveSpec, StopWhen, TuningSpec

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
        "places": RequestPlaces(
            channels={"train": Channel(uri="s3://b/train/"), "validation": Channel(uri="s3://b/validation/")},
            output_uri="s3://b/output/digits",
            checkpoint_uri="s3://b/checkpoints/digits-0123456789-01",
            code_uri=None,
            role_arn="arn:aws:iam::111122223333:role/retune",
            region="us-east-1",
        ),
        "tags": {"retune.model": "digits"},
    }
    parts |= changes
    jobs, parallel = parts["tuning"].max_jobs, parts["tuning"].max_parallel_jobs
    parts.setdefault("limits", Limits(jobs=jobs, parallel=parallel, job_runtime_s=600, runtime_s=600))
    return build_request(**parts)


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
        channels={"train": Channel(uri="s3://b/train/")},
        output_uri="s3://b/output/digits",
        checkpoint_uri="s3://b/checkpoints/digits-0123456789-01",
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


OBJECTIVE = ObjectiveSpec(metric="validation:accuracy", type="maximize")
GRID = {
    "booster": HyperparameterRange(categorical=("gbtree", "dart")),
    "max_depth": HyperparameterRange(categorical=(2, 4, 6)),
}


def test_a_grid_counts_itself() -> None:
    """Without max_jobs a grid has as many as combinations, and not more of them in parallel."""
    tuning = TuningSpec.model_validate(
        {
            "objective": {"metric": "validation:accuracy", "type": "maximize"},
            "strategy": "grid",
            "space": {"booster": {"categorical": ["gbtree", "dart"]}},
        }
    )
    limits = request_of(tuning=tuning)["HyperParameterTuningJobConfig"]["ResourceLimits"]

    assert (limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]) == (2, 2)


def test_what_is_left_of_a_grid_is_drawn_without_the_parents_combinations() -> None:
    """The next attempt of a grid is a Random search warm-started from the first, since AMT knows no warm grid."""
    tuning = TuningSpec(objective=OBJECTIVE, strategy="grid", space=GRID, max_jobs=6)
    request = request_of(tuning=tuning, parents=("digits-0123456789-01",), name="digits-0123456789-02")

    assert request["HyperParameterTuningJobConfig"]["Strategy"] == "Random"
    assert request["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "digits-0123456789-01"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }


def test_hyperband_takes_its_resources_from_the_rounds_and_keeps_models() -> None:
    """The built-in's rounds are its resource, and a training job that is stopped saves its model."""
    tuning = TuningSpec(objective=OBJECTIVE, strategy="hyperband", space=SPACE)
    training = TrainingSpec(hyperparameters={"num_round": 81, "num_class": 10, "objective": "multi:softmax"})
    request = request_of(tuning=tuning, training=training)

    assert request["HyperParameterTuningJobConfig"]["StrategyConfig"] == {
        "HyperbandStrategyConfig": {"MinResource": 3, "MaxResource": 81}
    }
    assert request["TrainingJobDefinition"]["StaticHyperParameters"]["save_model_on_termination"] == "true"


def test_early_stopping_and_criteria_are_the_api_s_own() -> None:
    """`auto` and `stop_when` become AMT's members."""
    stop_when = StopWhen(target=0.9, not_improving=5)
    tuning = TuningSpec(objective=OBJECTIVE, space=SPACE, early_stopping="auto", stop_when=stop_when)
    config = request_of(tuning=tuning)["HyperParameterTuningJobConfig"]

    assert config["TrainingJobEarlyStoppingType"] == "Auto"
    assert config["TuningJobCompletionCriteria"] == {
        "TargetObjectiveMetricValue": 0.9,
        "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
    }


@pytest.mark.parametrize(
    ("tuning", "law"),
    [
        ({"strategy": "grid", "space": SPACE}, "categorical ranges only, got eta, max_depth"),
        ({"strategy": "grid", "space": GRID, "max_jobs": 5}, "trains all 6 combinations"),
        ({"strategy": "hyperband", "space": SPACE, "early_stopping": "auto"}, "early_stopping must be off"),
        ({"space": SPACE, "stop_when": {"not_improving": 2}}, "greater than or equal to 3"),
    ],
)
def test_what_a_strategy_cannot_do_is_refused_by_the_spec(tuning: dict[str, Any], law: str) -> None:
    """A grid is categorical and whole, Hyperband stops by itself."""
    with pytest.raises(ValueError, match=law):
        TuningSpec(objective=OBJECTIVE, **tuning)
