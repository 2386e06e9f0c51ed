"""What a run would do: the stages composed without their effects. Decides nothing itself and touches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

from components.data.in_place import InPlaceData
from components.errors import OverBudget
from components.registry.model_version import ModelVersion
from components.tuning.attempts import Attempt, find_attempts, next_attempt
from components.tuning.budget import Limits
from components.tuning.client import TuningClient
from components.tuning.lineage import Parents
from components.tuning.trial_reader import TrialReader
from flows.cloud_endpoint import refuse_endpoint
from flows.data import channels_of, look_at_data, refuse_bad_channels, refuse_slices, rows_of, warnings_about
from flows.engines import open_engine
from flows.following import Run
from flows.line import Line, RunOptions, open_line
from flows.lineage import first_parents
from flows.money import purse_of
from flows.planned_refit import changes_since, cost_of, planned_refit, request_before
from flows.promotion_rules import refuse_bad_metrics
from flows.results import drift_document
from flows.tuning_requests import NO_PARENTS, search_of


def plan_of(options: RunOptions) -> dict[str, Any]:
    """What `retune run` with these options would do, as `retune plan --json` prints it.

    Keys: `model mode reason run_key snapshot engine rows warnings drift tuning_job training_job refit_of job_status
    warm_start request changes cost endpoint_usd_per_month endpoint_price`. `request` is the exact
    CreateHyperParameterTuningJob of the next attempt, of a refit its CreateTrainingJob; null when it would skip, or
    attach to `tuning_job` or `training_job`; `changes` where it differs from that of the version it is held against,
    null without one of the same kind; `cost` what it is expected to cost and its worst case, caps and price, null where
    it costs nothing; the last two what the endpoint costs a month at the most and what that is made of, null without
    one.
    """
    from flows.basis import decide_run
    from flows.versions import has_registry, registry_of

    line = open_line(options)
    price = refuse_endpoint(line)
    refuse_bad_metrics(line)
    snapshot, read = look_at_data(line)
    if isinstance(snapshot, InPlaceData):
        refuse_bad_channels(line)
    else:
        refuse_slices(line.spec.promotion, snapshot.features)
    run = decide_run(line, snapshot, read, registry_of(line) if has_registry(line) else None)
    decision = run.decision
    document = {
        "model": line.spec.model,
        "mode": decision.mode,
        "reason": decision.reason,
        "snapshot": snapshot.digest,
        "engine": options.engine,
        "rows": dict(rows_of(snapshot)),
        "warnings": warnings_about(line, snapshot),
        "drift": drift_document(decision.drift),
        "training_job": None,
        "refit_of": None,
        "warm_start": Parents().document(),
        "endpoint_usd_per_month": None if price is None else price.usd_per_month,
        "endpoint_price": None if price is None else f"{price.made_of} ({price.source})",
    }
    if decision.mode == "skip" and run.base is not None:
        return {**document, **_standing(run.base)}
    return {**document, **(_search(line, run) if run.origin is None else planned_refit(line, run))}


def _standing(last: ModelVersion) -> dict[str, Any]:
    return {
        "run_key": last.run_key,
        "tuning_job": last.result.get("tuning_job"),
        "training_job": last.training_job,
        "refit_of": last.result.get("refit_of"),
        "job_status": "finished",
        "request": None,
        "changes": None,
        "cost": None,
    }


def _search(line: Line, run: Run) -> dict[str, Any]:
    identity, snapshot, last = run.identity, run.snapshot, run.base
    channels = channels_of(snapshot)
    purse = purse_of(line)
    parents: Parents | None = None
    client: TuningClient | None = None
    if purse is not None or line.settings.amt_home.is_dir():
        engine = replace(
            open_engine(line.options.engine, line.settings, line.store, supervise=False), remember=None
        )  # a plan writes nothing
        client = engine.client
        parents = first_parents(line, identity, engine, channels=channels, snapshot_digest=snapshot.digest)
    search = search_of(
        line,
        identity,
        channels=channels,
        snapshot_digest=snapshot.digest,
        purse=purse,
        parents=parents or NO_PARENTS,
        draft=True,
    )
    attempts: tuple[Mapping[str, Any], ...] = ()
    attempt: Attempt | None = Attempt(number=1, jobs=search.max_jobs, used_s=0)
    if client is not None:
        attempts = find_attempts(client, search)
        attempt = next_attempt(attempts, search, TrialReader(client))
    request = None
    with suppress(OverBudget) if _has_results(attempts) else nullcontext():  # a run then takes what was bought
        request = None if attempt is None else dict(search.request_for(attempt))
    before = request_before(line, last)
    return {
        "run_key": identity.key,
        "tuning_job": search.name_of(len(attempts) if attempt is None or request is None else attempt.number),
        "job_status": "new" if request is not None else attempts[-1]["HyperParameterTuningJobStatus"],
        "warm_start": (parents or NO_PARENTS).document(),
        "request": request,
        "changes": None if request is None else changes_since(_as_spec_has_it(line, run), before),
        "cost": None if purse is None or request is None else cost_of(purse, _limits(request), request, before, last),
    }


def _has_results(attempts: Sequence[Mapping[str, Any]]) -> bool:
    return any("BestTrainingJob" in attempt for attempt in attempts)


def _as_spec_has_it(line: Line, run: Run) -> Mapping[str, Any]:
    """The request without caps: what a cap shortens changes from day to day."""
    search = search_of(
        line,
        run.identity,
        channels=channels_of(run.snapshot),
        snapshot_digest=run.snapshot.digest,
        purse=None,
        draft=True,
    )
    return search.request_for(Attempt(number=1, jobs=search.max_jobs, used_s=0))


def _limits(request: Mapping[str, Any]) -> Limits:
    limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    return Limits(
        jobs=limits["MaxNumberOfTrainingJobs"],
        parallel=limits["MaxParallelTrainingJobs"],
        job_runtime_s=request["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"],
        runtime_s=limits["MaxRuntimeInSeconds"],
    )
