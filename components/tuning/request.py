"""Spec parts and a snapshot -> `CreateHyperParameterTuningJob`, exactly as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from components.amt.validation import check_create, model_breaches
from components.errors import InvalidInput
from components.trainers.failure import CustomerError
from components.trainers.xgboost_hyperparameters import OBJECTIVE_METRIC, parse
from components.tuning.budget import Limits
from components.tuning.definition import RequestPlaces, training_job_definition
from components.tuning.search_space import to_parameter_ranges
from components.tuning.training_spec import TrainingSpec
from components.tuning.tuning_spec import TuningSpec


def build_request(
    *,
    name: str,
    training: TrainingSpec,
    tuning: TuningSpec,
    limits: Limits,
    places: RequestPlaces,
    tags: Mapping[str, str],
    parents: Sequence[str] = (),
    warm_start_type: str = "IdenticalDataAndAlgorithm",
) -> dict[str, Any]:
    """The request for one attempt of a run.

    Args:
        name: Tuning job name.
        training: What is trained.
        tuning: What is searched.
        limits: What it may use up; earlier attempts and caps have taken their part already.
        places: Where it points.
        tags: Tags of the tuning job.
        parents: Tuning jobs, such as earlier attempts, whose training jobs the search is to know. AMT warm starts
            Bayesian and Random searches only: what is left of a grid is therefore drawn at random, which repeats no
            parent's combination.
        warm_start_type: Of the parents, as AMT has it.

    Raises:
        InvalidInput: The request breaks a law of the API, told before anything is sent.
    """
    strategy = "random" if parents and tuning.strategy == "grid" else tuning.strategy
    config: dict[str, Any] = {
        "Strategy": strategy.capitalize(),
        "HyperParameterTuningJobObjective": {
            "Type": tuning.objective.type.capitalize(),
            "MetricName": tuning.objective.metric,
        },
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": limits.jobs,
            "MaxParallelTrainingJobs": limits.parallel,
            "MaxRuntimeInSeconds": limits.runtime_s,
        },
        "ParameterRanges": to_parameter_ranges(tuning.space),
        "TrainingJobEarlyStoppingType": tuning.early_stopping.capitalize(),
        **_completion_criteria(tuning),
    }
    if strategy == "hyperband":
        config |= _hyperband(training)
    if tuning.seed is not None:
        config["RandomSeed"] = tuning.seed
    request: dict[str, Any] = {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": training_job_definition(
            training,
            places,
        ),
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    if parents and strategy != "hyperband":
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent} for parent in parents],
            "WarmStartType": warm_start_type,
        }
    _refuse_unlawful(request)
    if not training.is_script:
        _refuse_hyperparameters(request["TrainingJobDefinition"]["StaticHyperParameters"], tuning)
    return request


def _completion_criteria(tuning: TuningSpec) -> dict[str, Any]:
    criteria: dict[str, Any] = {}
    if tuning.stop_when.target is not None:
        criteria["TargetObjectiveMetricValue"] = tuning.stop_when.target
    if tuning.stop_when.not_improving is not None:
        most = tuning.stop_when.not_improving
        criteria["BestObjectiveNotImproving"] = {"MaxNumberOfTrainingJobsNotImproving": most}
    return {"TuningJobCompletionCriteria": criteria} if criteria else {}


def _hyperband(training: TrainingSpec) -> dict[str, Any]:
    """Resources of the built-in: its rounds, four rungs down; a script's are read from its epochs by AMT itself."""
    rounds = training.hyperparameters.get("num_round")
    if training.is_script or not str(rounds).isdecimal():
        return {}
    most = int(str(rounds))
    return {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": max(1, most // 27), "MaxResource": most}}}


def _refuse_hyperparameters(static: Mapping[str, str], tuning: TuningSpec) -> None:
    """What the built-in algorithm would refuse in every trial, refused here: at the ends of the space."""
    lowest = {name: part.bounds_as_text[0] for name, part in tuning.space.items()}
    # The highest of all at once, then each further category by itself.
    corners: list[dict[str, str]] = [{}, {name: part.bounds_as_text[-1] for name, part in tuning.space.items()}]
    corners += [{name: text} for name, part in tuning.space.items() for text in part.bounds_as_text[1:-1]]
    for corner in corners:
        try:
            parse({**static, **lowest, **corner, OBJECTIVE_METRIC: tuning.objective.metric})
        except CustomerError as error:
            raise InvalidInput(f"training.hyperparameters or tuning.space: {error}") from None


def _refuse_unlawful(request: Mapping[str, Any]) -> None:
    breaches = model_breaches("CreateHyperParameterTuningJob", request)
    if breaches:
        raise InvalidInput("the tuning request breaks the API's model: " + "; ".join(breaches))
    try:
        check_create(request)
    except ClientError as error:
        raise InvalidInput(f"the tuning request would be refused: {error.response['Error']['Message']}") from None
