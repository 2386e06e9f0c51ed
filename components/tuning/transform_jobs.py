"""Batch Transform jobs as SageMaker answers for them: described or not there, and what they are charged for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

TERMINAL = ("Completed", "Failed", "Stopped")


def described_transform_job(client: Any, name: str) -> Mapping[str, Any] | None:
    """DescribeTransformJob; None for a job that is not there. Raises ClientError for anything else."""
    try:
        job: Mapping[str, Any] = client.describe_transform_job(TransformJobName=name)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return job


def charged_s(job: Mapping[str, Any]) -> float | None:
    """Seconds a described job is charged for on each of its instances; None while it runs."""
    if job["TransformJobStatus"] not in TERMINAL:
        return None
    began, ended = job.get("TransformStartTime"), job.get("TransformEndTime")
    return 0.0 if began is None or ended is None else float((ended - began).total_seconds())


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that there is none of that name; it has a validation error's code for it."""
    answer = error.response["Error"]
    return answer.get("Code") == "ResourceNotFound" or "could not find" in answer.get("Message", "").lower()
