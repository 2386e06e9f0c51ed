"""A create request as the service keeps it (amt.md 2.1), and what of AWS's API the local engine does not have yet."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from components.amt import checkpoint_paths, script_mode, sdk_driver
from components.amt.algorithms import algorithm_of
from components.amt.training_job import OBJECTIVE_METRIC
from components.errors import InvalidInput
from components.storage.store import parse_uri

_MOST_METRICS = 40
_CHANNEL_NAME = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9._\-]*")


def without_nones(value: Any) -> Any:
    """A request without members that are None: to AWS they are not there."""
    if isinstance(value, Mapping):
        return {name: without_nones(member) for name, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [without_nones(member) for member in value]
    return value


def unavailable(request: Mapping[str, Any]) -> list[str]:
    """Paths of a valid request that ask for something the local engine cannot do yet."""
    return list(_unavailable(request))


def definition_unavailable(definition: Mapping[str, Any]) -> list[str]:
    """The same of one training job's definition."""
    return list(_definition(definition))


def _unavailable(request: Mapping[str, Any]) -> Iterator[str]:
    for name in ("Autotune", "TrainingJobDefinitions"):
        if request.get(name):
            yield name
    config = request["HyperParameterTuningJobConfig"]
    converged = (config.get("TuningJobCompletionCriteria") or {}).get("ConvergenceDetected") or {}
    if converged.get("CompleteOnConvergence", "Disabled") != "Disabled":
        yield "TuningJobCompletionCriteria.ConvergenceDetected"
    if (config.get("ParameterRanges") or {}).get("AutoParameters"):
        yield "AutoParameters"
    if request.get("TrainingJobDefinition"):
        yield from _definition(request["TrainingJobDefinition"])


def _definition(definition: Mapping[str, Any]) -> Iterator[str]:
    for name in ("EnableNetworkIsolation", "RetryStrategy"):
        if definition.get(name):
            yield name
    yield from _checkpoints(definition.get("CheckpointConfig"))
    specification = definition["AlgorithmSpecification"]
    if "AlgorithmName" in specification:
        yield "AlgorithmName"
    elif algorithm_of(specification["TrainingImage"]) is None and not (
        _program(definition) or sdk_driver.is_asked_for(definition)
    ):
        yield (
            "a TrainingImage that is neither sagemaker-xgboost nor in script mode (StaticHyperParameters "
            f"sagemaker_program): {specification['TrainingImage']}"
        )
    for channel in definition.get("InputDataConfig") or ():
        yield from _channel(channel, channel.get("InputMode", specification["TrainingInputMode"]))
    output = definition["OutputDataConfig"]
    yield from _output_path(output["S3OutputPath"])
    if output.get("CompressionType", "GZIP") != "GZIP":
        yield f"OutputDataConfig.CompressionType {output['CompressionType']}"
    resources = definition.get("ResourceConfig") or definition.get("HyperParameterTuningResourceConfig") or {}
    counts = [each.get("InstanceCount", 1) for each in (resources, *(resources.get("InstanceConfigs") or ()))]
    if max(counts) > 1 or resources.get("InstanceGroups"):
        yield "more than one instance"


def _checkpoints(config: Mapping[str, Any] | None) -> Iterator[str]:
    if not config:
        return
    path = PurePosixPath(config.get("LocalPath") or checkpoint_paths.DEFAULT)
    if not checkpoint_paths.is_usable(path):
        yield f"a CheckpointConfig.LocalPath that is not below /opt/ml: {path}"
    if not config["S3Uri"].startswith("s3://"):
        yield "a CheckpointConfig.S3Uri that does not start with s3://"
    else:
        yield from _output_path(config["S3Uri"], member="CheckpointConfig.S3Uri")


def _channel(channel: Mapping[str, Any], mode: str) -> Iterator[str]:
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        yield "FileSystemDataSource"
    elif source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        yield f"S3DataType {source['S3DataType']}"
    elif not source["S3Uri"].startswith("s3://"):
        yield "an S3Uri that does not start with s3://"
    if not _CHANNEL_NAME.fullmatch(channel["ChannelName"]):
        yield f"ChannelName {channel['ChannelName']}"
    if channel.get("CompressionType", "None") != "None":
        yield f"CompressionType {channel['CompressionType']}"
    if channel.get("RecordWrapperType", "None") != "None":
        yield f"RecordWrapperType {channel['RecordWrapperType']}"
    if mode == "Pipe":
        yield "TrainingInputMode Pipe"


def _output_path(uri: str, *, member: str = "OutputDataConfig.S3OutputPath") -> Iterator[str]:
    try:
        _, key = parse_uri(uri)
    except InvalidInput as error:
        yield f"{member}: {error}"
    else:
        if "//" in f"/{key}".rstrip("/") or "\0" in uri:
            yield f"{'an' if member[0] == 'O' else 'a'} {member} with an empty part or NUL: {uri!r}"


def _program(definition: Mapping[str, Any]) -> str | None:
    return script_mode.program_of(definition.get("StaticHyperParameters") or {})


def as_kept(request: Mapping[str, Any]) -> dict[str, Any]:
    """What Describe echoes: HyperParameterTuningJobConfig and TrainingJobDefinition with the service's additions.

    ScalingType Auto where none is given; `_tuning_objective_metric` among the static hyperparameters; a built-in
    algorithm's metric definitions, and `ObjectiveMetric`, a copy of the objective's; the booleans as false.
    """
    config = copy.deepcopy(dict(request["HyperParameterTuningJobConfig"]))
    definition = copy.deepcopy(dict(request["TrainingJobDefinition"]))
    metric = config["HyperParameterTuningJobObjective"]["MetricName"]
    ranges = config.setdefault("ParameterRanges", {})
    for kind in ("IntegerParameterRanges", "ContinuousParameterRanges"):
        for entry in ranges.get(kind, ()):
            entry.setdefault("ScalingType", "Auto")
    static = dict(definition.get("StaticHyperParameters") or {})
    definition["StaticHyperParameters"] = {**static, "_tuning_objective_metric": metric}
    specification = definition["AlgorithmSpecification"]
    metrics = [dict(entry) for entry in specification.get("MetricDefinitions") or ()]
    algorithm = algorithm_of(specification.get("TrainingImage", ""))
    if algorithm is not None:
        metrics = [dict(entry) for entry in algorithm.definitions_for(metric)]
    names = {entry["Name"]: entry["Regex"] for entry in metrics}
    if metric in names and OBJECTIVE_METRIC not in names and len(metrics) < _MOST_METRICS:
        metrics.append({"Name": OBJECTIVE_METRIC, "Regex": names[metric]})
    specification["MetricDefinitions"] = metrics
    for name in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"):
        definition.setdefault(name, False)
    kept = {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition}
    if request.get("WarmStartConfig"):
        kept["WarmStartConfig"] = copy.deepcopy(dict(request["WarmStartConfig"]))
    return kept
