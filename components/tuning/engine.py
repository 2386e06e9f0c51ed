"""The tuning engine: boto3's method names, and `tune`, which drives any engine from request to result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from components.errors import Cancelled, JobDiffers, OverBudget
from components.tuning.attempts import UNFINISHED, Search, create, find_attempts, next_attempt
from components.tuning.beyond_amt import BeyondAmt, further_parents
from components.tuning.client import TuningClient
from components.tuning.job_check import charged, differences
from components.tuning.result import CurvePoint, Trial, TuningResult, best_of
from components.tuning.spot_patience import NO_SPOT, is_waiting_in_vain, waited_in_vain
from components.tuning.trial_reader import TrialReader

Trials = Sequence[tuple[Mapping[str, str], float | None]]
Remember = Callable[[Mapping[str, Any], Trials, float, Sequence[str]], None]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A connected engine.

    Attributes:
        name: As the spec and the command line call it.
        client: AMT's API.
        wait: Returns when the named tuning job has changed, or after so many seconds.
        curve: Points of a training job's metrics after the first N.
        log: What a training job printed so far.
        remember: Records an ended search of elsewhere (request, trials as hyperparameters and objective, seconds since
            the epoch, its own parents), so that it can be a parent; None where the engine keeps its own for ever.
        beyond_amt: What it can do beyond AMT's API; None where it is AMT.
        close: Let go of what this process holds; running jobs stay resumable.
    """

    name: str
    client: TuningClient
    wait: Callable[[str, float], None]
    curve: Callable[[str, int], Sequence[CurvePoint]]
    log: Callable[[str], str]
    close: Callable[[], None]
    remember: Remember | None = None
    beyond_amt: BeyondAmt | None = None


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time as a search needs it.

    Attributes:
        monotonic: Seconds that only grow.
        sleep: Waits so many of them.
    """

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


# The end of a stop is near, and somebody waits for it.
_STOPPING_POLL_S = 2.0
REAL_CLOCK = Clock(monotonic=time.monotonic, sleep=time.sleep)


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
    stops_job: Callable[[BaseException], bool] = lambda error: isinstance(error, KeyboardInterrupt),
    clock: Clock = REAL_CLOCK,
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
        stops_job: Whether what interrupts this, a signal or an error, stops the job too; else it trains on, to be
            taken up again. After a signal the stop is followed to its end.
        clock: Time; the engine's `wait` runs on the same.

    Raises:
        Cancelled: The job was stopped on request, here or elsewhere.
        JobDiffers: The engine made another job than it was asked for.
        OverBudget: No attempt can be paid for, and none has a result.
        Refused: A job of that name belongs to another run.
    """
    reader = TrialReader(engine.client)
    while True:
        attempts, ended_by, asked = _begin(engine, search, reader, stops_job)
        names = _names(attempts)
        attached_stopped = attempts[-1]["HyperParameterTuningJobStatus"] in ("Stopped", "Failed")
        last, why, asked = _follow(
            engine,
            names,
            reader,
            search,
            observe=observe,
            cancelled=(lambda: True) if asked else cancelled,
            poll_s=poll_s,
            stops_job=stops_job,
            clock=clock,
        )
        if asked or (why == NO_SPOT and cancelled()):
            stopped = last["HyperParameterTuningJobStatus"] == "Stopped"
            how = "was stopped" if stopped else "had ended when it was to stop"
            raise Cancelled(f"tuning job {names[-1]} {how}; the same command goes on with what is left")
        if not (why == NO_SPOT or (why is None and _in_vain(last, reader, search) and not attached_stopped)):
            break  # else what is left is tried on demand
    ended_by = ended_by or why
    if last["HyperParameterTuningJobStatus"] == "Stopped" and not attached_stopped and ended_by is None:
        raise Cancelled(f"tuning job {names[-1]} was stopped; the same command goes on with what is left")
    return TuningResult(
        tuning_job=names[-1],
        attempts=tuple(names),
        status=last["HyperParameterTuningJobStatus"],
        failure=last.get("FailureReason"),
        maximize=search.maximize,
        trials=reader.read(names),
        ended_by=ended_by,
    )


def _begin(
    engine: Engine, search: Search, reader: TrialReader, stops_job: Callable[[BaseException], bool]
) -> tuple[tuple[Mapping[str, Any], ...], str | None, bool]:
    """As `begin`, and whether an interrupt on the way asks for the job's stop."""
    try:
        return *begin(engine, search, reader), False
    except BaseException as error:
        if isinstance(error, Exception) or not stops_job(error):
            raise
        # The interrupt may have come when the job was on its way or already there.
        attempts = find_attempts(engine.client, search)
        if not attempts or attempts[-1]["HyperParameterTuningJobStatus"] not in UNFINISHED:
            raise
        return attempts, None, True


