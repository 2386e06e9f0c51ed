"""The two lists of the API: filters, order and pages (amt.md 2.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from botocore.utils import parse_timestamp

from components.amt.paging import BadToken, Key, page_of
from components.amt.records import TrainingJob, TuningJob
from components.amt.validation import client_error

Row = TypeVar("Row")
Rows = tuple[Sequence[Row], dict[str, str]]

_TUNING_KEYS: Mapping[str, Callable[[TuningJob], Key]] = {
    "Name": lambda job: (job.name, job.name),
    "Status": lambda job: (job.status, job.name),
    "CreationTime": lambda job: (job.created_s, job.name),
}
_TRAINING_KEYS: Mapping[str, Callable[[TrainingJob], Key]] = {
    "Name": lambda trial: (trial.name, trial.name),
    "Status": lambda trial: (trial.status, trial.name),
    "CreationTime": lambda trial: (trial.created_s, trial.name),
    "FinalObjectiveMetricValue": lambda trial: (trial.objective or 0.0, trial.name),
}


def tuning_jobs(jobs: Sequence[TuningJob], request: Mapping[str, Any]) -> Rows[TuningJob]:
    """The page of ListHyperParameterTuningJobs, and `{"NextToken"}` when there are more.

    Raises:
        ClientError: ValidationException for a NextToken that is not one of this request.
    """
    wanted = [job for job in jobs if _wanted(job, request)]
    return _paged("ListHyperParameterTuningJobs", wanted, _TUNING_KEYS[request.get("SortBy", "Name")], request)


def training_jobs(trials: Sequence[TrainingJob], request: Mapping[str, Any]) -> Rows[TrainingJob]:
    """The page of ListTrainingJobsForHyperParameterTuningJob, and `{"NextToken"}` when there are more.

    Sorted by FinalObjectiveMetricValue, training jobs without one are left out, as AWS does.

    Raises:
        ClientError: ValidationException for a NextToken that is not one of this request.
    """
    sort_by = request.get("SortBy", "Name")
    status = request.get("StatusEquals")
    wanted = [
        trial
        for trial in trials
        if status in (None, trial.status) and (sort_by != "FinalObjectiveMetricValue" or trial.objective is not None)
    ]
    return _paged("ListTrainingJobsForHyperParameterTuningJob", wanted, _TRAINING_KEYS[sort_by], request)


def all_training_jobs(trials: Sequence[TrainingJob], request: Mapping[str, Any]) -> Rows[TrainingJob]:
    """The page of ListTrainingJobs, and `{"NextToken"}` when there are more.

    As documented, the page is taken first and StatusEquals filters it: a page may hold fewer rows than MaxResults, or
    none, with more to come.

    Raises:
        ClientError: ValidationException for a NextToken that is not one of this request.
    """
    status = request.get("StatusEquals")
    others = {name: value for name, value in request.items() if name != "StatusEquals"}
    wanted = [trial for trial in trials if _wanted(trial, others)]
    # No warm pools and no training plans here: a request for those of a kind gets none.
    if request.get("WarmPoolStatusEquals") or request.get("TrainingPlanArnEquals"):
        wanted = []
    rows, token = _paged("ListTrainingJobs", wanted, _TRAINING_KEYS[request.get("SortBy", "CreationTime")], request)
    return [trial for trial in rows if status in (None, trial.status)], token


def _wanted(job: TuningJob | TrainingJob, request: Mapping[str, Any]) -> bool:
    after, before = request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
    modified_after, modified_before = request.get("LastModifiedTimeAfter"), request.get("LastModifiedTimeBefore")
    return (
        request.get("NameContains", "").lower() in job.name.lower()
        and request.get("StatusEquals") in (None, job.status)
        and (after is None or job.created_s > _seconds(after))
        and (before is None or job.created_s < _seconds(before))
        and (modified_after is None or job.modified_s > _seconds(modified_after))
        and (modified_before is None or job.modified_s < _seconds(modified_before))
    )


def _seconds(moment: Any) -> float:
    if isinstance(moment, str):  # in a form the service model lets through
        moment = parse_timestamp(moment)
    return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)


def _paged(operation: str, rows: Sequence[Row], key: Callable[[Row], Key], request: Mapping[str, Any]) -> Rows[Row]:
    try:
        page = page_of(rows, key=key, query=request)
    except BadToken as error:
        raise client_error(
            "ValidationException", "The NextToken given is not valid for this request.", operation
        ) from error
    return page.rows, {} if page.next_token is None else {"NextToken": page.next_token}
