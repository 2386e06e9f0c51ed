"""@task around each stage: the only Prefect decorators besides the flow's own.

Stages are idempotent under the run's key, so a task that met a service out of reach is simply tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from components import naming
from components.deployment.target import Deployment
from components.errors import Cancelled, RetuneError
from components.registry.model_version import ModelVersion
from components.registry.promotion import PromotionDecision
from components.tuning.lineage import Parents
from flows import results
from flows.artifacts import cancel_asked
from flows.basis import decide_run
from flows.cloud_endpoint import refuse_endpoint, serve_on_endpoint
from flows.data import RunData, described, reader_of, take_data, warnings_about
from flows.following import Run, Searched
from flows.line import Line
from flows.local_services import deploy_champion
from flows.progress import reporter, unless_told_later
from flows.promotion_rules import refuse_metrics
from flows.refit import run_refit
from flows.run_report import report_of_run
from flows.search import run_search
from flows.versions import register_best, registry_of, settle_champion

P = ParamSpec("P")
R = TypeVar("R")


def _retryable(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, RetuneError) and error.retryable


def stage(function: Callable[P, R]) -> Callable[P, R]:
    """A stage as a Prefect task: tried again when something it needs was out of reach; never from a cache."""
    return task(
        cache_policy=NO_CACHE,
        retries=2,
        retry_delay_seconds=[2, 10],
        retry_condition_fn=_retryable,
        log_prints=False,
    )(function)


def unless_cancelled(function: Callable[P, R]) -> Callable[P, R]:
    """A stage that does not begin once its flow run has been cancelled. The search looks by itself, to stop its job."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if cancel_asked():
            raise Cancelled(
                f"the flow run was cancelled before it came to {function.__name__}; the same command goes on"
            )
        return function(*args, **kwargs)

    return checked


@stage
def take_snapshot(line: Line) -> RunData:
    """Data as an immutable snapshot in the store, or the listing of data that stay where they are."""
    line.settings.writable_home()
    refuse_endpoint(line)
    refuse_metrics(line.spec, line.root)  # a flow deployment comes here first
    data = take_data(line)
    reporter().stage(f"data: {described(data)}")
    for warning in warnings_about(line, data):
        reporter().stage(f"warning: {warning}")
    return data


@stage
def decide(line: Line, snapshot: RunData) -> Run:
    """Skip, refit or tune, with the reason; and which run this is, the same until it is finished."""
    registry = registry_of(line)
    begun = registry.finish_cut_off_change()
    if begun is not None:
        registry.close_change()  # this run deploys the champion in any case
        reporter().stage(f"promotion: {begun.kind} to version {begun.version}, begun at {begun.at}, is finished")
    run = decide_run(line, snapshot, reader_of(line, snapshot), registry)
    reason = f"; {run.decision.reason}"
    reporter().stage(
        f"decision: {run.decision.mode}{unless_told_later(reason) if run.decision.mode == 'skip' else reason}"
    )
    return run


@stage
def tune(line: Line, run: Run, parents: Parents | None = None) -> Searched:
    """The search, created or taken up again."""
    return run_search(line, run, parents)


@stage
def refit(line: Line, run: Run) -> Searched:
    """The champion's hyperparameters on the new data, as one training job, created or taken up again."""
    return run_refit(line, run)


@stage
@unless_cancelled
def register(line: Line, run: Run, searched: Searched) -> ModelVersion:
    """The best trial's own model as a version in MLflow."""
    return register_best(line, run, searched)


@stage
@unless_cancelled
def promote(line: Line, run: Run, searched: Searched, version: ModelVersion) -> PromotionDecision:
    """Champion or challenger, on the same held-out rows, both scored now."""
    return settle_champion(line, run, searched, version)


@stage
@unless_cancelled
def deploy(line: Line) -> Deployment | None:
    """The champion answering requests, where the spec wants that; swapped without failing one."""
    registry = registry_of(line)
    champion = registry.champion()
    if line.spec.deployment.target == "sagemaker":
        return None if champion is None else serve_on_endpoint(line, registry, champion)
    return deploy_champion(line.settings, line.spec, None if champion is None else champion.version)


@stage
def finish(
    line: Line,
    run: Run,
    searched: Searched,
    version: ModelVersion,
    promotion: PromotionDecision,
    deployment: Deployment | None,
) -> dict[str, Any]:
    """Write the result on the version, and last that it is finished."""
    registry = registry_of(line)
    champion = registry.champion()
    document = results.result_document(
        line,
        run,
        result=searched.result,
        version=version,
        promotion=promotion,
        champion=champion,
        deployment=deployment,
        tracked=searched.run,
    )
    document["report"] = report_of_run(line, run, searched, version, document)
    score = {} if document["test_score"] is None else {"test_score": document["test_score"]}
    score |= results.drift_metrics(run.decision.drift)
    labels = {"retune.version": str(version.version), naming.TAG_PROMOTION_REASON: promotion.reason}
    searched.run.finish(status="FINISHED", best=searched.result.best, metrics=score, tags=labels)
    registry.finish(version.version, document, now=datetime.now(UTC))
    return document


@stage
def rest_on_last(line: Line, run: Run, deployment: Deployment | None) -> dict[str, Any]:
    """The result of a skipped run: that of the finished version it rests on."""
    assert run.base is not None  # noqa: S101  a skip was decided on it
    registry = registry_of(line)
    champion, history = registry.champion(), registry.history()
    return results.skipped_document(
        line, run.decision, run.base, champion=champion, history=history, deployment=deployment
    )
