"""`retune` as a user types it: a process with a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPO = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Retune:
    """`retune` with a home of its own."""

    home: Path
    cwd: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, timeout_s: float = 280, **variables: str) -> Finished:
        """Run a command to its end."""
        process = self.start(*arguments, **variables)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(
                f"retune {' '.join(arguments)} must end within {timeout_s} s: {process.communicate()}"
            ) from None
        return Finished(code=process.returncode, out=out, err=err)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=self.cwd,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that is killed at the latest when the block ends, so that a failing test cannot hang."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()

    def ok(self, *arguments: str, **variables: str) -> Any:
        """The JSON document of a command that must succeed."""
        finished = self(*arguments, "--json", **variables)
        assert finished.code == 0, finished.err
        return finished.document


def environment_of(home: Path, **more: str) -> dict[str, str]:
    """A clean environment: no AWS, no Prefect, no MLflow of the machine that runs the tests."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
    kept = {name: os.environ[name] for name in keep if name in os.environ}
    return {
        **kept,
        "RETUNE_HOME": str(home),
        "PYTHONPATH": str(REPO),
        "PREFECT_HOME": str(home / "no-profile"),
        **more,
    }


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL a run's process group; return when all that it had started is gone as well."""
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
