"""The tuning engine: boto3's method names, and `tune`, which drives any engine from request to result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from components.errors import Cancelled, Refused
from components.naming import TAG_RUN_DIGEST
from components.tuning.result import CurvePoint, Trial, TuningResult

_UNFINISHED = ("InProgress", "Stopping")
_MAX_ATTEMPTS = 99


class TuningClient(Protocol):
    """The methods of boto3's SageMaker client that a search needs; boto3's client is one as it is."""

    def create_hyper_parameter_tuning_job(self, **request: Any) -> Any:
        """Start a tuning job."""

    def describe_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> Any:  # noqa: N803  AWS's word
        """Status, counters and best training job."""

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> Any:
        """One page of training-job summaries."""

    def list_hyper_parameter_tuning_jobs(self, **request: Any) -> Any:
        """One page of tuning-job summaries."""

    def stop_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> Any:  # noqa: N803  AWS's word
        """Ask it to stop."""

    def describe_training_job(self, *, TrainingJobName: str) -> Any:  # noqa: N803  AWS's word
        """One training job."""

    def list_tags(self, *, ResourceArn: str) -> Any:  # noqa: N803  AWS's word
        """Tags of a tuning job."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A connected engine.

    Attributes:
        name: As the spec and the command line call it.
        client: AMT's API.
        wait: Returns when the named tuning job has changed, or after so many seconds.
        curve: Points of a training job's metrics after the first N.
        log: What a training job printed so far.
        close: Let go of what this process holds; running jobs stay resumable.
    """

    name: str
    client: TuningClient
    wait: Callable[[str, float], None]
    curve: Callable[[str, int], Sequence[CurvePoint]]
    log: Callable[[str], str]
    close: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A search as seen at one moment.

    Attributes:
        tuning_job: Name of the running attempt.
        status: Its HyperParameterTuningJobStatus.
        trials: Trials of all attempts so far, oldest first.
    """

    tuning_job: str
    status: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, kw_only=True)
class Search:
    """What `tune` is to do.

    Attributes:
        name_of: Attempt (from 1) to tuning-job name.
        request_for: Attempt and number of jobs left to the request.
        digest: Full run digest, carried by each attempt as a tag and checked on re-attach.
        max_jobs: Training jobs in all attempts together.
        maximize: Whether a larger objective is better.
    """

    name_of: Callable[[int], str]
    request_for: Callable[[int, int], Mapping[str, Any]]
    digest: str
    max_jobs: int
    maximize: bool


def tune(
    engine: Engine,
    search: Search,
    *,
    observe: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    poll_s: float,
) -> TuningResult:
    """Create the job or re-attach to it, follow it to its end, collect.

    A job that is InProgress or Stopping is attached to, a Completed one is collected; after a Failed one, or one
    stopped before its end, the next attempt trains what is left. The result spans all attempts.

    Args:
        engine: Where.
        search: What.
        observe: Called at every change seen.
        cancelled: Whether somebody asked to stop; asked between waits.
        poll_s: Seconds between two looks at the job, at most.

    Raises:
        Cancelled: The job was stopped on request, here or elsewhere.
        Refused: A job of that name belongs to another run.
    """
    attempts = list(_attempts(engine.client, search))
    reader = _TrialReader(engine.client)
    left = _jobs_left(attempts, search.max_jobs)
    if not attempts or (attempts[-1]["HyperParameterTuningJobStatus"] not in (*_UNFINISHED, "Completed") and left > 0):
        name = search.name_of(len(attempts) + 1)
        engine.client.create_hyper_parameter_tuning_job(**search.request_for(len(attempts) + 1, left))
        attempts.append(engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))
    names = [attempt["HyperParameterTuningJobName"] for attempt in attempts]
    attached_stopped = attempts[-1]["HyperParameterTuningJobStatus"] in ("Stopped", "Failed")
    last = _follow(engine, names, reader, observe=observe, cancelled=cancelled, poll_s=poll_s)
    if last["HyperParameterTuningJobStatus"] == "Stopped" and not attached_stopped:
        raise Cancelled(f"tuning job {names[-1]} was stopped; the same command goes on with what is left")
    return TuningResult(
        tuning_job=names[-1],
        attempts=tuple(names),
        status=last["HyperParameterTuningJobStatus"],
        failure=last.get("FailureReason"),
        maximize=search.maximize,
        trials=reader.read(names),
    )


