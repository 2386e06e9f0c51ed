"""SDK v3's driver of a single training job: what it would run is found in its channel, and nothing else is."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from components.amt import sdk_driver
from components.amt.source_code import BadSource

SCRIPT = "/opt/ml/input/data/sm_drivers/sm_train.sh"
# As SDK 3.27 writes it, SourceCode's members at their defaults.
SOURCE = {"source_dir": "src", "requirements": None, "entry_script": "train.py", "command": None, "args": None}


def a_definition(**specification: Any) -> dict[str, Any]:
    """A definition with the SDK's entry point and channel."""
    entry = {"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": ["-c", f"chmod +x {SCRIPT} && {SCRIPT}"]}
    return {
        "AlgorithmSpecification": {**entry, **specification},
        "InputDataConfig": [{"ChannelName": "code"}, {"ChannelName": "sm_drivers"}],
    }


def a_container(folder: Path, distributed: str = "{}", **source: Any) -> Path:
    """An /opt/ml with both channels of the SDK in place."""
    drivers, code = folder / "input" / "data" / "sm_drivers", folder / "input" / "data" / "code"
    for made in (drivers, code / "package", folder / "code"):
        made.mkdir(parents=True)
    (drivers / "sourcecode.json").write_text(json.dumps({**SOURCE, **source}))
    (drivers / "distributed.json").write_text(distributed)
    (code / "train.py").write_text("print('loss = 1')\n")
    (code / "package" / "wanted.txt").write_text("tabulate\n")
    (code / "train.py").chmod(0o444)  # a fetched input is read-only
    return folder


def test_only_the_sdks_own_entry_point_is_its_driver() -> None:
    """Another entry point, other arguments or no channel `sm_drivers` is somebody else's container."""
    assert sdk_driver.is_asked_for(a_definition())
    assert not sdk_driver.is_asked_for(a_definition(ContainerEntrypoint=["/bin/sh"]))
    assert not sdk_driver.is_asked_for(a_definition(ContainerArguments=["-c", "id"]))
    assert not sdk_driver.is_asked_for({**a_definition(), "InputDataConfig": [{"ChannelName": "code"}]})
    assert not sdk_driver.is_asked_for({"AlgorithmSpecification": {}})


def test_the_code_is_the_scripts_own_to_write_to(tmp_path: Path) -> None:
    """The channel `code` is copied to where scripts run, the entry script made executable; the input stays as it is."""
    ml = a_container(tmp_path)
    assert sdk_driver.place(ml) == sdk_driver.Driver(program="train.py")
    copy = ml / "code" / "train.py"
    assert copy.stat().st_mode & 0o777 == 0o755
    copy.write_text("changed")
    assert (ml / "input" / "data" / "code" / "train.py").read_text() == "print('loss = 1')\n"


def test_a_named_file_of_requirements_is_the_one_installed(tmp_path: Path) -> None:
    """SourceCode.requirements names any file; without it nothing is installed, whatever lies there."""
    ml = a_container(tmp_path, requirements="package/wanted.txt")
    assert sdk_driver.place(ml).requirements == "requirements.txt"
    assert (ml / "code" / "requirements.txt").read_text() == "tabulate\n"


def test_a_source_that_is_an_archive_is_unpacked(tmp_path: Path) -> None:
    """SourceCode.source_dir may be an s3:// archive, which the driver unpacks beside itself."""
    ml = a_container(tmp_path, source_dir="s3://bucket/code/source.tar.gz")
    channel = ml / "input" / "data" / "code"
    (channel / "train.py").rename(tmp_path / "train.py")
    with tarfile.open(channel / "source.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "train.py", "train.py")
    assert sdk_driver.place(ml).program == "train.py"
    assert (ml / "code" / "train.py").is_file()


@pytest.mark.parametrize(
    ("source", "distributed", "said"),
    [
        ({"command": "torchrun train.py"}, "{}", "no command"),
        ({"entry_script": None}, "{}", "needs an entry_script"),
        ({"entry_script": "../../config/hyperparameters.json"}, "{}", "must name a file of the source directory"),
        ({"requirements": "../sm_drivers/sourcecode.json"}, "{}", "must name a file of the source directory"),
        ({}, '{"process_count_per_node": 2}', "distributed training"),
        ({}, "[]", "distributed.json"),
        ({}, "[" * 100_000, "distributed.json"),
    ],
    ids=["command", "no script", "script outside", "requirements outside", "distributed", "no object", "too deep"],
)
def test_what_is_not_done_here_is_refused_by_name(
    source: dict[str, Any], distributed: str, said: str, tmp_path: Path
) -> None:
    """Commands, distributed training, files outside and documents that are none fail the training job by name."""
    with pytest.raises(BadSource, match=said):
        sdk_driver.place(a_container(tmp_path, distributed, **source))


def test_a_channel_that_says_nothing_is_refused(tmp_path: Path) -> None:
    """Without the driver's documents it is not known what to run."""
    ml = a_container(tmp_path)
    (ml / "input" / "data" / "sm_drivers" / "sourcecode.json").unlink()
    with pytest.raises(BadSource, match="must hold sourcecode"):
        sdk_driver.place(ml)


def test_arguments_are_the_drivers() -> None:
    """`--name value` in the request's order, JSON but for text; one letter gets two dashes too."""
    given = {"b": "true", "a": "0.5", "names": '["x"]', "text": '"quoted"', "plain": "a b"}
    assert sdk_driver.arguments(given) == [
        *("--b", "true", "--a", "0.5", "--names", '["x"]', "--text", "quoted", "--plain", "a b"),
    ]
