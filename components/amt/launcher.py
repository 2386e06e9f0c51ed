"""The supervisor's side of the runners: starts them through a fork server, or as fresh interpreters, and hears them.

One reader thread per server hands each line to whoever asked for that training job. Servers start on first use, or
early by `warm_up`, one per set of preloaded libraries.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import components
from components.amt import linux
from components.amt.container import scrubbed_environment

_log = logging.getLogger(__name__)
_END_S = 10.0

Listener = Callable[[Mapping[str, Any]], None]

# The server must keep one thread: no pool of OpenBLAS, none of Arrow's allocators, which start one when imported.
# OpenMP reads its policy when it is loaded, in the server: threads that spin while they wait made a training with two
# threads on two busy processors ten times as slow as one that sleeps (measured).
_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONUNBUFFERED": "1",
}


def server_environment(home: Path) -> dict[str, str]:
    """Scrubbed; our own modules can be imported, and nothing imported starts a thread."""
    environment = scrubbed_environment(home) | _ONE_THREAD
    root = str(Path(components.__file__).parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH", "")]))
    return environment


class _Server:
    """One fork server process and the thread that reads its events."""

    def __init__(self, home: Path, preload: tuple[str, ...], heard: Callable[[_Server, bytes | None], None]) -> None:
        self._heard = heard
        self._writing = threading.Lock()
        self._events, events_write = os.pipe()
        try:
            with (home / "server.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [
                        sys.executable,
                        "-P",
                        "-m",
                        "components.amt.process_pool",
                        "--events",
                        str(events_write),
                        "--preload",
                        ",".join(preload),
                        "--supervisor",
                        str(os.getpid()),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=home,
                    env=server_environment(home),
                    pass_fds=[events_write],
                    start_new_session=True,  # Ctrl-C in the terminal is for the supervisor to act on
                )
        except BaseException:
            os.close(self._events)
            raise
        finally:
            os.close(events_write)
        self._reader = threading.Thread(target=self._read, name="amt-events", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        partial = b""
        while chunk := os.read(self._events, 65536):
            *lines, partial = (partial + chunk).split(b"\n")
            for line in lines:
                self._heard(self, line)
        os.close(self._events)
        self._heard(self, None)

    def send(self, command: Mapping[str, Any]) -> None:
        """Write one command. Raises OSError when the server is gone."""
        assert self.process.stdin is not None  # noqa: S101 - it was made with a pipe
        with self._writing:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()

    def close_input(self) -> None:
        """End of commands, which ends the server."""
        assert self.process.stdin is not None  # noqa: S101 - it was made with a pipe
        with suppress(OSError), self._writing:
            self.process.stdin.close()

    def close(self) -> None:
        """End its runners and it."""
        self.close_input()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(_END_S)


class Launcher:
    """Starts and signals the runners of one process's training jobs.

    Args:
        home: The local AMT's home.
        fork: Whether to use fork servers; by default on Linux.
    """

    def __init__(self, home: Path, *, fork: bool = linux.IS_LINUX) -> None:
        self._home = home
        self._fork = fork
        self._lock = threading.RLock()
        self._servers: dict[tuple[str, ...], _Server] = {}
        self._jobs: dict[str, tuple[_Server | subprocess.Popen[bytes], Listener]] = {}
        self._closed = False

    def warm_up(self, preload: tuple[str, ...]) -> None:
        """Start the server with these libraries, without waiting for it."""
        if self._fork:
            with self._lock:
                self._server(preload)

    def launch(self, job: str, launch: Path, *, preload: tuple[str, ...], listener: Listener) -> None:
        """Start a runner.

        Args:
            job: Training job.
            launch: Its launch file.
            preload: Libraries its container is forked with; empty for one's own script.
            listener: Is called with each event, from another thread; the last one is `runner_ended`.

        Raises:
            OSError: No process can be started.
        """
        with self._lock:
            if self._closed:
                raise OSError("the launcher is closed")
            if not self._fork:
                self._launch_fresh(job, launch, listener)
                return
            server = self._server(preload)
            self._jobs[job] = (server, listener)
            try:
                server.send({"do": "launch", "job": job, "launch": str(launch)})
            except OSError:
                self._jobs.pop(job, None)
                self._servers.pop(preload, None)
                raise

    def send_signal(self, job: str, number: int) -> None:
        """Signal a job's runner; nothing when it has ended."""
        with self._lock:
            process, _ = self._jobs.get(job, (None, None))
            with suppress(OSError):
                if isinstance(process, _Server):
                    process.send({"do": "signal", "job": job, "signal": number})
                elif process is not None:
                    process.send_signal(number)

    def close(self) -> None:
        """End every runner and server; their jobs stay resumable."""
        with self._lock:
            self._closed = True
            servers = list(self._servers.values())
            fresh = [process for process, _ in self._jobs.values() if isinstance(process, subprocess.Popen)]
            self._servers.clear()
        for server in servers:
            server.close()
        for process in fresh:
            process.send_signal(signal.SIGUSR1)
        for process in fresh:
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _server(self, preload: tuple[str, ...]) -> _Server:
        server = self._servers.get(preload)
        if server is None or server.process.poll() is not None:
            server = self._servers[preload] = _Server(self._home, preload, self._heard)
        return server

    def _heard(self, server: _Server, line: bytes | None) -> None:
        if line is None:  # the server is gone, and its runners with it
            with self._lock:
                orphans = {job: entry for job, entry in self._jobs.items() if entry[0] is server}
                for job in orphans:
                    del self._jobs[job]
                for preload in [key for key, value in self._servers.items() if value is server]:
                    del self._servers[preload]
            for job, (_, listener) in orphans.items():
                listener({"job": job, "event": "runner_ended", "code": None})
            server.process.wait()
            server.close_input()
            return
        event = json.loads(line)
        with self._lock:
            ended = event["event"] == "runner_ended"
            _, found = (self._jobs.pop if ended else self._jobs.get)(event["job"], (None, None))
        if found is not None:
            found(event)

    def _launch_fresh(self, job: str, launch: Path, listener: Listener) -> None:
        read, write = os.pipe()
        try:
            with (launch.parent / "runner.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "components.amt.runner", str(launch), str(write), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._home,
                    env=server_environment(self._home),
                    pass_fds=[write],
                    start_new_session=True,
                )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        self._jobs[job] = (process, listener)
        threading.Thread(target=self._listen, args=(job, process, read), name="amt-events", daemon=True).start()

    def _listen(self, job: str, process: subprocess.Popen[bytes], read: int) -> None:
        with os.fdopen(read, "rb") as events:
            for line in events:
                self._jobs_listener(job)(json.loads(line))
        code = process.wait()
        with self._lock:
            _, listener = self._jobs.pop(job)
        listener({"job": job, "event": "runner_ended", "code": code})

    def _jobs_listener(self, job: str) -> Listener:
        with self._lock:
            return self._jobs[job][1]
