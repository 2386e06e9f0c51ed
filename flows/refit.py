"""The refit of a run: one training job followed to its end, mirrored in MLflow and shown like a search."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components import naming
from components.registry.tracking import RetrainingRun
from components.registry.trial_log import TrialLog
from components.tuning.budget import LEAST_RUNTIME_S, STOP_GRACE_S, Limits
from components.tuning.definition import Channel
from components.tuning.engine import Progress
from components.tuning.refit import Refit, RefitAttempt, find_refits, refit
from components.tuning.refit_request import build_training_request
from components.tuning.source_code import publish
from components.tuning.spending import Purse
from flows.artifacts import ProgressArtifact, trials_table
from flows.data import channels_of
from flows.engines import open_engine
from flows.following import (
    LOCAL_POLL_S,
    TAG_CHARACTERS,
    TRACKING_WAIT_S,
    Run,
    Searched,
    asked_to_stop,
    end_tracking,
    open_tracking,
    stops_job,
)
from flows.line import Line, RunIdentity
from flows.money import purse_of, settle_up
from flows.progress import reporter
from flows.resuming import Resumption
from flows.sweep import SignOfLife
from flows.tuning_requests import places_of, tags_of_run


def run_refit(line: Line, run: Run) -> Searched:
    """Create the training job or take it up again, and follow it to its end. Raises what `refit` does."""
    purse = purse_of(line)
    if purse is not None:
        settle_up(line)  # what others left reserved and have ended since is free again
    engine = open_engine(line.options.engine, line.settings, line.store, supervise=True, warm_for=line.image)
    job = refit_of(line, run, purse=purse)
    log = TrialLog(open_run=lambda: _open_run(line, run), curve=engine.curve)
    artifact, sign = ProgressArtifact(max_jobs=1), SignOfLife(line)
    resumption = Resumption([each["TrainingJobName"] for each in find_refits(engine.client, job)])

    def observe(progress: Progress) -> None:
        resumption.tell(progress)
        sign.say(progress.tuning_job)
        log.offer(progress.trials)
        artifact.update(progress)
        reporter().search(progress, max_jobs=1, maximize=job.maximize)

    try:
        poll_s = line.settings.poll_s if purse is not None else LOCAL_POLL_S
        with asked_to_stop(poll_s) as cancelled:
            result = refit(engine, job, observe=observe, cancelled=cancelled, poll_s=poll_s, stops_job=stops_job(line))
        settle_up(line)
        trials_table(result.tuning_job, result.trials)
        assert result.best is not None  # noqa: S101  `refit` has raised otherwise
        reporter().stage(f"refit: {result.tuning_job} at {result.best.objective:.6g}")
        return Searched(result=result, run=log.close(timeout_s=TRACKING_WAIT_S))
    except BaseException as error:
        end_tracking(log, error)
        raise
    finally:
        reporter().search_ended()
        engine.close()


def refit_of(line: Line, run: Run, *, purse: Purse | None, draft: bool = False) -> Refit:
    """The refit of this run.

    Args:
        line: Inputs.
        run: Which run; its decision is a refit.
        purse: The run's money; None on an engine that costs none.
        draft: Whether nothing is to be written: code is named and not uploaded, money counted and not reserved.
    """
    assert run.origin is not None  # noqa: S101  a refit has one
    spec, identity, channels = line.spec, run.identity, channels_of(run.snapshot)
    tuned = run.origin.hyperparameters
    if line.code is not None and not draft:
        publish(line.code, store=line.store, base_uri=line.settings.base_uri)

    def name_of(attempt: int) -> str:
        return naming.refit_job_name(model=spec.model, key=identity.key, attempt=attempt)

    def request_for(attempt: RefitAttempt) -> Mapping[str, Any]:
        name = name_of(attempt.number)
        if attempt.number > 1 and purse is not None and not draft:
            settle_up(line)  # what the attempt before reserved and did not spend
        return build_training_request(
            name=name,
            training=spec.training.model_copy(
                update={
                    "instance": spec.training.instance.model_copy(update={"type": attempt.instance_type}),
                    **({"spot": False} if attempt.on_demand else {}),
                }
            ),
            metric=spec.tuning.objective.metric,
            tuned=tuned,
            max_runtime_s=_runtime_s(line, name, attempt, purse, draft=draft),
            places=_places(line, identity, channels),
            tags=tags_of_run(line, identity, run.snapshot.digest),
        )

    return Refit(
        name_of=name_of,
        request_for=request_for,
        digest=identity.digest,
        metric=spec.tuning.objective.metric,
        maximize=spec.tuning.objective.type == "maximize",
        tuned=tuned,
        types=spec.training.instance.types,
        spot=bool(spec.training.spot),
        spot_patience_s=spec.training.spot_patience_s if spec.training.spot == "prefer" else None,
    )


def limits_of(runtime_s: int) -> Limits:
    """What bounds the cost of one training job that may run so long."""
    return Limits(jobs=1, parallel=1, job_runtime_s=runtime_s, runtime_s=max(LEAST_RUNTIME_S, runtime_s))


def _runtime_s(line: Line, name: str, attempt: RefitAttempt, purse: Purse | None, *, draft: bool) -> int:
    """Seconds it may run: as the spec says, or as long as the caps pay for."""
    wanted = limits_of(line.spec.training.max_runtime_s)
    if purse is None:
        return wanted.job_runtime_s
    within = purse.afford if draft else purse.reserve
    limits = within(name, wanted, spent_usd=attempt.billable_s * purse.usd_per_s)
    return min(limits.job_runtime_s, limits.runtime_s + STOP_GRACE_S)


def _places(line: Line, identity: RunIdentity, channels: Mapping[str, Channel]) -> Any:
    prefix = naming.refit_checkpoint_prefix(model=line.spec.model, key=identity.key)
    return places_of(line, channels, prefix, several_types=False)


def _open_run(line: Line, run: Run) -> RetrainingRun:
    assert run.origin is not None  # noqa: S101  a refit has one
    job = refit_of(line, run, purse=None, draft=True)
    request = json.dumps(job.request_for(RefitAttempt(number=1, instance_type=job.types[0])))
    known = {naming.TAG_REFIT_OF: run.origin.version}
    if len(request) <= TAG_CHARACTERS:
        known[naming.TAG_REQUEST] = request
    return open_tracking(line, run, known)
