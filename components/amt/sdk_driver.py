"""How SDK v3's ModelTrainer runs a script: a driver of its own, uploaded as the channel `sm_drivers`.

The request's entry point is always the same, a shell script of that channel; what is to run stands in its
`sourcecode.json`, and the script in the channel `code`. The driver has /opt/ml typed into it, which processes of one
machine cannot each have, so it is not run: what it would do is done here with the same files (SDK 3.27, read and run).
The SDK's tuner uploads the channel too, but sends no entry point: its scripts are the toolkit's (`script_mode`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from components.amt import script_mode
from components.amt.source_code import BadSource, check_entry_point, unpack

_CHANNEL = "sm_drivers"
_CODE = "code"
_SCRIPT = f"/opt/ml/input/data/{_CHANNEL}/sm_train.sh"
_ENTRYPOINT = ["/bin/bash"]
_ARGUMENTS = ["-c", f"chmod +x {_SCRIPT} && {_SCRIPT}"]
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Driver:
    """What a driver would run.

    Attributes:
        program: Entry script in the source directory.
        requirements: Its file of requirements; None when nothing is to be installed.
    """

    program: str
    requirements: str | None = None


def is_asked_for(definition: Mapping[str, Any]) -> bool:
    """Whether a definition's entry point is SDK v3's driver, and its channel is there."""
    specification = definition["AlgorithmSpecification"]
    return (
        specification.get("ContainerEntrypoint") == _ENTRYPOINT
        and specification.get("ContainerArguments") == _ARGUMENTS
        and any(channel["ChannelName"] == _CHANNEL for channel in definition.get("InputDataConfig") or ())
    )


def place(ml: Path) -> Driver:
    """Read what the driver would run, and put the code where scripts run.

    Args:
        ml: The container's /opt/ml, its channels in place and `code/` empty.

    Raises:
        BadSource: The channel says nothing, or something this machine does not do.
    """
    channels, code = ml / "input" / "data", ml / "code"
    source = _document(channels / _CHANNEL / "sourcecode.json")
    if _document(channels / _CHANNEL / "distributed.json"):
        raise BadSource("distributed training is not available yet on the local engine")
    program = source.get("entry_script")
    if source.get("command") or not isinstance(program, str):
        raise BadSource("SourceCode needs an entry_script and no command on the local engine")
    archive = PurePosixPath(str(source.get("source_dir"))).name
    if archive.endswith(".tar.gz"):
        unpack(channels / _CODE / archive, code)
    elif (channels / _CODE).is_dir():
        # Copied, not linked: a script's folder is its own to write to.
        shutil.copytree(channels / _CODE, code, copy_function=shutil.copyfile, dirs_exist_ok=True)
    check_entry_point(code, program).chmod(0o755)
    return Driver(program=program, requirements=_requirements(source.get("requirements"), code))


def _requirements(name: Any, code: Path) -> str | None:
    if not name:
        return None
    if name != "auto":  # the SDK's word for requirements.txt, if there is one
        shutil.copyfile(check_entry_point(code, str(name)), code / "requirements.txt.asked")
        (code / "requirements.txt.asked").replace(code / "requirements.txt")
    return "requirements.txt"


def _document(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise BadSource(f"the channel {_CHANNEL} must hold {path.name} as SDK v3 writes it: {error}") from error
    if not isinstance(document, dict):
        raise BadSource(f"the channel {_CHANNEL} must hold {path.name} as SDK v3 writes it, got a {type(document)}")
    return document


def arguments(hyperparameters: Mapping[str, str]) -> list[str]:
    """`--name value` as the driver writes them: in the request's order, JSON but for text."""
    words: list[str] = []
    for name, value in script_mode.decoded(hyperparameters).items():
        words += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    return words


def environment(driver: Driver, ml: Path) -> dict[str, str]:
    """What the driver sets beside the toolkit's SM_* variables."""
    return {
        "SM_SOURCE_DIR": str(ml / "code"),
        "SM_ENTRY_SCRIPT": driver.program,
        "SM_INPUT_DATA_DIR": str(ml / "input" / "data"),
        "SM_OUTPUT_FAILURE": str(ml / "output" / "failure"),
        "SM_HOST_COUNT": "1",
        "SM_CURRENT_HOST_RANK": "0",
        "SM_MASTER_ADDR": "127.0.0.1",
        "SM_MASTER_PORT": "7777",
    }
