"""A helper process that lives no longer than whoever waits for it, and can be called off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_LOOK_S = 0.1
# The kernel kills it with the thread that made it, also after exec; a parent that is gone already is noticed.
_TIED = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class CalledOff(Exception):
    """Nobody wants the outcome any more."""


class TookTooLong(Exception):
    """The time for it is over."""


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: Path,
    until_s: float,
    called_off: Callable[[], bool],
    heard: Callable[[], None] = lambda: None,
    keep: int | None = None,
) -> int:
    """Run a command to its end, or end it and what it started in its process group.

    Args:
        command: Program, a path, and arguments.
        folder: Where it runs.
        environment: All it gets.
        output: Its stdout and stderr are appended to this file.
        until_s: When to give up, on the monotonic clock.
        called_off: Whether to give up; asked often.
        heard: Called while it runs and when it has ended: there may be more output.
        keep: A descriptor it holds as long as it lives, such as that of a lock.

    Returns:
        Its exit code.

    Raises:
        CalledOff: It was ended because `called_off()`.
        TookTooLong: It was ended at `until_s`.
        OSError: It cannot be started.
    """
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd=folder,
            env=dict(environment),
            pass_fds=() if keep is None else (keep,),
            start_new_session=True,
        )
    try:
        while True:
            if called_off():
                raise CalledOff
            if time.monotonic() >= until_s:
                raise TookTooLong
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_S)
            heard()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        heard()
