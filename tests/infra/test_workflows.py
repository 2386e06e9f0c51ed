"""CI runs what a developer runs, with no right it does not need and no code that can change under it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

REPO = Path(__file__).resolve().parents[2]
WORKFLOWS: list[Path] = sorted((REPO / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (REPO / "Makefile").read_text()
TARGETS = {name for names in re.findall(r"^([a-z -]+):.*## ", MAKEFILE, re.MULTILINE) for name in names.split()}
OWN = "./.github/workflows/"
# What a job may be allowed beside reading the code, and what for.
GRANTED = {
    "retrain.yml": {"model": {"id-token": "write", "pull-requests": "write"}},
    "retrain-model.yml": {
        "submit": {"id-token": "write"},
        "collect": {"id-token": "write", "pull-requests": "write"},
    },
}


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> Any:
    """A workflow, read, with its file's name."""
    return {**YAML(typ="safe").load(request.param.read_text()), "file": request.param.name}


def steps(workflow: Any) -> Iterator[dict[str, Any]]:
    """The steps of all jobs."""
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def test_every_command_is_a_make_target(workflow: Any) -> None:
    """A `run:` step is one make target that exists: CI has no logic of its own."""
    commands = [step["run"] for step in steps(workflow) if "run" in step]

    assert commands
    assert all(re.fullmatch(r"make [a-z-]+", command) for command in commands), commands
    assert {command.removeprefix("make ") for command in commands} <= TARGETS


def test_rights_are_none_but_for_what_a_job_does(workflow: Any) -> None:
    """Nothing by default; a job may read the code, and of retraining take its AWS role and write its comment."""
    granted = GRANTED.get(workflow["file"], {})

    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == {"contents": "read", **granted.get(name, {})}, name


def test_a_role_is_taken_in_an_environment_only(workflow: Any) -> None:
    """A job that can become an AWS role stands in its own environment, the one that the role's trust policy names."""
    taking = {
        name: job for name, job in workflow["jobs"].items() if "id-token" in job["permissions"] and "steps" in job
    }

    assert {name: job.get("environment") for name, job in taking.items()} == {name: f"retune-{name}" for name in taking}


def test_no_command_is_put_together_from_what_others_named() -> None:
    """No `run:` holds an expression: what an event says arrives in variables, checked by the code that reads them."""
    for path in WORKFLOWS:
        for step in steps(YAML(typ="safe").load(path.read_text())):
            assert "${{" not in step.get("run", "")
            assert "shell" not in step


def test_a_called_workflow_is_handed_the_secrets_it_reads(workflow: Any) -> None:
    """GitHub gives a called workflow no secret, of an environment neither, unless it declares it and is handed it."""
    for job in workflow["jobs"].values():
        if not job.get("uses", "").startswith(OWN):
            continue
        called = (REPO / job["uses"]).read_text()
        read = set(re.findall(r"\$\{\{ secrets\.(\w+) \}\}", called))
        assert read == set(YAML(typ="safe").load(called)["on"]["workflow_call"]["secrets"])
        assert job["secrets"] == {name: f"${{{{ secrets.{name} }}}}" for name in read}


def test_actions_are_pinned_by_commit(workflow: Any) -> None:
    """A tag can be moved, a commit cannot."""
    used = [each["uses"] for each in (*steps(workflow), *workflow["jobs"].values()) if "uses" in each]
    others = [name for name in used if not name.startswith(OWN)]

    assert others
    assert {name for name in used if name.startswith(OWN)} <= {f"{OWN}{path.name}" for path in WORKFLOWS}
    assert [name for name in others if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)] == []


def test_a_checkout_keeps_no_token(workflow: Any) -> None:
    """The token that fetched the code is not left in the clone for the tests to find."""
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]

    assert len(checkouts) == sum("steps" in job for job in workflow["jobs"].values())
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_run_is_endless_or_piles_up(workflow: Any) -> None:
    """Each job has its limit, no more than GitHub's own six hours; runs of a branch or a model do not pile up."""
    assert all(0 < job["timeout-minutes"] < 360 for job in workflow["jobs"].values() if "steps" in job)
    if "workflow_call" not in workflow["on"]:
        assert workflow["concurrency"]["group"]


def test_a_model_is_retrained_once_at_a_time() -> None:
    """Two events for one model wait for each other, and neither is cancelled while it runs: it has spent money."""
    model = YAML(typ="safe").load((REPO / ".github" / "workflows" / "retrain.yml").read_text())["jobs"]["model"]

    assert model["concurrency"] == {"group": "retrain-model-${{ matrix.run.name }}", "cancel-in-progress": False}


def test_the_version_of_a_pin_is_said_beside_it() -> None:
    """A reader sees which release a commit is."""
    lines = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    lines = [line for line in lines if OWN not in line]

    assert [line for line in lines if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
