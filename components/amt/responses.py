"""Answers of the local AMT, in AWS's shapes (amt.md 2): pure functions of what is recorded."""

from __future__ import annotations

import copy
import datetime as dt
import math
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from components.amt.completion import best_of, not_improving
from components.amt.container import instance_type_of
from components.amt.records import TrainingJob, TuningJob
from components.amt.single_jobs import is_single
from components.amt.spot import DISCOUNT, billable_s
from components.amt.training_job import arn_of, artifact_uri, hyperparameters, training_seconds


def answer(content: Mapping[str, Any]) -> dict[str, Any]:
    """Content as boto3 hands it out, with ResponseMetadata."""
    metadata = {"RequestId": secrets.token_hex(16), "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}
    return {**content, "ResponseMetadata": metadata}


def _time(seconds: float) -> dt.datetime:
    """A job's time: milliseconds, as AWS sends."""
    return dt.datetime.fromtimestamp(math.floor(seconds * 1000) / 1000, tz=dt.UTC)


def _whole_time(seconds: float) -> dt.datetime:
    """A training job's time inside a summary: whole seconds (amt.md 2.1)."""
    return dt.datetime.fromtimestamp(math.floor(seconds), tz=dt.UTC)


def status_counters(trials: Sequence[TrainingJob]) -> dict[str, int]:
    """TrainingJobStatusCounters; a training job that is being stopped still counts as InProgress."""
    return {
        "Completed": sum(trial.status == "Completed" for trial in trials),
        "InProgress": sum(not trial.terminal for trial in trials),
        "RetryableError": sum(trial.status == "Failed" and trial.internal_error for trial in trials),
        "NonRetryableError": sum(trial.status == "Failed" and not trial.internal_error for trial in trials),
        "Stopped": sum(trial.status == "Stopped" for trial in trials),
    }


def objective_counters(trials: Sequence[TrainingJob]) -> dict[str, int]:
    """ObjectiveStatusCounters."""
    return {
        status: sum(trial.objective_status == status for trial in trials)
        for status in ("Succeeded", "Pending", "Failed")
    }


def describe_tuning_job(
    job: TuningJob, trials: Sequence[TrainingJob], parents: Sequence[tuple[TuningJob, Sequence[TrainingJob]]] = ()
) -> dict[str, Any]:
    """DescribeHyperParameterTuningJob.

    Args:
        job: The tuning job.
        trials: Its training jobs.
        parents: Parents on identical data with their training jobs, for OverallBestTrainingJob; none otherwise.
    """
    best = best_of(job, trials)
    answer: dict[str, Any] = {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        **copy.deepcopy(dict(job.request)),
        "HyperParameterTuningJobStatus": job.status,
        "CreationTime": _time(job.created_s),
        "LastModifiedTime": _time(job.modified_s),
        "TrainingJobStatusCounters": status_counters(trials),
        "ObjectiveStatusCounters": objective_counters(trials),
        "ConsumedResources": {"RuntimeInSeconds": int(job.runtime_s)},
        "TuningJobCompletionDetails": {"NumberOfTrainingJobsObjectiveNotImproving": not_improving(job, trials)},
    }
    if job.ended_s is not None:
        answer["HyperParameterTuningEndTime"] = _time(job.ended_s)
    if best is not None:
        answer["BestTrainingJob"] = training_job_summary(job, best)
    if parents:
        overall = [(job, best)] if best is not None else []
        overall += [(parent, found) for parent, rows in parents if (found := best_of(parent, rows)) is not None]
        if overall:
            answer["OverallBestTrainingJob"] = _overall_best(job, overall)
    if job.failure_reason is not None:
        answer["FailureReason"] = job.failure_reason
    return answer


def _overall_best(job: TuningJob, bests: Sequence[tuple[TuningJob, TrainingJob]]) -> dict[str, Any]:
    """The best of the bests, the job's own before a parent's equal; a parent's names its tuning job."""
    sign = -1.0 if job.maximize else 1.0
    owner, best = min(bests, key=lambda row: sign * (row[1].objective or 0.0))
    row = training_job_summary(owner, best)
    return row if owner is job else {**row, "TuningJobName": owner.name.partition("~")[0]}


def tuning_job_summary(job: TuningJob, trials: Sequence[TrainingJob]) -> dict[str, Any]:
    """One row of ListHyperParameterTuningJobs."""
    row: dict[str, Any] = {
        "HyperParameterTuningJobName": job.name,
        "HyperParameterTuningJobArn": job.arn,
        "HyperParameterTuningJobStatus": job.status,
        "Strategy": job.config["Strategy"],
        "CreationTime": _time(job.created_s),
        "LastModifiedTime": _time(job.modified_s),
        "TrainingJobStatusCounters": status_counters(trials),
        "ObjectiveStatusCounters": objective_counters(trials),
        "ResourceLimits": dict(job.limits),
    }
    if job.ended_s is not None:
        row["HyperParameterTuningEndTime"] = _time(job.ended_s)
    return row


def training_job_summary(job: TuningJob, trial: TrainingJob) -> dict[str, Any]:
    """One row of ListTrainingJobsForHyperParameterTuningJob, also BestTrainingJob."""
    row: dict[str, Any] = {
        "TrainingJobName": trial.name,
        "TrainingJobArn": arn_of(job, trial.name),
        "CreationTime": _whole_time(trial.created_s),
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": dict(trial.tuned),
        "ObjectiveStatus": trial.objective_status,
    }
    if trial.started_s is not None:
        row["TrainingStartTime"] = _whole_time(trial.started_s)
    if trial.ended_s is not None:
        row["TrainingEndTime"] = _whole_time(trial.ended_s)
    if trial.failure_reason is not None:
        row["FailureReason"] = trial.failure_reason
    if trial.objective is not None:
        metric = job.objective["MetricName"]
        row["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": metric, "Value": trial.objective}
    return row


def plain_summary(trial: TrainingJob, arn: str) -> dict[str, Any]:
    """One row of ListTrainingJobs."""
    row: dict[str, Any] = {
        "TrainingJobName": trial.name,
        "TrainingJobArn": arn,
        "CreationTime": _time(trial.created_s),
        "LastModifiedTime": _time(trial.modified_s),
        "TrainingJobStatus": trial.status,
        "SecondaryStatus": trial.secondary_status,
    }
    if trial.ended_s is not None:
        row["TrainingEndTime"] = _time(trial.ended_s)
    return row


def describe_training_job(job: TuningJob, trial: TrainingJob, *, spot_discount: float = DISCOUNT) -> dict[str, Any]:
    """DescribeTrainingJob.

    Args:
        job: Its tuning job, or the job of its own.
        trial: The training job.
        spot_discount: See `spot.billable_s`.
    """
    definition = copy.deepcopy(dict(job.definition))
    specification = definition["AlgorithmSpecification"]
    answer: dict[str, Any] = {
        "TrainingJobName": trial.name,
        "TrainingJobArn": arn_of(job, trial.name),
        **(job.request.get("Echoed", {}) if is_single(job) else {"TuningJobArn": job.arn}),
        "ModelArtifacts": {"S3ModelArtifacts": artifact_uri(job, trial)},
        "TrainingJobStatus": trial.status,
        "SecondaryStatus": trial.secondary_status,
        "HyperParameters": hyperparameters(job, trial),
        "AlgorithmSpecification": {"EnableSageMakerMetricsTimeSeries": False, **specification},
        "RoleArn": definition["RoleArn"],
        "OutputDataConfig": {"KmsKeyId": "", **definition["OutputDataConfig"]},
        "ResourceConfig": _resource_config(definition),
        "StoppingCondition": definition["StoppingCondition"],
        "CreationTime": _time(trial.created_s),
        "LastModifiedTime": _time(trial.modified_s),
        "SecondaryStatusTransitions": [_transition(entry) for entry in trial.transitions],
        "EnableNetworkIsolation": definition["EnableNetworkIsolation"],
        "EnableInterContainerTrafficEncryption": definition["EnableInterContainerTrafficEncryption"],
        "EnableManagedSpotTraining": definition["EnableManagedSpotTraining"],
    }
    for name in ("InputDataConfig", "VpcConfig", "Environment", "CheckpointConfig", "RetryStrategy"):
        if name in definition:
            answer[name] = definition[name]
    if trial.failure_reason is not None:
        answer["FailureReason"] = trial.failure_reason
    if trial.metrics:
        answer["FinalMetricDataList"] = [
            {**entry, "Timestamp": _whole_time(entry["Timestamp"])} for entry in trial.metrics
        ]
    if trial.started_s is not None:
        answer["TrainingStartTime"] = _time(trial.started_s)
        if trial.ended_s is not None:
            answer["TrainingEndTime"] = _time(trial.ended_s)
            # The service model knows no 0: a shorter training is billed as one second (amt.md 6.1).
            seconds = training_seconds(trial)
            answer["TrainingTimeInSeconds"] = max(1, math.floor(seconds))
            spot = definition["EnableManagedSpotTraining"]
            answer["BillableTimeInSeconds"] = billable_s(seconds, spot=spot, discount=spot_discount)
    return answer


def _resource_config(definition: Mapping[str, Any]) -> dict[str, Any]:
    if "ResourceConfig" in definition:
        return dict(definition["ResourceConfig"])
    several = definition["HyperParameterTuningResourceConfig"]
    first = next(iter(several.get("InstanceConfigs") or ()), several)
    return {
        "InstanceType": instance_type_of(definition),
        "InstanceCount": first.get("InstanceCount", 1),
        "VolumeSizeInGB": first.get("VolumeSizeInGB", 1),
    }


def _transition(entry: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: _time(entry[name]) for name in ("StartTime", "EndTime") if name in entry}
    return {**entry, **times}
