"""CI runs what a developer runs, with no right it does not need and no code that can change under it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

REPO = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (REPO / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> Any:
    """A workflow, read."""
    return YAML(typ="safe").load(request.param.read_text())


def steps(workflow: Any) -> Iterator[dict[str, Any]]:
    """The steps of all jobs."""
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_every_command_is_a_make_target(workflow: Any) -> None:
    """A `run:` step is one make target that exists: CI has no logic of its own."""
    commands = [step["run"] for step in steps(workflow) if "run" in step]

    assert commands
    assert all(re.fullmatch(r"make [a-z-]+", command) for command in commands), commands
    assert {command.removeprefix("make ") for command in commands} <= TARGETS


def test_rights_are_none_but_for_reading(workflow: Any) -> None:
    """Nothing by default; a job may read the code."""
    assert workflow["permissions"] == {}
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}] * len(workflow["jobs"])


def test_actions_are_pinned_by_commit(workflow: Any) -> None:
    """A tag can be moved, a commit cannot."""
    used = [step["uses"] for step in steps(workflow) if "uses" in step]

    assert used
    assert [name for name in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)] == []


def test_a_checkout_keeps_no_token(workflow: Any) -> None:
    """The token that fetched the code is not left in the clone for the tests to find."""
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]

    assert len(checkouts) == len(workflow["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_run_is_endless_or_piles_up(workflow: Any) -> None:
    """Each job has its limit, and a newer push replaces an older run."""
    assert workflow["concurrency"]["group"]
    assert all(0 < job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_the_version_of_a_pin_is_said_beside_it() -> None:
    """A reader sees which release a commit is."""
    lines = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]

    assert [line for line in lines if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
