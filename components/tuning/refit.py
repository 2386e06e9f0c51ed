"""A refit: one training job from request to result on any engine, found again and followed like a tuning job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from components.errors import Cancelled, JobDiffers, Refused, TuningFailed
from components.naming import TAG_RUN_DIGEST
from components.tuning.attempts import UNFINISHED, create
from components.tuning.client import TuningClient
from components.tuning.engine import REAL_CLOCK, Clock, Engine, Progress
from components.tuning.job_check import differences
from components.tuning.result import TuningResult
from components.tuning.training_jobs import as_trial, described_training_job
from components.tuning.tuning_jobs import tags_of

_MAX_ATTEMPTS = 99
_NO_CAPACITY = "CapacityError"  # how FailureReason begins when no instance of a type could be had
_OUT_OF_TIME = ("MaxRuntimeExceeded", "MaxWaitTimeExceeded")


@dataclass(frozen=True, kw_only=True)
class RefitAttempt:
    """What the next training job of a refit is.

    Attributes:
        number: From 1.
        instance_type: The first that has not been lacking, of those the spec names.
        billable_s: Seconds that earlier attempts are charged for.
        on_demand: Whether Spot has been waited for in vain.
    """

    number: int
    instance_type: str
    billable_s: int = 0
    on_demand: bool = False


@dataclass(frozen=True, kw_only=True)
class Refit:
    """What `refit` is to do.

    Attributes:
        name_of: Attempt (from 1) to training-job name.
        request_for: Attempt to its request.
        digest: Full run digest, carried by each attempt as a tag and checked on re-attach.
        metric: The objective.
        maximize: Whether a larger one is better.
        tuned: The hyperparameters that are trained again.
        types: Instance types, in the order they are tried.
        spot: Whether it is to be charged as Spot, as far as patience lasts.
        spot_patience_s: Seconds to wait for a Spot instance before going on on demand; None waits for ever.
    """

    name_of: Callable[[int], str]
    request_for: Callable[[RefitAttempt], Mapping[str, Any]]
    digest: str
    metric: str
    maximize: bool
    tuned: Mapping[str, str]
    types: tuple[str, ...]
    spot: bool = False
    spot_patience_s: float | None = None


def refit(
    engine: Engine,
    job: Refit,
    *,
    observe: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    poll_s: float,
    stops_job: Callable[[BaseException], bool] = lambda error: isinstance(error, KeyboardInterrupt),
    clock: Clock = REAL_CLOCK,
) -> TuningResult:
    """Create the training job or re-attach to it, follow it to its end, collect.

    One that is InProgress or Stopping is attached to, a Completed one is collected, after a Failed or Stopped one the
    next attempt trains; it goes on from a checkpoint, where there is one.

    Args:
        engine: Where.
        job: What.
        observe: Called at every change seen.
        cancelled: Whether somebody asked to stop; asked between waits.
        poll_s: Seconds between two looks, at most.
        stops_job: Whether what interrupts this stops the job too, as of `tune`.
        clock: Time; the engine's `wait` runs on the same.

    Returns:
        A result whose trials are the attempts, and whose only one with an objective is the refit.

    Raises:
        Cancelled: It was stopped on request, here or elsewhere.
        JobDiffers: The engine made another job than it was asked for.
        OverBudget: It cannot be paid for.
        Refused: A job of that name belongs to another run.
        TuningFailed: It ended without a model or an objective.
    """
    while True:
        attempts = begin_refit(engine, job)
        waited_in_vain = _follow(
            engine,
            job,
            attempts,
            observe=observe,
            cancelled=cancelled,
            poll_s=poll_s,
            stops_job=stops_job,
            clock=clock,
        )
        attempts = find_refits(engine.client, job)
        last = attempts[-1]
        has_another_type = _lacked_capacity(last) and _lacking(attempts) % len(job.types) > 0
        if not waited_in_vain and not has_another_type:
            break
    _raise_for(last, job)
    return TuningResult(
        tuning_job=last["TrainingJobName"],
        attempts=tuple(each["TrainingJobName"] for each in attempts),
        status=last["TrainingJobStatus"],
        failure=last.get("FailureReason"),
        maximize=job.maximize,
        trials=tuple(
            as_trial(each, number=number, metric=job.metric, tuned=job.tuned)
            for number, each in enumerate(attempts, start=1)
        ),
    )


def find_refits(client: TuningClient, job: Refit) -> tuple[Mapping[str, Any], ...]:
    """Describe answers of the attempts there are, oldest first.

    Raises:
        Refused: A job of that name belongs to another run.
    """
    found: list[Mapping[str, Any]] = []
    for number in range(1, _MAX_ATTEMPTS + 1):
        name = job.name_of(number)
        described = described_training_job(client, name)
        if described is None:
            return tuple(found)
        digest = tags_of(client, described["TrainingJobArn"]).get(TAG_RUN_DIGEST)
        if digest != job.digest:
            raise Refused(
                f"training job {name} is there and belongs to another run (tag {TAG_RUN_DIGEST} must be "
                f"{job.digest[:16]}..., got {digest}): rename the model, or delete that job"
            )
        found.append(described)
    raise Refused(f"a run has at most {_MAX_ATTEMPTS} attempts; change the spec, the data or the code")


def next_refit(attempts: Sequence[Mapping[str, Any]], job: Refit) -> RefitAttempt | None:
    """What is to be started; None when the last attempt is to be followed or collected."""
    if attempts and attempts[-1]["TrainingJobStatus"] in (*UNFINISHED, "Completed"):
        return None
    return RefitAttempt(
        number=len(attempts) + 1,
        instance_type=job.types[_lacking(attempts) % len(job.types)],
        billable_s=sum(each.get("BillableTimeInSeconds", 0) for each in attempts),
        on_demand=any(_waited_in_vain(each, job.spot_patience_s) for each in attempts),
    )


def begin_refit(engine: Engine, job: Refit) -> tuple[Mapping[str, Any], ...]:
    """Have the training job there, created or taken up as it is; all attempts. Raises as `refit`."""
    attempts = find_refits(engine.client, job)
    attempt = next_refit(attempts, job)
    if attempt is not None:
        request = job.request_for(attempt)
        if create(lambda: engine.client.create_training_job(**request)):
            name = request["TrainingJobName"]
            found = differences(request, engine.client.describe_training_job(TrainingJobName=name))
            if found:
                raise _stopped_as_different(engine.client, name, "; ".join(found))
            return find_refits(engine.client, job)
        attempts = find_refits(engine.client, job)
    _refuse_dearer(engine.client, job, attempts[-1])
    return attempts


def stop_training_job(client: TuningClient, name: str) -> None:
    """Ask a training job to stop; one that has ended is left as it is."""
    try:
        client.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise


def _refuse_dearer(client: TuningClient, job: Refit, last: Mapping[str, Any]) -> None:
    """Raise JobDiffers, and stop it, where a job that another command made and that runs is charged otherwise."""
    if last["TrainingJobStatus"] not in UNFINISHED:
        return
    instance = last["ResourceConfig"]["InstanceType"]
    if instance not in job.types:
        wrong = f"instance type must be {' or '.join(job.types)}, got {instance}"
        raise _stopped_as_different(client, last["TrainingJobName"], wrong)
    if job.spot and job.spot_patience_s is None and not last.get("EnableManagedSpotTraining"):
        raise _stopped_as_different(client, last["TrainingJobName"], "asked for Spot, got on demand")


def _stopped_as_different(client: TuningClient, name: str, difference: str) -> JobDiffers:
    stop_training_job(client, name)
    return JobDiffers(f"training job {name} is not what was asked for and has been stopped: {difference}")


def _follow(
    engine: Engine,
    job: Refit,
    attempts: Sequence[Mapping[str, Any]],
    *,
    observe: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    poll_s: float,
    stops_job: Callable[[BaseException], bool],
    clock: Clock,
) -> bool:
    """Until the last attempt has ended; whether this process stopped it because no Spot instance came."""
    stopping = in_vain = False
    name, began_s = attempts[-1]["TrainingJobName"], clock.monotonic()
    earlier = [as_trial(each, number=n, metric=job.metric, tuned=job.tuned) for n, each in enumerate(attempts[:-1], 1)]
    while True:
        try:
            described: Mapping[str, Any] = engine.client.describe_training_job(TrainingJobName=name)
            trial = as_trial(described, number=len(attempts), metric=job.metric, tuned=job.tuned)
            observe(Progress(tuning_job=name, status=trial.status, trials=(*earlier, trial)))
            if trial.is_terminal:
                return in_vain
            if not stopping:
                asked = cancelled()
                in_vain = not asked and _waits_in_vain(described, job.spot_patience_s, clock.monotonic() - began_s)
                if asked or in_vain:
                    stopping = True
                    stop_training_job(engine.client, name)
            seen_s = clock.monotonic()
            engine.wait(name, poll_s)
            # As `tune`: looking takes CPU from training.
            clock.sleep(max(0.0, min(poll_s, 0.2) - (clock.monotonic() - seen_s)))
        except BaseException as error:
            if stopping or not stops_job(error):
                raise
            stopping = True
            stop_training_job(engine.client, name)
            if isinstance(error, Exception):
                raise


def _raise_for(last: Mapping[str, Any], job: Refit) -> None:
    name, status = last["TrainingJobName"], last["TrainingJobStatus"]
    if status == "Completed":
        if as_trial(last, number=1, metric=job.metric, tuned=job.tuned).objective is None:
            raise TuningFailed(f"training job {name} ended without an objective: it emitted no {job.metric}")
        return
    if status == "Stopped" and last.get("SecondaryStatus") in _OUT_OF_TIME:
        most_s = last["StoppingCondition"]["MaxRuntimeInSeconds"]
        raise TuningFailed(
            f"training job {name} ran out of its time ({most_s} s): raise training.max_runtime_s or the cap, or tune"
        )
    if status == "Stopped":
        raise Cancelled(f"training job {name} was stopped; the same command trains it again")
    raise TuningFailed(f"training job {name} failed: {last.get('FailureReason')}; the same command tries again")


def _lacked_capacity(job: Mapping[str, Any]) -> bool:
    return job["TrainingJobStatus"] == "Failed" and str(job.get("FailureReason", "")).startswith(_NO_CAPACITY)


def _lacking(attempts: Sequence[Mapping[str, Any]]) -> int:
    return sum(_lacked_capacity(each) for each in attempts)


def _waits_in_vain(job: Mapping[str, Any], patience_s: float | None, waited_s: float) -> bool:
    spot = bool(job.get("EnableManagedSpotTraining"))
    return patience_s is not None and spot and "TrainingStartTime" not in job and waited_s > patience_s


def _waited_in_vain(job: Mapping[str, Any], patience_s: float | None) -> bool:
    """The same, of an ended one, told by what is on record."""
    ended = job.get("TrainingEndTime") or job["LastModifiedTime"]
    return job["TrainingJobStatus"] == "Stopped" and _waits_in_vain(
        job, patience_s, (ended - job["CreationTime"]).total_seconds()
    )
