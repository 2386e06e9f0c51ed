"""How a refit's training job stands, and stopping one: what `retune status` and `retune stop` do for tuning jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from components.naming import REFIT_MARK, TAG_MODEL, is_refit_job
from components.trainers.xgboost_hyperparameters import OBJECTIVE_METRIC
from components.tuning.engine import Engine
from components.tuning.refit import stop_training_job
from components.tuning.result import Trial, iso
from components.tuning.training_jobs import TERMINAL, as_trial, described_training_job, training_jobs
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


def newest_refits(engine: Engine) -> Iterator[Mapping[str, Any]]:
    """Summaries of the refits of an engine, the newest first; a page is asked for when it is needed."""
    newest = {"NameContains": REFIT_MARK, "SortBy": "CreationTime", "SortOrder": "Descending"}
    for summary in training_jobs(engine.client, **newest):
        if is_refit_job(summary["TrainingJobName"]):  # else a trial's, of a model with that in its name
            yield summary


def described_refit(engine: Engine, name: str) -> Mapping[str, Any] | None:
    """DescribeTrainingJob of a refit; None of anything else, and of one that is not there."""
    return described_training_job(engine.client, name) if is_refit_job(name) else None


def trial_of_refit(job: Mapping[str, Any]) -> Trial:
    """A described refit as its only trial, with all hyperparameters: which of them were tuned it does not say."""
    parameters = dict(job.get("HyperParameters", {}))
    metric = parameters.pop(OBJECTIVE_METRIC, "")
    given = {name: value for name, value in parameters.items() if not name.startswith("sagemaker_")}
    return as_trial(job, number=1, metric=metric, tuned=given)


def stop_refit(engine: Engine, name: str, *, wait_s: float) -> None:
    """Ask it to stop, and wait until it has."""
    stop_training_job(engine.client, name)
    deadline_s = time.monotonic() + wait_s
    while time.monotonic() < deadline_s:
        if engine.client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in TERMINAL:
            return
        engine.wait(name, 1.0)
