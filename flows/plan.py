"""What a run would do: the stages composed without their effects. Decides nothing itself and touches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

from components.errors import OverBudget
from components.registry.model_version import ModelVersion
from components.registry.past_searches import request_of_run
from components.tuning.attempts import Attempt, find_attempts, next_attempt
from components.tuning.budget import Limits
from components.tuning.client import TuningClient
from components.tuning.definition import Channel
from components.tuning.job_check import charged
from components.tuning.lineage import Parents
from components.tuning.request_diff import changes
from components.tuning.spending import Purse
from components.tuning.trial_reader import TrialReader
from flows.cloud_endpoint import refuse_endpoint
from flows.data import RunData, channels_of, look_at_data, rows_of
from flows.engines import open_engine
from flows.line import Line, RunIdentity, RunOptions, identify, open_line
from flows.lineage import first_parents
from flows.money import purse_of
from flows.tuning_requests import NO_PARENTS, search_of


def plan_of(options: RunOptions) -> dict[str, Any]:
    """What `retune run` with these options would do, as `retune plan --json` prints it.

    Keys: `model mode reason run_key snapshot engine rows tuning_job job_status warm_start request changes cost
    endpoint_usd_per_month endpoint_price`.
    `request` is the exact CreateHyperParameterTuningJob of the next attempt, null when the run would skip, or attach to
    `tuning_job`; `changes` where it differs from the run that the newest version is from, null without one; `cost` what
    it is expected to cost and its worst case, caps and price, null where it costs nothing; the last two what the
    endpoint costs a month at the most and what that is made of, null without one.
    """
    from flows.tasks import base_version, decision_for, lineage_tags
    from flows.versions import registry_of

    line = open_line(options)
    price = refuse_endpoint(line)
    snapshot = look_at_data(line)
    registry = registry_of(line) if _has_registry(line) else None
    last = base_version(line, snapshot.digest, registry) if registry is not None else None
    decision = decision_for(line, snapshot.digest, last)
    generation = registry.generation(lineage_tags(line, snapshot.digest)) if registry is not None else 0
    document = {
        "model": line.spec.model,
        "mode": decision.mode,
        "reason": decision.reason,
        "snapshot": snapshot.digest,
        "engine": options.engine,
        "rows": dict(rows_of(snapshot)),
        "warm_start": Parents().document(),
        "endpoint_usd_per_month": None if price is None else price.usd_per_month,
        "endpoint_price": None if price is None else f"{price.made_of} ({price.source})",
    }
    if decision.mode == "skip" and last is not None:
        return {**document, **_standing(last)}
    return {**document, **_search(line, snapshot, generation, last)}


def _has_registry(line: Line) -> bool:
    # Looking into a tracking database that is not there yet would make it.
    return not line.settings.owns_tracking or line.settings.tracking_database.exists()


def _standing(last: ModelVersion) -> dict[str, Any]:
    return {
        "run_key": last.run_key,
        "tuning_job": last.result.get("tuning_job"),
        "job_status": "finished",
        "request": None,
        "changes": None,
        "cost": None,
    }


def _search(line: Line, snapshot: RunData, generation: int, last: ModelVersion | None) -> dict[str, Any]:
    identity = identify(line, snapshot_digest=snapshot.digest, generation=generation)
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
    before = _request_before(line, last)
    return {
        "run_key": identity.key,
        "tuning_job": search.name_of(len(attempts) if attempt is None or request is None else attempt.number),
        "job_status": "new" if request is not None else attempts[-1]["HyperParameterTuningJobStatus"],
        "warm_start": (parents or NO_PARENTS).document(),
        "request": request,
        "changes": None if request is None else _changes(line, identity, channels, snapshot.digest, before),
        "cost": None if purse is None or request is None else _cost(purse, request, before, last),
    }


def _has_results(attempts: Sequence[Mapping[str, Any]]) -> bool:
    return any("BestTrainingJob" in attempt for attempt in attempts)


def _request_before(line: Line, last: ModelVersion | None) -> dict[str, Any] | None:
    if last is None or last.run_id is None:
        return None
    return request_of_run(tracking_uri=line.settings.tracking_uri, run_id=last.run_id)


def _changes(
    line: Line,
    identity: RunIdentity,
    channels: Mapping[str, Channel],
    snapshot_digest: str,
    before: Mapping[str, Any] | None,
) -> list[dict[str, Any]] | None:
    """Against the run before; both as the specs have them, for what a cap shortens changes from day to day."""
    if before is None:
        return None
    search = search_of(line, identity, channels=channels, snapshot_digest=snapshot_digest, purse=None, draft=True)
    after = search.request_for(Attempt(number=1, jobs=search.max_jobs, used_s=0))
    return [change.document() for change in changes(before, after)]


def _cost(
    purse: Purse, request: Mapping[str, Any], before: Mapping[str, Any] | None, last: ModelVersion | None
) -> dict[str, Any]:
    limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    worst = Limits(
        jobs=limits["MaxNumberOfTrainingJobs"],
        parallel=limits["MaxParallelTrainingJobs"],
        job_runtime_s=request["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"],
        runtime_s=limits["MaxRuntimeInSeconds"],
    )
    worst_usd = worst.worst_case_usd(purse.usd_per_s)
    each_s = _billed_s(request, before, last)
    expected_usd = None if each_s is None else min(worst_usd, worst.jobs * each_s * purse.usd_per_s)
    return {
        "expected_usd": None if expected_usd is None else round(expected_usd, 6),
        "expected_from": None if each_s is None or last is None else last.result.get("tuning_job"),
        "worst_case_usd": round(worst_usd, 6),
        "cap_usd": purse.cap_usd,
        "month_cap_usd": purse.month_cap_usd,
        "instance_type": purse.price.instance_type,
        "usd_per_hour": purse.price.usd_per_hour,
        "price_source": purse.price.source,
    }


def _billed_s(request: Mapping[str, Any], before: Mapping[str, Any] | None, last: ModelVersion | None) -> float | None:
    """Billable seconds of one training job of the run before; None when it ran elsewhere or on something else."""
    if before is None or last is None or last.result.get("engine") != "sagemaker":
        return None
    if charged(before["TrainingJobDefinition"]) != charged(request["TrainingJobDefinition"]):
        return None
    result = last.result
    trials = sum(result.get("trials", {}).values())
    return result["spent"]["billable_seconds"] / trials if trials and result.get("spent") else None