def collect(client: TuningClient, names: Sequence[str]) -> tuple[Trial, ...]:
    """All trials of these tuning jobs, oldest first, with their seconds."""
    return _TrialReader(client).read(names)


def _attempts(client: TuningClient, search: Search) -> Iterator[Mapping[str, Any]]:
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        name = search.name_of(attempt)
        try:
            job = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFound", "ResourceNotFoundException"):
                return
            raise
        tags = client.list_tags(ResourceArn=job["HyperParameterTuningJobArn"])["Tags"]
        digest = next((tag["Value"] for tag in tags if tag["Key"] == TAG_RUN_DIGEST), None)
        if digest != search.digest:
            raise Refused(
                f"tuning job {name} must carry the tag {TAG_RUN_DIGEST}={search.digest} to be taken up again, "
                f"got {digest}; it belongs to somebody else: delete it or rename the model"
            )
        yield job
    raise Refused(f"a run has at most {_MAX_ATTEMPTS} attempts; change the spec, the data or the code")


def _jobs_left(attempts: Sequence[Mapping[str, Any]], max_jobs: int) -> int:
    done = 0
    for job in attempts:
        counters = job["TrainingJobStatusCounters"]
        done += counters["Completed"]
        # Failures of a search that failed as a whole are what the next attempt is to mend; others are results.
        if job["HyperParameterTuningJobStatus"] != "Failed":
            done += counters["NonRetryableError"]
    return max_jobs - done


def _follow(
    engine: Engine,
    names: Sequence[str],
    reader: _TrialReader,
    *,
    observe: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    poll_s: float,
) -> Mapping[str, Any]:
    stopping = False
    name = names[-1]
    while True:
        try:
            job: Mapping[str, Any] = engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            status = job["HyperParameterTuningJobStatus"]
            observe(Progress(tuning_job=name, status=status, trials=reader.read(names)))
            if status not in _UNFINISHED:
                return job
            if not stopping and cancelled():
                stopping = True
                _stop(engine.client, name)
            seen_s = time.monotonic()
            engine.wait(name, poll_s)
            # One look per interval however many metric lines a trial prints: looking takes CPU from training.
            time.sleep(max(0.0, min(poll_s, 0.2) - (time.monotonic() - seen_s)))
        except KeyboardInterrupt:
            if stopping:
                raise
            stopping = True
            _stop(engine.client, name)


def _stop(client: TuningClient, name: str) -> None:
    try:
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        # It ended in the meantime: nothing is left to stop.
        if error.response["Error"]["Code"] != "ValidationException":
            raise


class _TrialReader:
    """Lists trials, and describes each finished one once, for its seconds."""

    def __init__(self, client: TuningClient) -> None:
        self._client = client
        self._finished: dict[str, Mapping[str, Any]] = {}

    def read(self, names: Sequence[str]) -> tuple[Trial, ...]:
        summaries = [summary for name in names for summary in self._summaries(name)]
        return tuple(self._trial(summary, number) for number, summary in enumerate(summaries, start=1))

    def _summaries(self, name: str) -> Iterator[Mapping[str, Any]]:
        page: dict[str, Any] = {
            "HyperParameterTuningJobName": name,
            "MaxResults": 100,
            "SortBy": "Name",
            "SortOrder": "Ascending",
        }
        while True:
            answer = self._client.list_training_jobs_for_hyper_parameter_tuning_job(**page)
            yield from answer["TrainingJobSummaries"]
            if not answer.get("NextToken"):
                return
            page["NextToken"] = answer["NextToken"]

    def _trial(self, summary: Mapping[str, Any], number: int) -> Trial:
        name = summary["TrainingJobName"]
        terminal = summary["TrainingJobStatus"] in ("Completed", "Failed", "Stopped")
        if terminal and name not in self._finished:
            self._finished[name] = self._client.describe_training_job(TrainingJobName=name)
        detail = self._finished.get(name, {})
        metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        scored = metric is not None and summary.get("ObjectiveStatus") == "Succeeded"
        return Trial(
            training_job=name,
            number=number,
            status=summary["TrainingJobStatus"],
            objective=metric["Value"] if metric is not None and scored else None,
            hyperparameters=summary["TunedHyperParameters"],
            started=summary.get("TrainingStartTime"),
            ended=summary.get("TrainingEndTime"),
            training_seconds=detail.get("TrainingTimeInSeconds"),
            billable_seconds=detail.get("BillableTimeInSeconds"),
            failure=summary.get("FailureReason"),
        )
