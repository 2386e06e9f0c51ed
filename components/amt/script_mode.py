"""Script mode: what SageMaker's training toolkit does around one's own script (amt.md 4.3), as pure functions."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
_RESERVED = frozenset({"_tuning_objective_metric", "default_user_module_name"})
_HOST = "algo-1"
_INTERFACE = "eth0"
_GROUP = "homogeneousCluster"


def decoded(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Values as the toolkit reads them: through `json.loads`, or the text as it is."""
    return {name: _decoded_value(text) for name, text in hyperparameters.items()}


def _decoded_value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def program_of(hyperparameters: Mapping[str, str]) -> str | None:
    """The entry point, `sagemaker_program`; None when the container is not in script mode."""
    text = hyperparameters.get(PROGRAM)
    return None if text is None else str(_decoded_value(text))


def user_hyperparameters(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """What the script gets as arguments: all but the toolkit's own."""
    return {
        name: value
        for name, value in decoded(hyperparameters).items()
        if not name.startswith("sagemaker_") and name not in _RESERVED
    }


def arguments(values: Mapping[str, Any]) -> list[str]:
    """`--name value` for each value, sorted by name; one-letter names as `-n value`."""
    words: list[str] = []
    for name in sorted(values):
        words += [f"-{name}" if len(name) == 1 else f"--{name}", _argument(values[name])]
    return words


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def command(python: str, program: str, words: Sequence[str], *, package: bool = False) -> list[str]:
    """The command line for an entry point in the code folder: Python for `.py`, else the shell.

    Args:
        python: Interpreter.
        program: The entry point.
        words: Its arguments.
        package: Whether the code folder has been installed as a package, of which the entry point is a module.
    """
    if package:
        return [python, "-m", program.replace(".py", ""), *words]
    if program.endswith(".py"):
        return [python, program, *words]
    return ["/bin/sh", "-c", f"./{shlex.join([program, *words])}"]


def resource_config(instance_type: str) -> dict[str, Any]:
    """`resourceconfig.json` of the one host there is."""
    return {
        "current_host": _HOST,
        "current_instance_type": instance_type,
        "current_group_name": _GROUP,
        "hosts": [_HOST],
        "instance_groups": [{"instance_group_name": _GROUP, "instance_type": instance_type, "hosts": [_HOST]}],
        "network_interface_name": _INTERFACE,
    }


def environment(
    *,
    base: Path,
    hyperparameters: Mapping[str, str],
    input_data_config: Mapping[str, Any],
    instance_type: str,
    processors: int,
) -> dict[str, str]:
    """The SM_* variables: JSON unless text.

    Args:
        base: The container's /opt/ml.
        hyperparameters: All of them, as AMT's strings.
        input_data_config: `inputdataconfig.json`, by channel.
        instance_type: Such as `ml.m5.large`.
        processors: Processors one training job may use here.
    """
    everything = decoded(hyperparameters)
    user = user_hyperparameters(hyperparameters)
    framework = {name: value for name, value in everything.items() if name.startswith("sagemaker_")}
    program = program_of(hyperparameters) or ""
    resources = resource_config(instance_type)
    module = PurePosixPath(program).stem
    channels = {name: str(base / "input" / "data" / name) for name in sorted(input_data_config)}
    shared: dict[str, Any] = {
        "current_host": _HOST,
        "current_instance_group": _GROUP,
        "current_instance_group_hosts": [_HOST],
        "current_instance_type": instance_type,
        "framework_module": "",
        "hosts": [_HOST],
        "input_config_dir": str(base / "input" / "config"),
        "input_data_config": dict(input_data_config),
        "input_dir": str(base / "input"),
        "instance_groups": [_GROUP],
        "instance_groups_dict": {_GROUP: resources["instance_groups"][0]},
        "distribution_instance_groups": [],
        "is_hetero": False,
        "log_level": everything.get("sagemaker_container_log_level", 20),
        "model_dir": str(base / "model"),
        "module_dir": everything.get(SUBMIT_DIRECTORY, ""),
        "module_name": module,
        "network_interface_name": _INTERFACE,
        "num_cpus": processors,
        "num_gpus": 0,
        "num_neurons": 0,
        "output_data_dir": str(base / "output" / "data"),
        "output_dir": str(base / "output"),
        "output_intermediate_dir": str(base / "output" / "intermediate"),
        "resource_config": resources,
        "user_entry_point": program,
    }
    values: dict[str, Any] = {
        **shared,
        "channels": list(channels),
        "framework_params": framework,
        "hps": user,
        "user_args": arguments(user),
        "training_env": {**shared, "channel_input_dirs": channels, "hyperparameters": user},
        **{f"channel_{name}": path for name, path in channels.items()},
        **{f"hp_{name}": value for name, value in user.items()},
    }
    return {
        f"SM_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if "=" not in name and "\0" not in name
    }
