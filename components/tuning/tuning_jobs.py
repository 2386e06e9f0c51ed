"""Tuning jobs of an engine as its API answers for them: described or not there, listed page by page, their tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from components.tuning.client import TuningClient

TERMINAL = ("Completed", "Failed", "Stopped")
_MISSING = ("ResourceNotFound", "ResourceNotFoundException")


def described(client: TuningClient, name: str) -> Mapping[str, Any] | None:
    """DescribeHyperParameterTuningJob; None for a job that is not there. Raises ClientError for anything else."""
    try:
        job: Mapping[str, Any] = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    return job


def summaries(client: TuningClient, **filters: Any) -> Iterator[Mapping[str, Any]]:
    """HyperParameterTuningJobSummaries of all pages; a page is asked for when it is needed.

    Args:
        client: The engine's.
        filters: Of ListHyperParameterTuningJobs.
    """
    page: dict[str, Any] = {"MaxResults": 100, **filters}
    while True:
        answer = client.list_hyper_parameter_tuning_jobs(**page)
        yield from answer["HyperParameterTuningJobSummaries"]
        if not answer.get("NextToken"):
            return
        page["NextToken"] = answer["NextToken"]


def tags_of(client: TuningClient, arn: str) -> dict[str, str]:
    """Tags of a tuning job: a few, so there is one page of them."""
    return {tag["Key"]: tag["Value"] for tag in client.list_tags(ResourceArn=arn)["Tags"]}
