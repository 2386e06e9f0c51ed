"""The runner: one process per training job, between the supervisor and the container.

It starts the container process in a process group of its own, reads its output line by line (log, metrics), ends it
when it is told to or its time is over (SIGTERM, then SIGKILL to the whole group), kills what the container leaves
behind, packs the artifacts and writes, last of all, `exit.json` by rename. Single-threaded on purpose: it forks, and
its children ask the kernel to die with the thread that made them.

Signals: SIGTERM = stop the training as AWS would; SIGUSR1 = the supervisor gives up: kill everything, record nothing.
Imports nothing heavy: the fork server forks it, and on other platforms it is a fresh interpreter.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from components.amt import container_process, linux
from components.amt.artifacts import pack
from components.amt.folders import TrialFolder, read_json, write_json
from components.amt.metrics import LONGEST_MATCH_S, Extractor, MetricFile, TooSlow, time_limit

_CHUNK_BYTES = 65536
_READ_BYTES = 1024**2  # as much as the pipe holds
_TAIL_BYTES = 32768
# Output is taken in batches: a line at a time woke runner and supervisor at every round, 16 ms of a 100 ms training.
_BATCH_S = 0.05
# How long output is read on after everything that could write has been killed.
_DRAIN_S = 1.0
_AFTER_END_MATCHING_S = 10.0
# epoll takes no more than 2147483 s, and a training job may take 28 days.
_LONGEST_WAIT_S = 3600.0

Stop = Literal["stop", "max_runtime", "max_wait", "interrupted"]


class Runner:
    """Runs one training job to its end.

    Args:
        launch: What `launch.json` says.
        events: Descriptor of the pipe to the supervisor; lines stay below PIPE_BUF, so writers do not mix.
    """

    def __init__(self, launch: dict[str, Any], events: int) -> None:
        self._launch = launch
        self._events = events
        self._folder = TrialFolder(Path(launch["folder"]))
        self._extractor: Extractor | None = Extractor(launch["metric_definitions"])
        self._stop: Stop | None = None
        self._kill_at: float | None = None
        self._partial = b""
        self._tail = b""
        self._matching_until = float("inf")

    def run(self) -> int:
        """Run the container to its end and record it. Returns the runner's own exit code."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._asked_to_stop("stop"))
        signal.signal(signal.SIGUSR1, self._give_up)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the loop
        linux.adopt_orphans()
        self._log = os.open(self._folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._metrics = MetricFile(self._folder.metrics)
        for text in self._extractor.broken if self._extractor else ():
            self._say(text)
        started_s = time.time()
        self._record_processes()
        own = [self._events, wake_read, wake_write, self._log]
        try:
            self._container = container_process.start(self._launch, close_in_child=own)
        except (OSError, ValueError) as error:
            return self._record(started_s, exit_code=1, failure=f"the container cannot be started: {error}")
        if self._stop is not None:  # it was asked for while the container was being made
            self._container.signal_group(signal.SIGTERM)
        self._record_processes()
        self._emit("started")
        exit_code = self._watch(wake_read)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended by itself: what comes now is too late to stop it
        self._end_leftovers()
        self._drain()
        return self._record(started_s, exit_code=exit_code, failure=None)

    # Watching

    def _watch(self, wake_read: int) -> int:
        """Until the container's main process has ended: its exit code, 128 + n when signal n killed it."""
        began = time.monotonic()
        ends: list[tuple[float, Stop]] = [(began + self._launch["max_runtime_s"], "max_runtime")]
        if "max_wait_s" in self._launch:
            ends.append((began + self._launch["max_wait_s"], "max_wait"))
        if "interrupt_after_s" in self._launch:
            ends.append((began + self._launch["interrupt_after_s"], "interrupted"))
        deadline, why = min(ends)
        with selectors.DefaultSelector() as selector:
            selector.register(wake_read, selectors.EVENT_READ)
            read_at: float | None = time.monotonic()  # None: end of output
            listening = False
            while True:
                ended = self._container.poll()
                if ended is not None:
                    return ended
                now = time.monotonic()
                if not listening and read_at is not None and now >= read_at:
                    selector.register(self._container.output, selectors.EVENT_READ)
                    listening = True
                if self._stop is None and now >= deadline:
                    self._asked_to_stop(why)
                if self._kill_at is not None and now >= self._kill_at:
                    self._container.signal_group(signal.SIGKILL)
                    self._kill_at = now + 1.0
                next_at = self._kill_at if self._kill_at is not None else deadline if self._stop is None else None
                due = [at for at in (next_at, None if listening else read_at) if at is not None]
                wait_s = max(0.0, min([now + _LONGEST_WAIT_S, *due]) - now)
                for key, _ in selector.select(wait_s):
                    if key.fd == wake_read:
                        with suppress(BlockingIOError):
                            os.read(wake_read, _CHUNK_BYTES)
                    else:
                        selector.unregister(self._container.output)
                        listening = False
                        size = self._read_output()
                        # A full pipe makes the container wait: it is emptied at once.
                        pause_s = 0.0 if size >= _CHUNK_BYTES else _BATCH_S
                        read_at = time.monotonic() + pause_s if size else None

    def _asked_to_stop(self, why: Stop) -> None:
        if self._stop is None:
            self._stop = why
            # Beyond the grace SIGKILL follows, as `docker stop -t 120` does (amt.md 2.4).
            grace_s = self._launch["notice_s"] if why == "interrupted" else self._launch["stop_grace_s"]
            self._kill_at = time.monotonic() + grace_s
            container = getattr(self, "_container", None)
            if container is not None:
                container.signal_group(signal.SIGTERM)

    def _give_up(self, *_: object) -> None:
        container = getattr(self, "_container", None)
        if container is not None:
            container.signal_group(signal.SIGKILL)
        self._kill_descendants()
        os._exit(0)

    def _end_leftovers(self) -> None:
        """A container ends with its main process, whatever else it started."""
        self._container.signal_group(signal.SIGKILL)
        self._container.reap()
        self._kill_descendants()

    def _kill_descendants(self) -> None:
        while True:
            for pid in linux.children():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                os.waitpid(-1, 0 if linux.children() else os.WNOHANG)
            except ChildProcessError:
                return
            if not linux.children():
                return

    # Output

    def _read_output(self) -> int:
        """Take in what there is: its bytes, at least 1; 0 at its end."""
        try:
            chunk = os.read(self._container.output, _READ_BYTES)
        except BlockingIOError:
            return 1
        if not chunk:
            return 0
        self._write_log(chunk)
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        if len(self._partial) > _CHUNK_BYTES:  # a line without an end is cut, as CloudWatch does
            lines.append(self._partial)
            self._partial = b""
        before = self._metrics.count
        until = min(self._matching_until, time.monotonic() + LONGEST_MATCH_S)
        for line in lines:
            self._take_metrics(line, until)
        if self._metrics.count > before:
            self._emit("metrics")
        return len(chunk)

    def _drain(self) -> None:
        """What was still in the pipe; nobody we know of writes any more."""
        self._matching_until = time.monotonic() + _AFTER_END_MATCHING_S
        until = time.monotonic() + _DRAIN_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._container.output, selectors.EVENT_READ)
            while selector.select(max(0.0, until - time.monotonic())) and self._read_output():
                pass
        os.close(self._container.output)
        if self._partial:
            self._take_metrics(self._partial, self._matching_until)

    def _take_metrics(self, line: bytes, until: float) -> None:
        """Match one line; patterns that need longer than a batch may take are not tried any more."""
        if self._extractor is None:
            return
        left = min(LONGEST_MATCH_S, until - time.monotonic())
        try:
            with time_limit(left):
                found = list(self._extractor.values(line.decode("utf-8", "replace").rstrip("\r")))
        except TooSlow:
            self._extractor = None
            self._say(f"a metric's regex took {LONGEST_MATCH_S:g} s on a piece of output; no more metrics are read")
            return
        if found:
            self._metrics.add(found, time.time())

    def _write_log(self, content: bytes) -> None:
        while content:
            content = content[os.write(self._log, content) :]

    def _say(self, text: str) -> None:
        self._write_log(f"retune: {text}\n".encode())

    def _emit(self, event: str) -> None:
        line = json.dumps({"job": self._launch["job"], "attempt": self._launch["attempt"], "event": event})
        with suppress(BrokenPipeError):
            os.write(self._events, line.encode() + b"\n")

    # Records

    def _record_processes(self) -> None:
        container = getattr(self, "_container", None)
        pids = {"runner": os.getpid()} | ({} if container is None else {"container": container.pid})
        write_json(
            self._folder.processes, {who: [pid, container_process.start_time_s(pid)] for who, pid in pids.items()}
        )

    def _record(self, started_s: float, *, exit_code: int, failure: str | None) -> int:
        if failure is None and exit_code != 0 and self._stop is None:
            failure = container_process.failure_text(self._launch, self._folder.ml, exit_code, self._tail)
        artifacts = {}
        if exit_code == 0 or self._stop is not None:
            artifacts["model"] = pack(self._folder.ml / "model", self._folder.model)
        artifacts["output"] = pack(self._folder.ml / "output" / "data", self._folder.output)
        self._metrics.close()
        os.close(self._log)
        last = [
            {"MetricName": entry["metric"], "Value": entry["value"], "Timestamp": entry["timestamp_s"]}
            for entry in self._metrics.last.values()
        ]
        document = {
            "attempt": self._launch["attempt"],
            "exit_code": exit_code,
            "stopped": self._stop,
            "failure": failure,
            "started_s": started_s,
            "ended_s": time.time(),
            "metrics": last,
            "artifacts": artifacts,
        }
        write_json(self._folder.exit, document, durable=True)
        return 0


def main(launch: Path, events: int, parent: int) -> int:
    """Run the training job a launch file describes.

    Args:
        launch: `launch.json`.
        events: Descriptor of the pipe to the supervisor.
        parent: Process that made this one; when it ends, so does this one.
    """
    linux.die_with_parent(parent)
    document = read_json(launch)
    if document is None:  # its folder was cleared: this training job has been given to somebody else
        return 1
    return Runner(document, events).run()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
