"""What happened: tuning jobs, their trials, their logs; and stopping one."""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from components.errors import InvalidInput, NotFound
from components.naming import TAG_MODEL
from components.settings import Settings, read_settings
from components.tuning.engine import Engine
from components.tuning.result import Trial, frame_of, iso
from components.tuning.trial_reader import collect
from components.tuning.tuning_jobs import summaries, tags_of
from flows.engines import ENGINES, open_engine, open_store
from flows.refit_status import described_refit, newest_refits, refit_document, stop_refit, trial_of_refit

_COUNTS = {
    "completed": "Completed",
    "in_progress": "InProgress",
    "stopped": "Stopped",
    "failed": "NonRetryableError",
}
_STOP_WAIT_S = 150.0
# Each costs two calls of an API that throttles.
_MOST_CLOUD_JOBS = 50


def list_jobs(engine_name: str = "local") -> dict[str, Any]:
    """Tuning jobs and refits, the newest first, as `retune jobs --json` prints them: of this home, or of the cloud.

    Of the cloud, and of training jobs with a refit's name, those that retune made.
    """
    settings = read_settings()
    if engine_name == "local" and not settings.amt_home.is_dir():
        return {"jobs": []}
    engine = _looking(settings, engine_name)
    found: list[dict[str, Any]] = []
    searches = summaries(engine.client, SortBy="CreationTime", SortOrder="Descending")
    newest = heapq.merge(searches, newest_refits(engine), key=lambda each: each["CreationTime"], reverse=True)
    for summary in newest:
        search = summary.get("HyperParameterTuningJobName")
        if search is None:
            job = _of_refit(engine, engine.client.describe_training_job(TrainingJobName=summary["TrainingJobName"]))
        else:
            job = _document(engine, describe_job(engine, search))
        if job["model"] is not None or (engine_name == "local" and search is not None):  # others use the same account
            found.append(job)
        if engine_name != "local" and len(found) == _MOST_CLOUD_JOBS:
            break
    return {"jobs": found}


def job_status(name: str, engine_name: str = "local") -> dict[str, Any]:
    """One tuning job, or a refit's training job. Raises NotFound."""
    engine = looking_at(name, engine_name)
    single = described_refit(engine, name)
    if single is not None:
        return refit_document(engine, single)
    job = describe_job(engine, name)
    return {**_document(engine, job), "failure": job.get("FailureReason")}


def list_trials(name: str, engine_name: str = "local") -> dict[str, Any]:
    """The trials of a tuning job, oldest first, or the training job of a refit. Raises NotFound."""
    return {"job": name, "trials": [trial.document() for trial in trials_of(name, engine_name)]}


def trials_as_csv(name: str, engine_name: str = "local") -> str:
    """The same as CSV, a row a trial and a column a hyperparameter. Raises NotFound."""
    return str(frame_of(trials_of(name, engine_name)).to_csv(index=False, lineterminator="\n"))


def trials_of(name: str, engine_name: str = "local") -> tuple[Trial, ...]:
    """The trials of a tuning job, oldest first, or the training job of a refit. Raises NotFound."""
    engine = looking_at(name, engine_name)
    single = described_refit(engine, name)
    if single is not None:
        return (trial_of_refit(single),)
    describe_job(engine, name)
    return collect(engine.client, [name])


def stop_job(name: str, engine_name: str = "local") -> dict[str, Any]:
    """Ask a tuning job or a refit to stop and wait until it has. A finished one is left as it is. Raises NotFound."""
    engine = looking_at(name, engine_name)
    if described_refit(engine, name) is not None:
        stop_refit(engine, name, wait_s=_STOP_WAIT_S)
        return job_status(name, engine_name)
    job = describe_job(engine, name)
    if job["HyperParameterTuningJobStatus"] in ("InProgress", "Stopping"):
        try:
            engine.client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
        _wait_for_end(engine, name)
    return job_status(name, engine_name)


def training_job_log(name: str, engine_name: str = "local") -> dict[str, Any]:
    """What a training job printed so far. Raises NotFound."""
    settings = read_settings()
    missing = NotFound(f"there is no training job {name}; retune trials JOB lists them")
    if engine_name == "local" and not settings.amt_home.is_dir():
        raise missing
    engine = _looking(settings, engine_name)
    try:
        engine.client.describe_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
            raise
        raise missing from None
    return {"training_job": name, "log": engine.log(name)}


def _wait_for_end(engine: Engine, name: str) -> None:
    deadline_s = time.monotonic() + _STOP_WAIT_S
    while time.monotonic() < deadline_s:
        if describe_job(engine, name)["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return
        engine.wait(name, 1.0)


def _looking(settings: Settings, engine_name: str) -> Engine:
    if engine_name not in ENGINES:
        raise InvalidInput(f"--engine must be one of {', '.join(ENGINES)}, got {engine_name}")
    return open_engine(engine_name, settings, open_store(settings), supervise=False)


def looking_at(name: str, engine_name: str) -> Engine:
    """The engine, to look for a job of this name. Raises NotFound where there can be none."""
    settings = read_settings()
    if engine_name == "local" and not settings.amt_home.is_dir():
        raise _no_job(name)
    return _looking(settings, engine_name)


def describe_job(engine: Engine, name: str) -> Mapping[str, Any]:
    """DescribeHyperParameterTuningJob. Raises NotFound."""
    try:
        job: Mapping[str, Any] = engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFound", "ValidationException"):
            raise _no_job(name) from None
        raise
    return job


def _no_job(name: str) -> NotFound:
    return NotFound(f"there is no tuning job {name}; retune jobs lists them")


def _of_refit(engine: Engine, job: Mapping[str, Any]) -> dict[str, Any]:
    """With the keys of a tuning job in the list."""
    return {key: value for key, value in refit_document(engine, job).items() if key != "failure"}


def _document(engine: Engine, job: Mapping[str, Any]) -> dict[str, Any]:
    best = job.get("BestTrainingJob")
    counters = job["TrainingJobStatusCounters"]
    return {
        "name": job["HyperParameterTuningJobName"],
        "model": tags_of(engine.client, job["HyperParameterTuningJobArn"]).get(TAG_MODEL),
        "engine": engine.name,
        "status": job["HyperParameterTuningJobStatus"],
        "strategy": job["HyperParameterTuningJobConfig"]["Strategy"].lower(),
        "started": iso(job["CreationTime"]),
        "ended": iso(job.get("HyperParameterTuningEndTime")),
        "trials": {ours: counters[theirs] for ours, theirs in _COUNTS.items()},
        "best": {
            "training_job": best["TrainingJobName"],
            "objective": best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            "hyperparameters": dict(best["TunedHyperParameters"]),
        }
        if best
        else None,
    }
