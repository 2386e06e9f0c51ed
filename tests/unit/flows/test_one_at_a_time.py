"""Commands on one model, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from components.settings import read_settings
from flows.one_at_a_time import one_at_a_time
from tests.command import REPO

OTHER = """
from components.settings import read_settings
from flows.one_at_a_time import one_at_a_time

with one_at_a_time(read_settings(), "shop"):
    print("in", flush=True)
    input()
"""


def other_command() -> subprocess.Popen[str]:
    """Another process that holds the lock from its first line of output until it is told something."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    return subprocess.Popen([sys.executable, "-c", OTHER], text=True, env=environment, cwd=REPO, **pipes)


def test_who_waits_for_another_command_is_told(home: Path) -> None:
    """The second command says what it waits for, and goes on when the first one ends, even by a kill."""
    said = "waiting for another command that registers, promotes or rolls back shop\n"
    with one_at_a_time(read_settings(), "shop"), one_at_a_time(read_settings(), "another"):
        waiting = other_command()
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == said
    with waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "in\n"
        waiting.kill()

    with one_at_a_time(read_settings(), "shop"):
        assert len(list((home / "locks").iterdir())) == 2
