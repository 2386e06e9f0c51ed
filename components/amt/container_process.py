"""The container's main process, seen from its runner: started, polled, signalled as a group, reaped."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil

from components.amt import linux

FAILURE_CHARACTERS = 1024
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
# The last line of a traceback, as the toolkit recognises it.
_PYTHON_ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception|Exit|Interrupt|Warning)\b|[A-Za-z_][\w.]*: )")


class ContainerProcess:
    """A child in a process group of its own, its stdout and stderr in one pipe.

    Args:
        pid: Its process id, which is the group's id too.
        output: Reading end of the pipe, non-blocking.
    """

    def __init__(self, pid: int, output: int) -> None:
        self.pid = pid
        self.output = output
        os.set_blocking(output, False)

    def poll(self) -> int | None:
        """Its exit code if it has ended, 128 + n when signal n ended it. It stays a zombie, so its group's id holds."""
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: the group's id may be free from here on
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            code = os.waitstatus_to_exitcode(status)
            return None if pid == 0 else code if code >= 0 else 128 - code
        result = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if result is None:
            return None
        return result.si_status if result.si_code == os.CLD_EXITED else 128 + result.si_status

    def signal_group(self, number: int) -> None:
        """Signal every process of the group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def reap(self) -> None:
        """Let the ended process go."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def start(launch: Mapping[str, Any], *, close_in_child: Sequence[int]) -> ContainerProcess:
    """Start the container's main process.

    A built-in trainer is forked from this process, which has its libraries loaded; one's own script, and anything on a
    platform without the fork server, gets a fresh interpreter.

    Args:
        launch: What `launch.json` says: `command` or `trainer_module`, `environment`, `working_folder`, `threads`.
        close_in_child: Descriptors a forked child must not keep.

    Raises:
        OSError: The program cannot be started.
        ValueError: An argument or variable holds what none can.
    """
    read, write = os.pipe()
    linux.widen_pipe(write)
    runner = os.getpid()
    try:
        if launch["command"] is None:
            # A signal that finds the child with this process's handlers would be lost: it waits until they are gone.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
            try:
                pid = os.fork()
                if pid == 0:
                    _become_trainer(launch, write, [read, *close_in_child], runner)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        else:
            process = subprocess.Popen(
                launch["command"],
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                cwd=launch["working_folder"],
                env=launch["environment"],
                process_group=0,
                preexec_fn=lambda: linux.die_with_parent(runner),  # noqa: PLW1509 - this process has one thread
            )
            pid = process.pid
            process.returncode = 0  # we wait for it ourselves; keeps Popen's destructor from complaining
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    with suppress(PermissionError, ProcessLookupError):  # also done by the child: whoever comes first
        os.setpgid(pid, pid)
    return ContainerProcess(pid, read)


def _become_trainer(launch: Mapping[str, Any], output: int, close: Sequence[int], parent: int) -> NoReturn:
    code = 1
    try:
        with suppress(PermissionError):
            os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (*_ENDING_SIGNALS, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
        linux.die_with_parent(parent)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for descriptor in (output, *close):
            os.close(descriptor)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are text files here
        os.environ.clear()  # noqa: TID251 - builds a child's environment
        os.environ.update(launch["environment"])  # noqa: TID251 - the same
        os.chdir(launch["working_folder"])
        linux.limit_openmp(launch["threads"])
        code = importlib.import_module(launch["trainer_module"]).main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:  # noqa: BLE001 - a forked child must not run its parent's code any further
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
            linux.flush_c_output()
        os._exit(code)


def start_time_s(pid: int) -> float:
    """When a process started, seconds since the epoch: with its id it names the process for good. 0 = it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def failure_text(launch: Mapping[str, Any], base: Path, exit_code: int, tail: bytes) -> str:
    """Why the container failed, from its failure file, as AMT words it.

    In script mode the toolkit writes that file: ExecuteUserScriptError with exit code, error and command.

    Args:
        launch: What `launch.json` says.
        base: The container's /opt/ml.
        exit_code: Not 0.
        tail: The last output.
    """
    path = base / "output" / "failure"
    output = tail.decode("utf-8", "replace")
    if launch["script"]:
        command = shlex.join(launch["command"])
        text = f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{_error_of(output)}"\nCommand "{command}"'
        with suppress(OSError):
            path.write_text(text, encoding="utf-8")
    else:
        try:
            with path.open("rb") as file:
                text = file.read(4 * FAILURE_CHARACTERS).decode("utf-8", "replace")
        except OSError:
            text = ""
        text = text.strip() or _error_of(output)
    return text[:FAILURE_CHARACTERS]


def _error_of(output: str) -> str:
    """From the last recognised Python error line on; else the last line."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    for index in range(len(lines) - 1, -1, -1):
        if _PYTHON_ERROR.match(lines[index]) and any(line.startswith("Traceback") for line in lines[:index]):
            return "\n".join(lines[index:])[:FAILURE_CHARACTERS]
    return lines[-1][:FAILURE_CHARACTERS] if lines else ""
