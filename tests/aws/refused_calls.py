"""Calls that AWS refuses in words which the local AMT repeats, or makes up where no text was published.

Should AWS take one of these jobs, that is a difference worth seeing: it is stopped at once, and its worst case is part
of what the scenario may cost.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.aws.requests import FIRST, STOPPED, Places, Request, tuning_job, warm_started

NOBODY = "parity-nobody"
_LIMITS = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1, "MaxRuntimeInSeconds": 120}
_STOPPING = {"MaxRuntimeInSeconds": 120, "MaxWaitTimeInSeconds": 240}


def unknown_names() -> Mapping[str, tuple[str, Request]]:
    """Calls that name what is not there: document to method and request."""
    job = {"HyperParameterTuningJobName": NOBODY}
    return {
        "unknown-describe": ("describe_hyper_parameter_tuning_job", job),
        "unknown-list": ("list_training_jobs_for_hyper_parameter_tuning_job", job),
        "unknown-stop": ("stop_hyper_parameter_tuning_job", job),
        "unknown-training-job": ("describe_training_job", {"TrainingJobName": NOBODY}),
        "unknown-training-job-stop": ("stop_training_job", {"TrainingJobName": NOBODY}),
        "list-of-unknown-status": ("list_hyper_parameter_tuning_jobs", {"StatusEquals": "Ended"}),
    }


def creates(places: Places) -> Mapping[str, Request]:
    """Jobs that are refused whatever else there is: document to request."""
    changed: dict[str, dict[str, Any]] = {
        "refused-two-breaches": {
            "config": {"Strategy": "Foo", "TrainingJobEarlyStoppingType": "Sometimes"},
        },
        "refused-metric-of-no-algorithm": {"config": {"HyperParameterTuningJobObjective": _objective("validation:x")}},
        "refused-metrics-on-built-in": {"specification": {"MetricDefinitions": [{"Name": "x", "Regex": "x=(.*)"}]}},
        "refused-too-few-combinations": {
            "config": {"ParameterRanges": {"IntegerParameterRanges": [_range("max_depth", "1", "3")]}},
            "limits": {"MaxNumberOfTrainingJobs": 10},
        },
        "refused-wait-below-run": {"definition": {"StoppingCondition": {**_STOPPING, "MaxWaitTimeInSeconds": 60}}},
        "refused-wait-without-spot": {"definition": {"EnableManagedSpotTraining": False}},
        "refused-parallel-over-jobs": {"limits": {"MaxParallelTrainingJobs": 2}},
        "refused-jobs-over-quota": {"limits": {"MaxNumberOfTrainingJobs": 10_001}},
        "refused-hyperband-without-resource": {"config": {"Strategy": "Hyperband"}},
        "refused-hyperband-stops-early": {
            "config": {
                "Strategy": "Hyperband",
                "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}},
                "TrainingJobEarlyStoppingType": "Auto",
            }
        },
        "refused-grid-of-numbers": {"config": {"Strategy": "Grid"}},
        "refused-range-of-one": {
            "config": {"ParameterRanges": {"ContinuousParameterRanges": [_range("eta", "0.3", "0.3")]}}
        },
        "refused-logarithm-of-zero": {
            "config": {
                "ParameterRanges": {
                    "ContinuousParameterRanges": [{**_range("eta", "0", "1"), "ScalingType": "Logarithmic"}]
                }
            }
        },
        "refused-category-twice": {
            "config": {
                "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "booster", "Values": ["dart", "dart"]}]}
            }
        },
        "refused-tuned-and-static": {"static": {"eta": "0.3"}},
        "refused-without-ranges": {"config": {"ParameterRanges": {}}},
    }
    requests = {document: _small(places, **parts) for document, parts in changed.items()}
    requests["refused-no-data"] = _without_data(places)
    requests["refused-script-without-metric"] = _without_metric(places)
    requests["refused-unknown-parent"] = warm_started(_small(places), NOBODY)
    return _named(places, requests)


def warm_starts(places: Places) -> Mapping[str, Request]:
    """Jobs that are refused for their parent, once `first` has ended: document to request."""
    parent = places.name(FIRST)
    hyperparameters = _small(places, static={"gamma": "1"})
    objective = _small(places, config={"HyperParameterTuningJobObjective": _objective("validation:rmse", "Minimize")})
    depth = {"ParameterRanges": {"ContinuousParameterRanges": [_range("max_depth", "2", "6"), _range("eta", "0", "1")]}}
    return _named(
        places,
        {
            "refused-warm-other-hyperparameters": warm_started(hyperparameters, parent, "TransferLearning"),
            "refused-warm-other-objective": warm_started(objective, parent, "TransferLearning"),
            "refused-warm-other-type": warm_started(
                _small(places, config=depth, static={"booster": "dart"}), parent, "TransferLearning"
            ),
        },
    )


def parent_running(places: Places) -> Mapping[str, Request]:
    """A job whose parent `stopped` has not ended: document to request."""
    request = _shrunk(tuning_job(places, STOPPED))
    return _named(places, {"refused-parent-running": warm_started(request, places.name(STOPPED), "TransferLearning")})


def all_creates(places: Places) -> Mapping[str, Request]:
    """Every job here that AWS is to refuse."""
    return {**creates(places), **warm_starts(places), **parent_running(places)}


def _named(places: Places, requests: Mapping[str, Request]) -> Mapping[str, Request]:
    """Each under a name of its own, within AMT's 32 characters."""
    for document, request in requests.items():
        request["HyperParameterTuningJobName"] = places.name(_short(document))
    return requests


def _short(document: str) -> str:
    words = document.removeprefix("refused-").split("-")
    return "x-" + "".join(word[:3] for word in words)[:13]


def _small(
    places: Places,
    *,
    config: Request | None = None,
    limits: Request | None = None,
    definition: Request | None = None,
    specification: Request | None = None,
    static: Request | None = None,
) -> Request:
    """`first` with a single short training job, and changed parts."""
    request = _shrunk(tuning_job(places, FIRST))
    request["HyperParameterTuningJobConfig"] |= config or {}
    request["HyperParameterTuningJobConfig"]["ResourceLimits"] |= limits or {}
    request["TrainingJobDefinition"] |= definition or {}
    request["TrainingJobDefinition"]["AlgorithmSpecification"] |= specification or {}
    request["TrainingJobDefinition"]["StaticHyperParameters"] |= static or {}
    return request


def _shrunk(request: Request) -> Request:
    request = copy.deepcopy(request)
    request["HyperParameterTuningJobConfig"]["ResourceLimits"] = dict(_LIMITS)
    request["TrainingJobDefinition"]["StoppingCondition"] = dict(_STOPPING)
    return request


def _without_data(places: Places) -> Request:
    request = _small(places)
    for channel in request["TrainingJobDefinition"]["InputDataConfig"]:
        channel["DataSource"]["S3DataSource"]["S3Uri"] = f"{places.root}/nothing/"
    return request


def _without_metric(places: Places) -> Request:
    request = _shrunk(tuning_job(places, STOPPED))
    del request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
    return request


def _objective(metric: str, kind: str = "Maximize") -> dict[str, str]:
    return {"Type": kind, "MetricName": metric}


def _range(name: str, low: str, high: str) -> dict[str, Any]:
    return {"Name": name, "MinValue": low, "MaxValue": high}
