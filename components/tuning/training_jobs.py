"""Training jobs of their own as an engine's API answers for them: described or not there, and as a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from components.tuning.client import TuningClient
from components.tuning.result import Trial

TERMINAL = ("Completed", "Failed", "Stopped")
# AWS answers ValidationException for a training job that is not there; a message tells it from a bad name.
_MISSING = ("ResourceNotFound", "ResourceNotFoundException", "ValidationException")


def described_training_job(client: TuningClient, name: str) -> Mapping[str, Any] | None:
    """DescribeTrainingJob; None for a job that is not there. Raises ClientError for anything else."""
    try:
        job: Mapping[str, Any] = client.describe_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING and "not found" in error.response["Error"]["Message"].lower():
            return None
        raise
    return job


def training_jobs(client: TuningClient, **filters: Any) -> Iterator[Mapping[str, Any]]:
    """TrainingJobSummaries of all pages.

    Args:
        client: The engine's.
        filters: Of ListTrainingJobs.
    """
    page: dict[str, Any] = {"MaxResults": 100, **filters}
    while True:
        answer = client.list_training_jobs(**page)
        yield from answer["TrainingJobSummaries"]
        if not answer.get("NextToken"):
            return
        page["NextToken"] = answer["NextToken"]


def as_trial(job: Mapping[str, Any], *, number: int, metric: str, tuned: Mapping[str, str]) -> Trial:
    """A described training job as the only trial of an attempt.

    Args:
        job: DescribeTrainingJob.
        number: Of the attempt.
        metric: The objective. Only a job that has ended by itself has one: of a half-trained model it says nothing.
        tuned: The hyperparameters a search once chose.
    """
    status = job["TrainingJobStatus"]
    values = [float(entry["Value"]) for entry in job.get("FinalMetricDataList", ()) if entry["MetricName"] == metric]
    return Trial(
        training_job=job["TrainingJobName"],
        number=number,
        status=status,
        objective=values[-1] if values and status == "Completed" else None,
        hyperparameters=tuned,
        started=job.get("TrainingStartTime"),
        ended=job.get("TrainingEndTime"),
        training_seconds=job.get("TrainingTimeInSeconds"),
        billable_seconds=job.get("BillableTimeInSeconds"),
        failure=job.get("FailureReason"),
    )
