"""Spec parts and a snapshot -> `CreateHyperParameterTuningJob`, exactly as the API takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from components.amt.validation import check_create, model_breaches
from components.errors import InvalidInput
from components.trainers.failure import CustomerError
from components.trainers.xgboost_hyperparameters import OBJECTIVE_METRIC, parse
from components.tuning.budget import Budget
from components.tuning.images import script_image, xgboost_image
from components.tuning.search_space import to_parameter_ranges
from components.tuning.training_spec import Scalar, TrainingSpec
from components.tuning.tuning_spec import TuningSpec


@dataclass(frozen=True, kw_only=True)
class RequestPlaces:
    """Where a request points.

    Attributes:
        channels: Channel name to `s3://` prefix.
        output_uri: Prefix of the training jobs' artifacts.
        code_uri: `sourcedir.tar.gz` of one's own script; None for the built-in algorithm.
        role_arn: Execution role.
        region: Region of the image.
    """

    channels: Mapping[str, str]
    output_uri: str
    code_uri: str | None
    role_arn: str
    region: str


def training_image(training: TrainingSpec, region: str) -> str:
    """The image a spec trains in: its own, else SageMaker's for the built-in or for scripts."""
    if training.image is not None:
        return training.image
    return script_image(region) if training.is_script else xgboost_image(region)


def build_request(
    *,
    name: str,
    training: TrainingSpec,
    tuning: TuningSpec,
    budget: Budget,
    places: RequestPlaces,
    tags: Mapping[str, str],
    max_jobs: int | None = None,
    parents: Sequence[str] = (),
) -> dict[str, Any]:
    """The request for one attempt of a run.

    Args:
        name: Tuning job name.
        training: What is trained.
        tuning: What is searched.
        budget: Its limits.
        places: Where it points.
        tags: Tags of the tuning job.
        max_jobs: What is left of `tuning.max_jobs` when earlier attempts finished some.
        parents: Earlier attempts, whose training jobs the search is to know. AMT warm starts Bayesian and Random
            searches only: what is left of a grid is therefore drawn at random, which repeats no parent's combination.

    Raises:
        InvalidInput: The request breaks a law of the API, told before anything is sent.
    """
    jobs = tuning.max_jobs if max_jobs is None else max_jobs
    strategy = "random" if parents and tuning.strategy == "grid" else tuning.strategy
    config: dict[str, Any] = {
        "Strategy": strategy.capitalize(),
        "HyperParameterTuningJobObjective": {
            "Type": tuning.objective.type.capitalize(),
            "MetricName": tuning.objective.metric,
        },
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": jobs,
            "MaxParallelTrainingJobs": min(tuning.max_parallel_jobs, jobs),
            "MaxRuntimeInSeconds": budget.max_runtime_s,
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
        "TrainingJobDefinition": _definition(training, places, may_be_stopped=_stops_training_jobs(tuning)),
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }
    if parents and strategy != "hyperband":
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent} for parent in parents],
            "WarmStartType": "IdenticalDataAndAlgorithm",
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


def _stops_training_jobs(tuning: TuningSpec) -> bool:
    return tuning.strategy == "hyperband" or tuning.early_stopping == "auto"


def _definition(training: TrainingSpec, places: RequestPlaces, *, may_be_stopped: bool) -> dict[str, Any]:
    algorithm: dict[str, Any] = {
        "TrainingImage": training_image(training, places.region),
        "TrainingInputMode": "File",
    }
    static = {name: _as_text(value) for name, value in training.hyperparameters.items()}
    if may_be_stopped and not training.is_script:
        static.setdefault("save_model_on_termination", "true")  # one stopped early may be the best, and needs a model
    if training.is_script and training.entry_point is not None and places.code_uri is not None:
        algorithm["MetricDefinitions"] = [{"Name": metric.name, "Regex": metric.regex} for metric in training.metrics]
        static |= {"sagemaker_program": training.entry_point, "sagemaker_submit_directory": places.code_uri}
    return {
        "StaticHyperParameters": static,
        "AlgorithmSpecification": algorithm,
        "RoleArn": places.role_arn,
        "InputDataConfig": [_channel(name, uri) for name, uri in places.channels.items()],
        "OutputDataConfig": {"S3OutputPath": places.output_uri},
        "ResourceConfig": {
            "InstanceType": training.instance.type,
            "InstanceCount": training.instance.count,
            "VolumeSizeInGB": training.instance.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": training.max_runtime_s},
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def _as_text(value: Scalar) -> str:
    # The wire knows strings only; JSON's words for booleans are what the training toolkit decodes.
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


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
