"""README's commands, typed in its order."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import REPO, Retune, environment_of

# This very suite, and what `.ci/run` runs beside it.
RUN_ELSEWHERE = ("make test",)
README_URL = "http://127.0.0.1:8080/invocations"


def commands() -> list[str]:
    """Every `$ ` line of README's console blocks, without its remark."""
    blocks = re.findall(r"```console\n(.*?)```", (REPO / "README.md").read_text(), flags=re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+#.*$", "", line) for line in lines]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Retune]:
    """A home of its own with services of its own: nothing is given from outside."""
    command = Retune(home=tmp_path / "home", cwd=REPO, environment=environment_of(tmp_path / "home"))
    yield command
    command("down")


def test_every_command_of_the_readme_does_what_it_says(fresh: Retune) -> None:
    """From `make retrain` to `retune down`, each command exits 0; the numbers are those README and issue promise."""
    outputs: dict[str, str] = {}
    url = README_URL
    for written in commands():
        if written in RUN_ELSEWHERE:
            continue
        # The first free port from 8080 is another one when tests run side by side.
        command = written.replace(README_URL, url)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=REPO,
            env=dict(fresh.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        outputs[written] = done.stdout
        if written == "make retrain":
            url = re.findall(r"http://127\.0\.0\.1:\d+/invocations", done.stdout)[-1]
            again = subprocess.run(
                ["make", "retrain"], cwd=REPO, env=dict(fresh.environment), capture_output=True, text=True, check=False
            )
            assert again.returncode == 0, again.stderr
            assert "bank-marketing: skip; data, spec and code are unchanged" in again.stdout
            assert len(fresh.ok("jobs")["jobs"]) == 1

    shown = outputs["make retrain"]
    for fact in ("champion       version 1", "test score", "20 completed", "spent", "answers at     http://127.0.0.1:"):
        assert fact in shown
    answer = next(text for command, text in outputs.items() if command.startswith("curl"))
    assert [row["prediction"] in ("yes", "no") for row in json.loads(answer)["predictions"]] == [True] * 3
