"""The TrainingJobDefinition of a tuning request: what one trial is, where it runs, how it may be interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.tuning.images import script_image, xgboost_image
from components.tuning.training_spec import Scalar, TrainingSpec


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One input channel.

    Attributes:
        uri: `s3://` prefix.
        content_type: As the algorithm knows it.
        input_mode: `File` or `FastFile`; `Pipe` where a script reads it.
    """

    uri: str
    content_type: str = "text/csv"
    input_mode: str = "File"


@dataclass(frozen=True, kw_only=True)
class RequestPlaces:
    """Where a request points, and what the settings lay down for every job of a project.

    Attributes:
        channels: Channel name to channel.
        output_uri: Prefix of the training jobs' artifacts.
        checkpoint_uri: Prefix of their checkpoints.
        code_uri: `sourcedir.tar.gz` of one's own script; None for the built-in algorithm.
        role_arn: Execution role.
        region: Region of the image.
        laid_down: Parts of a TrainingJobDefinition that no spec can override: network, keys, isolation.
    """

    channels: Mapping[str, Channel]
    output_uri: str
    checkpoint_uri: str
    code_uri: str | None
    role_arn: str
    region: str
    laid_down: Mapping[str, Any] = field(default_factory=dict)


def training_image(training: TrainingSpec, region: str) -> str:
    """The image a spec trains in: its own, else SageMaker's for the built-in or for scripts."""
    if training.image is not None:
        return training.image
    return script_image(region) if training.is_script else xgboost_image(region)


def training_job_definition(training: TrainingSpec, places: RequestPlaces) -> dict[str, Any]:
    """The definition, `training.sagemaker` merged in, and the settings' part last.

    Args:
        training: What is trained.
        places: Where.
    """
    definition: dict[str, Any] = {
        "StaticHyperParameters": _static(training, places),
        "AlgorithmSpecification": _algorithm(training, places),
        "RoleArn": places.role_arn,
        "InputDataConfig": [_channel(name, channel) for name, channel in places.channels.items()],
        "OutputDataConfig": {"S3OutputPath": places.output_uri},
        **_resources(training),
        "StoppingCondition": {"MaxRuntimeInSeconds": training.max_runtime_s},
    }
    if training.spot:
        definition["EnableManagedSpotTraining"] = True
        definition["StoppingCondition"]["MaxWaitTimeInSeconds"] = training.max_wait_s
        if training.checkpoint == "auto":
            definition["CheckpointConfig"] = {"S3Uri": places.checkpoint_uri}
    return merged(merged(definition, training.sagemaker), places.laid_down)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge: mappings key by key, anything else replaced."""
    result = dict(base)
    for key, value in changes.items():
        there = result.get(key)
        both = isinstance(there, Mapping) and isinstance(value, Mapping)
        result[key] = merged(there, value) if both else value  # type: ignore[arg-type]  # both are mappings then
    return result


def _static(training: TrainingSpec, places: RequestPlaces) -> dict[str, str]:
    static = {name: _as_text(value) for name, value in training.hyperparameters.items()}
    if not training.is_script:
        static.setdefault("save_model_on_termination", "true")  # one that is stopped may be the best, and needs a model
    if training.entry_point is not None and places.code_uri is not None:
        static |= {"sagemaker_program": training.entry_point, "sagemaker_submit_directory": places.code_uri}
    return static


def _algorithm(training: TrainingSpec, places: RequestPlaces) -> dict[str, Any]:
    algorithm: dict[str, Any] = {
        "TrainingImage": training_image(training, places.region),
        "TrainingInputMode": "File",
    }
    if training.is_script and places.code_uri is not None:
        algorithm["MetricDefinitions"] = [{"Name": metric.name, "Regex": metric.regex} for metric in training.metrics]
    return algorithm


def _resources(training: TrainingSpec) -> dict[str, Any]:
    each = {"InstanceCount": training.instance.count, "VolumeSizeInGB": training.instance.volume_gb}
    first, *others = training.instance.types
    if not others:
        return {"ResourceConfig": {"InstanceType": first, **each}}
    # AMT takes the first type that has capacity (HyperParameterTuningResourceConfig, amt.md 1.4).
    configs = [{"InstanceType": kind, **each} for kind in training.instance.types]
    return {"HyperParameterTuningResourceConfig": {"InstanceConfigs": configs, "AllocationStrategy": "Prioritized"}}


def _channel(name: str, channel: Channel) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": channel.uri, "S3DataDistributionType": "FullyReplicated"}
    entry = {"ChannelName": name, "ContentType": channel.content_type, "DataSource": {"S3DataSource": source}}
    return entry if channel.input_mode == "File" else {**entry, "InputMode": channel.input_mode}


def _as_text(value: Scalar) -> str:
    # The wire knows strings only; JSON's words for booleans are what the training toolkit decodes.
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
