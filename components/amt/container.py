"""SageMaker's container contract on this machine: the /opt/ml layout and the environment (amt.md 4.1, 4.2)."""

from __future__ import annotations

import os
import site
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.amt import script_mode
from components.amt.folders import TrialFolder, write_json

# What a child may know of this machine. Everything else stays here: AWS, MLflow and Prefect secrets above all.
_ALLOWED = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")


def scrubbed_environment(home: Path) -> dict[str, str]:
    """The environment children start from: an allow-list, and a home without anybody's credentials files.

    Args:
        home: What HOME is for them.
    """
    environ = os.environ  # noqa: TID251 - builds a child's environment
    kept = {name: value for name, value in environ.items() if name in _ALLOWED or name.startswith("LC_")}
    kept.setdefault("PATH", os.defpath)
    kept["HOME"] = str(home)
    if site.ENABLE_USER_SITE:
        kept["PYTHONUSERBASE"] = site.getuserbase()
    return kept


def threads_per_job(parallel: int) -> int:
    """Threads one training job may use, so that all that run together have a processor each."""
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, processors // parallel)


def lay_out(
    folder: TrialFolder, *, hyperparameters: Mapping[str, str], channels: Mapping[str, Any], instance_type: str
) -> None:
    """Make the folders and config files of /opt/ml; input data and code are placed by others.

    Args:
        folder: Of the training job's attempt; new.
        hyperparameters: All of them, as strings.
        channels: `inputdataconfig.json`.
        instance_type: Such as `ml.m5.large`.
    """
    for name in ("input/config", "input/data", "model", "output/data", "output/intermediate", "code"):
        (folder.ml / name).mkdir(parents=True)
    config = folder.ml / "input" / "config"
    write_json(config / "hyperparameters.json", hyperparameters)
    write_json(config / "inputdataconfig.json", channels)
    write_json(config / "resourceconfig.json", script_mode.resource_config(instance_type))


def input_data_config(definition: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """`inputdataconfig.json` of a TrainingJobDefinition."""
    mode = definition["AlgorithmSpecification"]["TrainingInputMode"]
    channels = {}
    for channel in definition.get("InputDataConfig", ()):
        source = channel["DataSource"]["S3DataSource"]
        entry = {
            "TrainingInputMode": channel.get("InputMode", mode),
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
        if "ContentType" in channel:
            entry["ContentType"] = channel["ContentType"]
        channels[channel["ChannelName"]] = entry
    return channels


def instance_type_of(definition: Mapping[str, Any]) -> str:
    """The instance type the job asks for; the first of several."""
    resources = definition.get("ResourceConfig") or definition.get("HyperParameterTuningResourceConfig") or {}
    first: Mapping[str, Any] = next(iter(resources.get("InstanceConfigs") or ()), {})
    return str(resources.get("InstanceType") or first.get("InstanceType") or "local")


def environment(
    definition: Mapping[str, Any],
    *,
    folder: TrialFolder,
    name: str,
    arn: str,
    hyperparameters: Mapping[str, str],
    threads: int,
) -> dict[str, str]:
    """What a container gets on top of the scrubbed environment.

    Args:
        definition: TrainingJobDefinition.
        folder: Of the training job's attempt.
        name: Training job.
        arn: Its ARN.
        hyperparameters: All of them, as strings.
        threads: See `threads_per_job`.
    """
    variables = {
        "OMP_NUM_THREADS": str(threads),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": arn,
        "SAGEMAKER_BASE_DIR": str(folder.ml),
        "HOME": str(folder.ml),
    }
    if script_mode.program_of(hyperparameters) is not None:
        variables |= script_mode.environment(
            base=folder.ml,
            hyperparameters=hyperparameters,
            input_data_config=input_data_config(definition),
            instance_type=instance_type_of(definition),
            processors=threads,
        )
    # The request's own come last, as in `docker run -e`; what names the folders stays ours.
    return {**variables, **definition.get("Environment", {}), "SAGEMAKER_BASE_DIR": str(folder.ml)}
