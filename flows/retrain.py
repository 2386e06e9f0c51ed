"""The line: new data to a better model in production, one call per stage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Annotated, Any, Literal, cast

from prefect import flow
from prefect.states import Cancelled
from pydantic import Field

from components import errors
from components.tuning.attempts import UNFINISHED
from components.tuning.lineage import Parents
from flows import tasks
from flows.deployed import collect_later, is_deployed, one_run_of, refuse_endless, refuse_foreign
from flows.events import EventName, tell, tell_before_model
from flows.failures import translate
from flows.following import Run
from flows.history import job_status
from flows.line import Line, RunOptions, open_line
from flows.plan import plan_of
from flows.progress import reporter
from flows.submission import line_of, submit, take_up

LookAgainS = Annotated[int, Field(ge=1)]


@flow(name="retrain", flow_run_name="{spec}", validate_parameters=True)
def retrain(  # noqa: PLR0913, PLR0917  flat: Prefect replaces nested objects whole, which would drop a cap
    spec: str,
    engine: Literal["local", "sagemaker"] = "local",
    max_jobs: int | None = None,
    max_parallel_jobs: int | None = None,
    max_runtime_s: int | None = None,
    max_cost_usd: float | None = None,
    warm_start: str | None = None,
    mode: Literal["auto", "skip", "refit", "tune"] = "auto",
    deploy: bool = True,  # noqa: FBT001, FBT002  Prefect passes parameters by name
    plan_only: bool = False,  # noqa: FBT001, FBT002  the same
    overrides: list[str] | None = None,
    wait: bool = True,  # noqa: FBT001, FBT002  the same
    look_again_s: LookAgainS = 900,
) -> dict[str, Any]:
    """Retrain one model.

    Args:
        spec: Path of its spec.
        engine: Where to tune.
        max_jobs: Training jobs in all.
        max_parallel_jobs: Training jobs at a time.
        max_runtime_s: Seconds the search may take.
        max_cost_usd: Cap on the run's cost, USD.
        warm_start: `auto`, `off`, or parent tuning jobs, comma separated.
        mode: `auto` decides; the others decide for it.
        deploy: Whether the champion is to be served afterwards.
        plan_only: Say what would be done, and do nothing.
        overrides: `a.b=value` changes of the spec, values in YAML.
        wait: Whether to follow a search in the cloud; else `retrain/collect` goes on when it has ended.
        look_again_s: Seconds until `retrain/collect` looks by itself, when not waiting.

    Returns:
        The result document (see `docs/reference/result.md`); without waiting, what `retune submit` prints.
    """
    options = RunOptions(
        spec=spec,
        engine=engine,
        max_jobs=max_jobs,
        max_parallel_jobs=max_parallel_jobs,
        max_runtime_s=max_runtime_s,
        max_cost_usd=max_cost_usd,
        warm_start=warm_start,
        mode=mode,
        deploy=deploy,
        overrides=tuple(overrides or ()),
    )
    if plan_only:
        return plan_of(_deployed(options))
    with _told_before_model("spec", spec):
        options = _deployed(options)
        line = open_line(options)
    with one_run_of(line.spec.model) if is_deployed() else nullcontext():
        if not wait and engine == "sagemaker":
            return _told(line, lambda: _started(options, look_again_s))
        return _told(line, lambda: _whole_line(line))


# A flow of the same name, for its deployment is `retrain/collect`.
@flow(name="retrain", flow_run_name="{job}", validate_parameters=True)
def collect(
    job: str,
    wait: bool = True,  # noqa: FBT001, FBT002  Prefect passes parameters by name
    look_again_s: LookAgainS = 900,
) -> dict[str, Any]:
    """Go on with what `retune submit` has started: follow it to its end, register, promote, deploy.

    Args:
        job: Its tuning job, or a refit's training job.
        wait: Whether to follow one that has not ended; else another look is scheduled.
        look_again_s: Seconds until that look.

    Returns:
        The result document, as of `retrain`; `{job, status}` of one that was not waited for.
    """
    try:
        with _told_before_model("job", job):
            refuse_endless()
            line, kept = line_of(job)
        return _told(line, lambda: _collected(job, line, kept, wait=wait, look_again_s=look_again_s))
    except Exception as error:
        known = translate(error)
        if not wait and known is not None and known.retryable:
            collect_later(job, look_again_s)  # or a service that is away for a minute ends the looks for ever
        raise


def _deployed(options: RunOptions) -> RunOptions:
    """The options, where a worker may run them."""
    if not is_deployed():
        return options
    refuse_endless()
    return replace(options, spec=refuse_foreign(options.spec, options.overrides))


def _collected(job: str, line: Line, kept: Mapping[str, Any], *, wait: bool, look_again_s: int) -> dict[str, Any]:
    submitted = take_up(job, line, kept)
    if not wait and (status := job_status(job, line.options.engine)["status"]) in UNFINISHED:
        collect_later(job, look_again_s)
        return {"job": job, "status": status}
    reporter().stage(f"decision: {submitted.run.decision.mode}; {submitted.run.decision.reason}")
    with one_run_of(line.spec.model) if is_deployed() else nullcontext():
        return _go_on(line, submitted.run, submitted.parents)


def _started(options: RunOptions, look_again_s: int) -> dict[str, Any]:
    started = submit(options, progress=sys.stderr)
    job = started["tuning_job"] or started["training_job"]
    if started["mode"] != "skip":
        collect_later(job, look_again_s)
    return started


def _whole_line(line: Line) -> dict[str, Any]:
    snapshot = tasks.take_snapshot(line)
    run = tasks.decide(line, snapshot)
    if run.decision.mode == "skip":
        return tasks.rest_on_last(line, run, tasks.deploy(line))
    return _go_on(line, run)


def _go_on(line: Line, run: Run, parents: Parents | None = None) -> dict[str, Any]:
    searched = tasks.tune(line, run, parents) if run.decision.mode == "tune" else tasks.refit(line, run)
    version = tasks.register(line, run, searched)
    promotion = tasks.promote(line, run, searched, version)
    deployment = tasks.deploy(line)
    return tasks.finish(line, run, searched, version, promotion, deployment)


def _told(line: Line, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The work's result; automations hear of what ends it otherwise, but for a cancel, which somebody asked for."""
    try:
        return _cancellable(work)
    except Exception as error:
        event: EventName = "retune.budget-stopped" if isinstance(error, errors.OverBudget) else "retune.failed"
        # What is not ours may say anything.
        reason = str(error) if isinstance(error, errors.RetuneError) else type(error).__name__
        tell(line.settings, event, model=line.spec.model, reason=reason)
        raise


@contextmanager
def _told_before_model(kind: Literal["spec", "job"], name: str) -> Iterator[None]:
    """Automations hear of a deployed run that fails before it knows its model; of any other, who typed it."""
    try:
        yield
    except errors.RetuneError as error:
        # AWS tells of every job in the account that ends: those of others were never submitted here.
        foreign = kind == "job" and isinstance(error, errors.NotFound)
        if is_deployed() and not foreign:
            tell_before_model(kind, name, str(error))
        raise


def _cancellable(line: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The line's result; a flow run that was stopped on request ends as Cancelled, and raises that where it was called.

    A flow that raises ends as Failed, and one that is interrupted as Crashed: a state that is returned is kept.
    """
    try:
        return line()
    except errors.Cancelled as cancelled:
        error = cancelled
    except KeyboardInterrupt:
        error = errors.Cancelled("interrupted; the same command goes on")
    return cast(dict[str, Any], Cancelled(message=str(error), data=error))
