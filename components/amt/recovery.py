"""What a dead supervisor left behind: its processes ended, by who they are and not by what they are called."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from components.amt.folders import TrialFolder, read_json
from components.amt.records import TrainingJob

# A start time is told to a hundredth of a second; the clock behind it may be set in between.
_SAME_START_S = 2.0
_GONE_S = 10.0


def end_leftovers(folders: list[TrialFolder]) -> None:
    """End every process of earlier attempts and wait until it is gone.

    A process is one of them if its id and start time are recorded, or if its environment names the attempt's /opt/ml:
    so also what a script started in a session of its own.
    """
    recorded: dict[int, float] = {}
    for folder in folders:
        for pid, start_s in (read_json(folder.processes) or {}).values():
            recorded[int(pid)] = float(start_s)
    marks = {f"SAGEMAKER_BASE_DIR={folder.ml}".encode() for folder in folders}
    if not folders:
        return
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            start_s = recorded.get(process.pid)
            known = start_s is not None and abs(process.create_time() - start_s) < _SAME_START_S
            if known or marks & _environment(process.pid):
                process.kill()
                found.append(process)
    psutil.wait_procs(found, timeout=_GONE_S)


def _environment(pid: int) -> set[bytes]:
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def clear_attempt(folder: TrialFolder) -> None:
    """Remove an attempt that did not reach its end."""
    shutil.rmtree(folder.root, ignore_errors=True)


def last_sign_s(trial: TrainingJob, folder: TrialFolder) -> float:
    """When a training job that nobody supervised was last seen alive."""
    try:
        written_s = folder.log.stat().st_mtime
    except OSError:
        written_s = 0.0
    return min(time.time(), max(trial.modified_s, written_s))


def ending_of(event: Mapping[str, Any], folder: TrialFolder) -> str:
    """How a runner ended that left no record, in words."""
    code = event["code"]
    if code is None:
        return "its fork server ended"
    if code < 0:
        return f"signal {-code}"
    try:
        said = folder.runner_log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
    except OSError:
        said = ""
    return str(event.get("error") or said or f"exit code {code}")
