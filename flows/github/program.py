"""`retune` as a step runs it: a program of its own, whose log cannot give GitHub's runner orders."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A program that has ended.

    Attributes:
        code: Exit code.
        out: What it printed.
        last: The last line of its log.
    """

    code: int
    out: str
    last: str

    @property
    def document(self) -> dict[str, Any]:
        """What it printed as JSON."""
        return dict(json.loads(self.out))


def retune(*arguments: str, environment: Mapping[str, str]) -> Ended:
    """Run `retune` to its end, its log on stderr as it comes.

    Args:
        arguments: Of the command.
        environment: The whole of it.
    """
    # A line that begins with `::` is an order to the runner until this word is said again.
    word = secrets.token_hex(16)
    sys.stderr.write(f"::stop-commands::{word}\n")
    sys.stderr.flush()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018  both are pipes
        said: list[str] = []
        log = threading.Thread(target=_pass_on, args=(process.stderr, said), daemon=True)
        log.start()
        out = process.stdout.read()
        log.join()
        return Ended(code=process.wait(), out=out, last=said[-1] if said else "")
    finally:
        sys.stderr.write(f"::{word}::\n")
        sys.stderr.flush()


def _pass_on(log: IO[str], said: list[str]) -> None:
    for line in log:
        sys.stderr.write(line)
        sys.stderr.flush()
        if line.strip():
            said[:] = [line.strip()]
