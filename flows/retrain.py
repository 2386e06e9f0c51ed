"""The line: new data to a better model in production, one call per stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

from prefect import flow
from prefect.states import Cancelled

from components import errors
from components.tuning.lineage import Parents
from flows import tasks
from flows.following import Run
from flows.line import Line, RunOptions, open_line
from flows.plan import plan_of
from flows.submission import take_up


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

    Returns:
        The result document (see `docs/reference/result.md`).
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
        return plan_of(options)
    return _cancellable(lambda: _whole_line(options))


@flow(name="collect", flow_run_name="{job}", validate_parameters=True)
def collect(job: str) -> dict[str, Any]:
    """Go on with what `retune submit` has started: follow it to its end, register, promote, deploy.

    Args:
        job: Its tuning job, or a refit's training job.

    Returns:
        The result document, as of `retrain`.
    """
    submitted = take_up(job)
    return _cancellable(lambda: _go_on(submitted.line, submitted.run, submitted.parents))


def _whole_line(options: RunOptions) -> dict[str, Any]:
    line = open_line(options)
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
