"""The life of one training job as values: its statuses, transitions, times and final metrics (amt.md 2.5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.amt.metrics import usable
from components.amt.records import ObjectiveStatus, TrainingJob, TrainingStatus, TuningJob, float32

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "Training job interrupted: the Spot instance was reclaimed",
}
_EXCEEDED = {"max_runtime": "MaxRuntimeExceeded", "max_wait": "MaxWaitTimeExceeded"}
_REASON_CHARACTERS = 1024
_METRICS = 40
OBJECTIVE_METRIC = "ObjectiveMetric"


def propose(job: TuningJob, *, number: int, tuned: Mapping[str, str], now_s: float) -> TrainingJob:
    """A new training job: its name counts, and ends in 8 hex digits of what it is."""
    text = json.dumps([job.arn, job.created_s, number, sorted(tuned.items())])
    digits = hashlib.sha256(text.encode()).hexdigest()[:8]
    fresh = TrainingJob(
        name=f"{job.name}-{number:03d}-{digits}",
        tuning_job=job.name,
        number=number,
        tuned=dict(tuned),
        created_s=now_s,
        modified_s=now_s,
    )
    return enter(fresh, "Starting", now_s)


def hyperparameters(job: TuningJob, trial: TrainingJob) -> dict[str, str]:
    """What the container gets: static, tuned, and `_tuning_objective_metric` among the static."""
    return {**job.definition.get("StaticHyperParameters", {}), **trial.tuned}


def arn_of(job: TuningJob, training_job: str) -> str:
    """ARN of a training job, its name in lower case as AWS writes it."""
    prefix = job.arn.rpartition(":")[0]
    return f"{prefix}:training-job/{training_job.lower()}"


def artifact_uri(job: TuningJob, trial: TrainingJob, name: str = "model.tar.gz") -> str:
    """Where an archive of a training job is uploaded."""
    return f"{job.definition['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{trial.name}/output/{name}"


def enter(trial: TrainingJob, secondary_status: str, now_s: float) -> TrainingJob:
    """The training job in its next secondary status; the one before ends at that moment."""
    before = [dict(entry) for entry in trial.transitions]
    at_s = max([now_s, *(entry["StartTime"] for entry in before)])
    if before and "EndTime" not in before[-1]:
        before[-1]["EndTime"] = at_s
    entry: dict[str, Any] = {"Status": secondary_status, "StartTime": at_s}
    if secondary_status in _MESSAGES:
        entry["StatusMessage"] = _MESSAGES[secondary_status]
    return replace(
        trial,
        secondary_status=secondary_status,
        transitions=(*before, entry),
        modified_s=at_s,
        started_s=at_s if secondary_status == "Downloading" else trial.started_s,
    )


def run_again(trial: TrainingJob, now_s: float) -> TrainingJob:
    """The same training job from its start, after a crash took the process that ran it: same name, same values."""
    fresh = replace(
        trial,
        attempt=trial.attempt + 1,
        status="InProgress",
        transitions=(),
        started_s=None,
        ended_s=None,
        objective_status="Pending",
    )
    return enter(fresh, "Starting", now_s)


def interrupted(trial: TrainingJob, record: Mapping[str, Any], now_s: float) -> TrainingJob:
    """A training job whose Spot instance was taken away, about to begin again with its checkpoints.

    What it emitted stays: a container that has nothing left to do after its checkpoint emits nothing more.
    """
    trial = enter(trial, "Interrupted", record["ended_s"])
    began_s = trial.started_s if trial.started_s is not None else record["started_s"]
    again = replace(
        trial,
        attempt=trial.attempt + 1,
        started_s=trial.started_s,
        interrupted_s=trial.interrupted_s + max(0.0, record["ended_s"] - began_s),
        metrics=_shown(_merged(trial.metrics, record["metrics"])),
    )
    return enter(again, "Starting", now_s)


def _merged(before: Sequence[Mapping[str, Any]], emitted: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    last = {entry["MetricName"]: entry for entry in (*before, *emitted)}
    return tuple({**entry, "Value": float32(entry["Value"])} for entry in last.values())


def _shown(metrics: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """What FinalMetricDataList can hold: JSON has no NaN."""
    return tuple(entry for entry in metrics if usable(entry["Value"]))[:_METRICS]


def training_seconds(trial: TrainingJob) -> float:
    """Seconds from Downloading to the end, those of interrupted attempts included and waiting left out."""
    if trial.started_s is None or trial.ended_s is None:
        return trial.interrupted_s
    return trial.interrupted_s + trial.ended_s - trial.started_s


def stopping(trial: TrainingJob, now_s: float) -> TrainingJob:
    """A training job that has been told to stop."""
    return replace(enter(trial, "Stopping", now_s), status="Stopping")


def trained(trial: TrainingJob, record: Mapping[str, Any]) -> TrainingJob:
    """A training job whose container has ended, about to upload. `record` is what `exit.json` says."""
    if trial.started_s is None:
        trial = enter(trial, "Downloading", min(record["started_s"], trial.modified_s))
    if trial.secondary_status != "Training" and trial.status != "Stopping":
        trial = enter(trial, "Training", record["started_s"])
    return enter(trial, "Uploading", record["ended_s"])


def ended(job: TuningJob, trial: TrainingJob, record: Mapping[str, Any], now_s: float) -> TrainingJob:
    """The final state of a training job whose container ended and whose artifacts are where they belong.

    Stopped when it was told to stop or its time was over, whatever its exit code; else Completed for exit code 0 and
    Failed otherwise. The objective is the last value emitted; NaN or none at all is a failed objective, as is that of
    a failed training job.
    """
    exit_code = record["exit_code"]
    status: TrainingStatus
    if record["stopped"] is not None:
        status = "Stopped"
        secondary = _EXCEEDED.get(record["stopped"], "Stopped")
    else:
        status = secondary = "Completed" if exit_code == 0 else "Failed"
    metrics = _merged(trial.metrics, record["metrics"])
    emitted = {entry["MetricName"]: entry["Value"] for entry in metrics}
    value = emitted.get(job.objective["MetricName"])
    objective = value if value is not None and usable(value) and status != "Failed" else None
    objective_status: ObjectiveStatus = "Failed" if objective is None else "Succeeded"
    final = enter(trial, secondary, now_s)
    final.transitions[-1]["EndTime"] = final.modified_s  # type: ignore[index]  # of `enter`'s own dicts
    reason = None
    if status == "Failed":
        reason = algorithm_error(str(record["failure"] or ""), exit_code)
    return replace(
        final,
        status=status,
        objective=objective,
        objective_status=objective_status,
        metrics=_shown(metrics),
        ended_s=final.modified_s,
        failure_reason=reason,
    )


def algorithm_error(text: str, exit_code: int) -> str:
    """FailureReason of a container that failed: its own words, then the exit code."""
    prefix = "" if text.startswith(("AlgorithmError", "ClientError", "InternalServerError")) else "AlgorithmError: "
    suffix = f", exit code: {exit_code}"
    return f"{prefix}{text}"[: _REASON_CHARACTERS - len(suffix)].rstrip() + suffix


def failed(trial: TrainingJob, reason: str, now_s: float, *, internal: bool = False) -> TrainingJob:
    """A training job that failed without a container's word.

    Args:
        trial: The training job.
        reason: FailureReason, with AWS's kind of error in front.
        now_s: When.
        internal: Whether the engine is to blame (RetryableError) and not the request.
    """
    final = enter(trial, "Failed", now_s)
    return replace(
        final,
        status="Failed",
        objective_status="Failed",
        ended_s=final.modified_s,
        failure_reason=reason[:_REASON_CHARACTERS],
        internal_error=internal,
    )


def stopped(
    trial: TrainingJob, now_s: float, *, job: TuningJob | None, emitted: Sequence[Mapping[str, Any]] = ()
) -> TrainingJob:
    """A training job stopped before its container could say anything.

    Args:
        trial: The training job.
        now_s: When.
        job: Its tuning job, which knows the objective.
        emitted: Points of its attempt's curve, oldest first: the last objective among them and what interrupted
            attempts left is its result, as it is of one whose container ended in order.
    """
    points = [
        {"MetricName": point["metric"], "Value": point["value"], "Timestamp": point["timestamp_s"]} for point in emitted
    ]
    metrics = _shown(_merged(trial.metrics, points))
    value = (
        None
        if job is None
        else next((entry["Value"] for entry in metrics if entry["MetricName"] == job.objective["MetricName"]), None)
    )
    final = enter(trial, "Stopped", now_s)
    return replace(
        final,
        status="Stopped",
        objective=value,
        objective_status="Failed" if value is None else "Succeeded",
        metrics=metrics,
        ended_s=final.modified_s,
    )
