"""The attempts of one run: the tuning jobs that carry its key, and what the next one is to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from components.errors import Refused
from components.naming import TAG_RUN_DIGEST
from components.tuning.client import TuningClient
from components.tuning.result import Trial
from components.tuning.spot_patience import waited_in_vain
from components.tuning.trial_reader import TrialReader
from components.tuning.tuning_jobs import described, tags_of

UNFINISHED = ("InProgress", "Stopping")
_MAX_ATTEMPTS = 99
MOST_PARENTS = 5
_MOST_JOBS = 750


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What the next tuning job of a run is to do.

    Attributes:
        number: From 1.
        jobs: Training jobs that are left.
        used_s: Seconds that earlier attempts ran.
        billable_s: Seconds of training that earlier attempts are charged for.
        parents: Earlier attempts whose results it is to know.
        on_demand: Whether Spot has been waited for in vain.
    """

    number: int
    jobs: int
    used_s: int
    billable_s: int = 0
    parents: tuple[str, ...] = ()
    on_demand: bool = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """What `tune` is to do.

    Attributes:
        name_of: Attempt (from 1) to tuning-job name.
        request_for: Attempt to its request.
        digest: Full run digest, carried by each attempt as a tag and checked on re-attach.
        max_jobs: Training jobs in all attempts together.
        maximize: Whether a larger objective is better.
        further: Parents of the first attempt that AMT would not take; None for a search that keeps to AMT's rules.
        why_stop: From all trials so far, why the search has to stop now, None when it need not; None where nothing is
            paid.
        spot_patience_s: Seconds to wait for the first Spot instance before going on on demand; None waits for ever.
        charged: What its jobs may be charged by, as `job_check.charged` tells it; empty where nothing is paid.
    """

    name_of: Callable[[int], str]
    request_for: Callable[[Attempt], Mapping[str, Any]]
    digest: str
    max_jobs: int
    maximize: bool
    why_stop: Callable[[Sequence[Trial]], str | None] | None = None
    spot_patience_s: float | None = None
    charged: tuple[Mapping[str, Any], ...] = ()
    further: tuple[str, ...] | None = None


def find_attempts(client: TuningClient, search: Search) -> tuple[Mapping[str, Any], ...]:
    """Describe answers of the attempts there are, oldest first.

    Raises:
        Refused: A job of that name belongs to another run.
    """
    return tuple(_attempts(client, search))


def next_attempt(attempts: Sequence[Mapping[str, Any]], search: Search, reader: TrialReader) -> Attempt | None:
    """What is to be started; None when the last attempt is to be followed or collected.

    A Failed attempt, one stopped before its end, and one whose time ran out before any trial had an objective are
    followed by another for what is left.
    """
    trials = reader.read(_names(attempts))
    left = search.max_jobs - _jobs_done(attempts, reader)
    if attempts:
        status = attempts[-1]["HyperParameterTuningJobStatus"]
        scored = any(trial.objective is not None for trial in trials)
        if status in UNFINISHED or (status == "Completed" and scored) or left <= 0:
            return None
    used_s = sum(job.get("ConsumedResources", {}).get("RuntimeInSeconds", 0) for job in attempts)
    names = [name for name in _names(attempts) if _says_something(reader.read([name]))][-MOST_PARENTS:]
    # AMT counts parents' training jobs towards a job's limit.
    parents = tuple(names) if len(reader.read(names)) + left <= _MOST_JOBS else ()
    return Attempt(
        number=len(attempts) + 1,
        jobs=left,
        used_s=used_s,
        billable_s=sum(trial.billable_seconds or 0 for trial in trials),
        parents=parents,
        on_demand=any(waited_in_vain(job, reader.read(_names([job])), search.spot_patience_s) for job in attempts),
    )


def _says_something(trials: Sequence[Trial]) -> bool:
    """Whether a search may learn from these: a result, or what fails."""
    return any(trial.objective is not None or trial.status == "Failed" for trial in trials)


def _names(attempts: Sequence[Mapping[str, Any]]) -> list[str]:
    return [attempt["HyperParameterTuningJobName"] for attempt in attempts]


def create(make: Callable[[], object]) -> bool:
    """Start an attempt by a call, unless it is there by now; whether this call made it."""
    try:
        make()
    except ClientError as error:
        # Another command on the same run was quicker, or the answer to our own first try was lost: attach to it.
        if error.response["Error"]["Code"] != "ResourceInUse":
            raise
        return False
    return True


def _attempts(client: TuningClient, search: Search) -> Iterator[Mapping[str, Any]]:
    for attempt in range(1, _MAX_ATTEMPTS + 1):
        name = search.name_of(attempt)
        job = described(client, name)
        if job is None:
            return
        digest = tags_of(client, job["HyperParameterTuningJobArn"]).get(TAG_RUN_DIGEST)
        if digest != search.digest:
            raise Refused(
                f"tuning job {name} must carry the tag {TAG_RUN_DIGEST}={search.digest} to be taken up again, "
                f"got {digest}; it belongs to somebody else: delete it or rename the model"
            )
        yield job
    raise Refused(f"a run has at most {_MAX_ATTEMPTS} attempts; change the spec, the data or the code")


def _jobs_done(attempts: Sequence[Mapping[str, Any]], reader: TrialReader) -> int:
    """Training jobs that are not trained again.

    One stopped because the search was stopped is; one that used up its own time is not, nor one with an objective in a
    search that stops training jobs itself (which of the two stopped it, nothing tells). Failures of a search that
    failed as a whole are what the next attempt is to mend; others are results.
    """
    done = 0
    for job in attempts:
        config = job["HyperParameterTuningJobConfig"]
        stops = config["Strategy"] == "Hyperband" or config.get("TrainingJobEarlyStoppingType") == "Auto"
        for trial in reader.read([job["HyperParameterTuningJobName"]]):
            stopped = stops and trial.status == "Stopped" and trial.objective is not None
            failed = trial.status == "Failed" and job["HyperParameterTuningJobStatus"] != "Failed"
            done += trial.status == "Completed" or failed or stopped or reader.ran_out_of_time(trial)
    return done
