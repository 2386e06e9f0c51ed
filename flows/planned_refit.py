"""What a refit would do, and what any plan says of money and of the run before. Touches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.registry.model_version import ModelVersion
from components.registry.past_searches import request_of_run
from components.tuning.budget import Limits
from components.tuning.job_check import charged
from components.tuning.refit import RefitAttempt, find_refits, next_refit
from components.tuning.request_diff import changes
from components.tuning.spending import Purse
from flows.engines import open_engine
from flows.following import Run
from flows.line import Line
from flows.money import purse_of
from flows.refit import limits_of, refit_of

_KINDS = ("HyperParameterTuningJobName", "TrainingJobName")


def planned_refit(line: Line, run: Run) -> dict[str, Any]:
    """The part of a plan that is a refit's: `request` is the exact CreateTrainingJob of its next attempt."""
    assert run.origin is not None  # noqa: S101  a refit has one
    purse = purse_of(line)
    job = refit_of(line, run, purse=purse, draft=True)
    attempts: tuple[Mapping[str, Any], ...] = ()
    if purse is not None or line.settings.amt_home.is_dir():
        engine = open_engine(line.options.engine, line.settings, line.store, supervise=False)
        attempts = find_refits(engine.client, job)
    attempt = next_refit(attempts, job)
    request = None if attempt is None else dict(job.request_for(attempt))
    before = request_before(line, run.base)
    limits = None if request is None else limits_of(request["StoppingCondition"]["MaxRuntimeInSeconds"])
    return {
        "run_key": run.identity.key,
        "tuning_job": None,
        "training_job": job.name_of(len(attempts) if attempt is None else attempt.number),
        "refit_of": run.origin.document(),
        "job_status": attempts[-1]["TrainingJobStatus"] if attempt is None else "new",
        "request": request,
        "changes": None if request is None else changes_since(_as_spec_has_it(line, run), before),
        "cost": None
        if purse is None or limits is None or request is None
        else cost_of(purse, limits, request, before, run.base),
    }


def _as_spec_has_it(line: Line, run: Run) -> Mapping[str, Any]:
    """The request without caps: what a cap shortens changes from day to day."""
    job = refit_of(line, run, purse=None, draft=True)
    return job.request_for(RefitAttempt(number=1, instance_type=job.types[0]))


def request_before(line: Line, last: ModelVersion | None) -> dict[str, Any] | None:
    """The request of an earlier version's run; None when nobody knows it."""
    if last is None or last.run_id is None:
        return None
    return request_of_run(tracking_uri=line.settings.tracking_uri, run_id=last.run_id)


def changes_since(request: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    """Where a request differs from an earlier one, both as the specs have them; None when that is of another kind."""
    if before is None or any((kind in before) != (kind in request) for kind in _KINDS):
        return None
    return [change.document() for change in changes(before, request)]


def cost_of(
    purse: Purse,
    worst: Limits,
    request: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    last: ModelVersion | None,
) -> dict[str, Any]:
    """What a run is expected to cost, as the training jobs of an earlier version did, and what it may cost."""
    worst_usd = worst.worst_case_usd(purse.usd_per_s)
    each_s = _billed_s(request, before, last)
    expected_usd = None if each_s is None else min(worst_usd, worst.jobs * each_s * purse.usd_per_s)
    result = {} if last is None else last.result
    basis = result.get("tuning_job") or (result.get("best") or {}).get("training_job")
    return {
        "expected_usd": None if expected_usd is None else round(expected_usd, 6),
        "expected_from": None if each_s is None else basis,
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
    if _charged(before) != _charged(request):
        return None
    result = last.result
    trials = sum(result.get("trials", {}).values())
    return result["spent"]["billable_seconds"] / trials if trials and result.get("spent") else None


def _charged(request: Mapping[str, Any]) -> dict[str, Any]:
    """How a training job is charged; the same of a search's and of a refit's, but for the types it may fall back to."""
    found = charged(request.get("TrainingJobDefinition", request))
    return {**found, "Instances": found["Instances"][:1]}