def begin(engine: Engine, search: Search, reader: TrialReader) -> tuple[tuple[Mapping[str, Any], ...], str | None]:
    """Have the tuning job there: created, or taken up as it is.

    Args:
        engine: Where.
        search: What.
        reader: On the engine's client.

    Returns:
        Describe answers of all attempts, oldest first, and why no further one was paid for; None when that is not so.

    Raises:
        JobDiffers, OverBudget, Refused: As `tune`.
    """
    attempts = find_attempts(engine.client, search)
    attempt = next_attempt(attempts, search, reader)
    if attempt is None:
        _refuse_dearer(engine.client, search, attempts[-1])
        return attempts, None
    try:
        _create(engine, search, search.request_for(attempt), further_parents(search, attempt, engine.beyond_amt))
    except OverBudget as error:
        # The money is spent: what it bought is the result.
        if best_of(reader.read(_names(attempts)), maximize=search.maximize) is None:
            raise
        return attempts, str(error)
    return find_attempts(engine.client, search), None


def _follow(  # noqa: PLR0913  those of `tune`, whose middle it is
    engine: Engine,
    names: Sequence[str],
    reader: TrialReader,
    search: Search,
    *,
    observe: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    poll_s: float,
    stops_job: Callable[[BaseException], bool],
    clock: Clock,
) -> tuple[Mapping[str, Any], str | None, bool]:
    """The ended job, why this process stopped it without being asked to, and whether it was asked to."""
    stopping, why, asked = False, None, False
    name, began_s = names[-1], clock.monotonic()
    while True:
        try:
            job: Mapping[str, Any] = engine.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            status = job["HyperParameterTuningJobStatus"]
            trials = reader.read(names)
            observe(Progress(tuning_job=name, status=status, trials=trials))
            if status not in UNFINISHED:
                return job, why, asked
            if not stopping:
                asked = cancelled()
                why = None if asked else _why_stop(search, job, trials, waited_s=clock.monotonic() - began_s)
                if asked or why is not None:
                    stopping = True
                    _stop(engine.client, name)
            seen_s = clock.monotonic()
            engine.wait(name, min(poll_s, _STOPPING_POLL_S) if stopping else poll_s)
            # One look per interval however many metric lines a trial prints: looking takes CPU from training.
            clock.sleep(max(0.0, min(poll_s, 0.2) - (clock.monotonic() - seen_s)))
        except BaseException as error:
            if stopping or not stops_job(error):
                raise
            stopping = asked = True
            _stop(engine.client, name)
            if isinstance(error, Exception):
                raise


def _why_stop(search: Search, job: Mapping[str, Any], trials: Sequence[Trial], *, waited_s: float) -> str | None:
    own = [trial for trial in trials if trial.training_job.startswith(job["HyperParameterTuningJobName"])]
    if is_waiting_in_vain(job, own, waited_s=waited_s, patience_s=search.spot_patience_s):
        return NO_SPOT
    return None if search.why_stop is None else search.why_stop(trials)


def _in_vain(job: Mapping[str, Any], reader: TrialReader, search: Search) -> bool:
    """Whether another process on the same run stopped this job because no Spot instance could be had."""
    return waited_in_vain(job, reader.read(_names([job])), search.spot_patience_s)


def _refuse_dearer(client: TuningClient, search: Search, job: Mapping[str, Any]) -> None:
    """Raise JobDiffers, and stop it, where a job that runs is not charged as this run's are."""
    if not search.charged or job["HyperParameterTuningJobStatus"] not in UNFINISHED:
        return
    found = charged(job["TrainingJobDefinition"])
    if found not in search.charged:
        name = job["HyperParameterTuningJobName"]
        _stop(client, name)
        raise JobDiffers(
            f"tuning job {name} is not charged as asked for and has been stopped: asked for {search.charged[0]}, "
            f"got {found}"
        )


def _create(engine: Engine, search: Search, request: Mapping[str, Any], further: Sequence[str]) -> None:
    """Start an attempt and see that it is what was asked for; one that another command made may have other limits."""
    client, beyond = engine.client, engine.beyond_amt
    if beyond is not None and further:
        made = create(lambda: beyond.create(request, further))
    else:
        made = create(lambda: client.create_hyper_parameter_tuning_job(**request))
    name = request["HyperParameterTuningJobName"]
    job = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    if not made:
        _refuse_dearer(client, search, job)
        return
    found = differences(request, job)
    if found:
        _stop(client, name)
        raise JobDiffers(f"tuning job {name} is not what was asked for and has been stopped: {'; '.join(found)}")


def _names(attempts: Sequence[Mapping[str, Any]]) -> list[str]:
    return [attempt["HyperParameterTuningJobName"] for attempt in attempts]


def _stop(client: TuningClient, name: str) -> None:
    try:
        client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    except ClientError as error:
        # It ended in the meantime: nothing is left to stop.
        if error.response["Error"]["Code"] != "ValidationException":
            raise
