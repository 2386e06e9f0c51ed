"""The tuning engine: boto3's method names, and `tune`, which drives any engine from request to result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from components.errors import Cancelled
from components.tuning.attempts import UNFINISHED, Search, create, find_attempts, next_attempt
from components.tuning.client import TuningClient
from components.tuning.result import CurvePoint, Trial, TuningResult
from components.tuning.trial_reader import TrialReader


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
    reader = TrialReader(engine.client)
    attempts = find_attempts(engine.client, search)
    attempt = next_attempt(attempts, search, reader)
    if attempt is not None:
        create(engine.client, search.request_for(attempt))
        attempts = find_attempts(engine.client, search)
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


def _follow(
    engine: Engine,
    names: Sequence[str],
    reader: TrialReader,
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
            if status not in UNFINISHED:
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
