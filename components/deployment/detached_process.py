"""A process of its own session that outlives the command, known from its first instruction to its last.

It waits at a gate until its starter has recorded it: a starter that dies before that leaves nothing behind. Its
environment carries a nonce and the path of its record, by which it is told from every other process later.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

NONCE = "RETUNE_SERVICE_NONCE"
RECORD = "RETUNE_SERVICE_RECORD"
# A service that can say when it is ready writes a byte here. It is also closed when the service ends.
READY_FD = 3
# The kernel's boot time, from which start times are computed, may differ by a second between two readings.
START_TIME_TOLERANCE_S = 2.0
_KILLED_WITHIN_S = 10.0

# Forks away from the starter (who waits for the first process and so leaves no zombie), then waits for the word.
# Run with -I -S: ready in 20 ms, and no threads to fork beside.
_GATE = f"""
import os, sys
ready, argv = int(sys.argv[1]), sys.argv[2:]
pid = os.fork()
if pid:
    os.write(1, b"%d" % pid)
    os._exit(0)
os.setsid()
os.dup2(2, 1)
if os.read(0, 1) != b"g":
    os._exit(0)
null = os.open(os.devnull, os.O_RDONLY)
os.dup2(null, 0)
if ready != {READY_FD}:
    os.dup2(ready, {READY_FD})
    os.close(ready)
try:
    os.execvp(argv[0], argv)
except OSError as error:
    os.write(2, f"{{argv[0]}}: {{error.strerror}}\\n".encode())
    os._exit(127)
"""


@dataclass(frozen=True, kw_only=True)
class GatedProcess:
    """A process at its gate, or past it.

    Attributes:
        pid: Process id, also of its session and process group.
        start_time_s: When it began, seconds since the epoch.
    """

    pid: int
    start_time_s: float
    _gate: int
    _ready: int

    def release(self) -> None:
        """Let it run its command."""
        os.write(self._gate, b"g")

    def wait(self, timeout_s: float) -> Literal["ready", "ended", "running"]:
        """Wait until it says it is ready, or has ended; `running` when the time is over before."""
        if not select.select([self._ready], [], [], max(0.0, timeout_s))[0]:
            return "running"
        return "ready" if os.read(self._ready, 1) else "ended"

    def close(self) -> None:
        """Let go of it. At the gate it ends; past it it runs on."""
        os.close(self._gate)
        os.close(self._ready)


def launch(command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> GatedProcess:
    """Start a process that waits at its gate.

    Args:
        command: Program and arguments.
        environment: Its whole environment; NONCE and RECORD are the caller's to put in.
        folder: Working folder.
        log: File its output is appended to.

    Raises:
        OSError: The log cannot be written, or no process be started.
    """
    behind_gate, gate = os.pipe()
    ready, announce = os.pipe()
    try:
        with (
            log.open("ab") as output,
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GATE, str(announce), *command],
                stdin=behind_gate,
                stdout=subprocess.PIPE,
                stderr=output,
                env=dict(environment),
                cwd=folder,
                pass_fds=(announce,),
            ) as first,
        ):
            pid = _pid_told_by(first)
        return GatedProcess(pid=pid, start_time_s=psutil.Process(pid).create_time(), _gate=gate, _ready=ready)
    except psutil.Error:
        os.close(gate)
        os.close(ready)
        raise OSError("the process ended at its gate") from None
    except BaseException:
        os.close(gate)
        os.close(ready)
        raise
    finally:
        os.close(behind_gate)
        os.close(announce)


def alive(pid: int, start_time_s: float, nonce: str) -> psutil.Process | None:
    """The process of that pid, if it is still the one that began then and was given that nonce."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - start_time_s) <= START_TIME_TOLERANCE_S
        if not same or process.status() == psutil.STATUS_ZOMBIE or process.environ().get(NONCE) != nonce:
            return None
    except (psutil.Error, OSError):
        return None
    return process


def marked(folder: Path) -> Iterator[tuple[Path, psutil.Process]]:
    """Services of this user that were started under a record in the folder: its path, there or not, and the process."""
    for process in psutil.process_iter():
        try:
            if process.uids().real != os.getuid() or os.getsid(process.pid) != process.pid:
                continue
            record = Path(process.environ().get(RECORD, "/"))
        except (psutil.Error, OSError):
            continue
        if record.parent == folder and process.pid != os.getpid():
            yield record, process


def end(leader: psutil.Process, *, grace_s: float) -> None:
    """End a service and all it started: SIGTERM, and after the grace SIGKILL. Nobody else's process is touched."""
    try:
        nonce = leader.environ().get(NONCE, "")
        family = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return
    family += [one for one in _session(leader.pid, nonce) if one not in family]
    _signal(family, "terminate")
    left = _left_after(family, grace_s)
    # What the family started meanwhile, or what left its parent's side, is still of the session.
    left += [one for one in _session(leader.pid, nonce) if one not in left]
    _signal(left, "kill")
    _left_after(left, _KILLED_WITHIN_S)


def _session(session: int, nonce: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.environ().get(NONCE) == nonce:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _left_after(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait for the processes to end; those that have not. One that waits to be reaped, by whoever is to, has ended."""
    deadline = time.monotonic() + timeout_s
    return [one for one in processes if not _has_ended(one, deadline - time.monotonic())]


def _has_ended(process: psutil.Process, timeout_s: float) -> bool:
    if sys.platform != "linux":
        return not psutil.wait_procs([process], timeout=max(0.0, timeout_s))[1]
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return True
    try:
        # looked at after the handle is open: so it is this process the handle is of
        return not process.is_running() or bool(select.select([handle], [], [], max(0.0, timeout_s))[0])
    finally:
        os.close(handle)


def _signal(processes: Sequence[psutil.Process], signal: Literal["terminate", "kill"]) -> None:
    for process in processes:
        try:
            # psutil checks the start time first: a pid that was given to somebody else is left alone
            process.terminate() if signal == "terminate" else process.kill()
        except psutil.Error:
            continue


def _pid_told_by(first: subprocess.Popen[bytes]) -> int:
    """What the first process writes before it ends; its child holds the pipe too, so there is no end to wait for."""
    told = os.read(first.stdout.fileno(), 32) if first.stdout else b""
    if not told:
        raise OSError("no process could be started")
    return int(told)
