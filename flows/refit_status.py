"""How a refit's training job stands, and stopping one: what `retune status` and `retune stop` do for tuning jobs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from components.naming import TAG_MODEL
from components.tuning.engine import Engine
from components.tuning.refit import stop_training_job
from components.tuning.result import iso
from components.tuning.training_jobs import TERMINAL
from components.tuning.tuning_jobs import tags_of

_COUNTED = {"completed": "Completed", "in_progress": "InProgress", "stopped": "Stopped", "failed": "Failed"}


def refit_document(engine: Engine, job: Mapping[str, Any]) -> dict[str, Any]:
    """A described training job with the keys of a tuning job: one trial, and no search."""
    status = job["TrainingJobStatus"]
    counted = "InProgress" if status == "Stopping" else status
    return {
        "name": job["TrainingJobName"],
        "model": tags_of(engine.client, job["TrainingJobArn"]).get(TAG_MODEL),
        "engine": engine.name,
        "status": status,
        "strategy": None,
        "started": iso(job["CreationTime"]),
        "ended": iso(job.get("TrainingEndTime")),
        "trials": {ours: int(counted == theirs) for ours, theirs in _COUNTED.items()},
        "best": None,
        "failure": job.get("FailureReason"),
    }


def stop_refit(engine: Engine, name: str, *, wait_s: float) -> None:
    """Ask it to stop, and wait until it has."""
    stop_training_job(engine.client, name)
    deadline_s = time.monotonic() + wait_s
    while time.monotonic() < deadline_s:
        if engine.client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in TERMINAL:
            return
        engine.wait(name, 1.0)
