"""The fork server: heavy libraries imported once, then one cheap fork per training job (design, section 3).

It is its own exec'd module and only imports: it never trains, predicts, opens a connection or a thread. A parent that
trained with two threads hangs its child's OpenMP for ever (measured), and only a process with one thread may fork
safely. It runs until its input ends, which happens when the supervisor closes it or dies in whatever way; then it ends
its runners and itself.

Lines in, JSON: `{"do": "launch", "job", "launch"}`, `{"do": "signal", "job", "signal"}`. Lines out, JSON, on a pipe
that the runners write to as well (each line below PIPE_BUF, so they do not mix): the runners' own events, and
`{"job", "event": "runner_ended", "code"}`.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import selectors
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from components.amt import runner
from components.amt.folders import TrialFolder

_CHUNK_BYTES = 65536
# How long runners get to clean up when the supervisor is gone.
_END_S = 3.0


class ForkServer:
    """Forks a runner per training job and tells when it has ended.

    Args:
        commands: Descriptor the commands come from.
        events: Descriptor the events go to.
        supervisor: Readable when the supervisor has ended; None where that is not offered. The end of the input says
            so too, unless a process the supervisor forked keeps the pipe open.
    """

    def __init__(self, commands: int, events: int, supervisor: int | None) -> None:
        self._commands = commands
        self._events = events
        self._supervisor = supervisor
        self._jobs: dict[int, str] = {}
        self._partial = b""
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def serve(self) -> None:
        """Serve until the input ends."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the loop
        with selectors.DefaultSelector() as selector:
            self._selector = selector
            selector.register(self._commands, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            if self._supervisor is not None:
                selector.register(self._supervisor, selectors.EVENT_READ)
            goes_on = True
            while goes_on:
                for key, _ in selector.select():
                    if key.fd == self._commands:
                        goes_on = goes_on and self._read_commands()
                    elif key.fd == self._supervisor:
                        goes_on = False
                    else:
                        self._reap()
            self._end_runners()

    def _read_commands(self) -> bool:
        chunk = os.read(self._commands, _CHUNK_BYTES)
        if not chunk:
            return False
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for line in lines:
            command = json.loads(line)
            if command["do"] == "launch":
                self._launch(command["job"], Path(command["launch"]))
            else:
                self._signal(command["job"], int(command["signal"]))
        return True

    def _launch(self, job: str, launch: Path) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._emit({"job": job, "event": "runner_ended", "code": 1, "error": f"cannot fork: {error}"})
            return
        if pid == 0:
            self._become_runner(launch, server)
        self._jobs[pid] = job

    def _become_runner(self, launch: Path, server: int) -> NoReturn:
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for descriptor in (self._commands, self._wake_read, self._wake_write, self._supervisor):
                if descriptor is not None:
                    os.close(descriptor)
            _redirect_output(TrialFolder(launch.parent).runner_log)
            gc.enable()
            code = runner.main(launch, self._events, server)
        except BaseException:  # noqa: BLE001 - a forked child must not run the server's code any further
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stderr.flush()
            os._exit(code)

    def _signal(self, job: str, number: int) -> None:
        for pid, name in self._jobs.items():
            if name == job:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake_read, _CHUNK_BYTES)
        while self._jobs:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            job = self._jobs.pop(pid, None)
            if job is not None:
                code = os.waitstatus_to_exitcode(status)
                self._emit({"job": job, "event": "runner_ended", "code": code})

    def _emit(self, event: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            os.write(self._events, json.dumps(event).encode() + b"\n")

    def _end_runners(self) -> None:
        """Everything ends now: SIGUSR1 has a runner kill its container and all below it, SIGKILL is for the stuck."""
        for pid in self._jobs:
            os.kill(pid, signal.SIGUSR1)
        until = time.monotonic() + _END_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            while self._jobs:
                self._reap()
                if self._jobs and not selector.select(max(0.0, until - time.monotonic())):
                    break
        for pid in self._jobs:
            os.kill(pid, signal.SIGKILL)
        for pid in self._jobs:
            os.waitpid(pid, 0)


def _redirect_output(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def main() -> None:
    """Import what is to be preloaded, then serve. Commands come on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--preload", default="")
    parser.add_argument("--supervisor", type=int, required=True)
    arguments = parser.parse_args()
    os.set_inheritable(arguments.events, False)  # noqa: FBT003 - positional in the standard library
    commands = os.dup(0)
    gc.disable()
    for name in filter(None, arguments.preload.split(",")):
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001 - the training job that needs it will say so in its own log
            traceback.print_exc()
    gc.freeze()  # shared pages stay shared
    ForkServer(commands, arguments.events, _watch_process(arguments.supervisor)).serve()


def _watch_process(pid: int) -> int | None:
    """A descriptor that becomes readable when a process ends; None where the platform has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # gone already: the end of the input says so too
        return None


if __name__ == "__main__":
    main()
