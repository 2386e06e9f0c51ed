"""The result document: what `retune run --json` prints, the flow returns, and a finished version keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from components import naming
from components.data.drift import Drift
from components.decision import Decision
from components.deployment.target import Deployment
from components.errors import RetuneError
from components.registry.model_version import ModelVersion, Promotion
from components.registry.promotion import PromotionDecision
from components.registry.tracking import RetrainingRun, run_url
from components.tuning.lineage import Parents
from components.tuning.prices import estimated_usd
from components.tuning.result import TuningResult
from components.tuning.savings import savings
from components.tuning.spending import Purse
from flows.following import Run
from flows.line import Line
from flows.local_services import tracking_ui
from flows.money import purse_of
from flows.saved_trials import saved_by
from flows.standing import standing_promotion

_DRIFTED_COLUMNS = 20  # all of them are in the MLflow run
_DRIFT_METRICS = 900  # of the 1,000 that MLflow takes at once


def result_document(
    line: Line,
    run: Run,
    *,
    result: TuningResult,
    version: ModelVersion,
    promotion: PromotionDecision,
    champion: ModelVersion | None,
    deployment: Deployment | None,
    tracked: RetrainingRun,
) -> dict[str, Any]:
    """The document of a run that trained; its keys are `docs/reference/result.md`."""
    purse = purse_of(line)
    decision, origin, digest = run.decision, run.origin, run.snapshot.digest
    warm_start = json.loads(tracked.tag(naming.TAG_WARM_START) or json.dumps(Parents().document()))
    saved = None
    with suppress(RetuneError):  # it is told of a run, and no run fails for it
        saved = saved_by(line, warm_start, result.trials, snapshot_digest=digest)
    best, instance = result.best, line.spec.training.instance
    challenger = promotion.challenger
    return {
        "model": line.spec.model,
        "mode": decision.mode,
        "reason": decision.reason,
        "run_key": run.identity.key,
        "snapshot": digest,
        "drift": drift_document(decision.drift),
        "engine": line.options.engine,
        "tuning_job": result.tuning_job if origin is None else None,
        "refit_of": None if origin is None else origin.document(),
        "warm_start": {**warm_start, "trials_saved": None if saved is None else saved.document()},
        "best": None
        if best is None
        else {
            "training_job": best.training_job,
            "objective": best.objective,
            "hyperparameters": dict(best.hyperparameters),
        },
        "trials": {
            "completed": result.count("Completed"),
            "stopped": result.count("Stopped"),
            "failed": result.count("Failed"),
        },
        "spent": {
            "training_seconds": result.training_seconds,
            "billable_seconds": result.billable_seconds,
            "cost_usd": 0.0 if purse is None else round(purse.spent_usd(result.trials), 6),
            "estimated_cloud_usd": estimated_usd(
                billable_seconds=result.billable_seconds,
                instance_types=instance.types,
                instance_count=instance.count,
            ),
            "saved_usd": _saved_usd(line, result, None if saved is None else saved.trials, purse),
        },
        "model_version": str(version.version),
        "champion": None if champion is None else str(champion.version),
        "test_score": finite(challenger.value) if challenger is not None and challenger.part == "test" else None,
        "promoted": promotion.promote,
        "promotion_reason": promotion.reason,
        "promotion": promotion.document(),
        "deployment": deployment_document(deployment),
        "mlflow": {
            "run_id": tracked.run_id,
            "experiment_id": tracked.experiment_id,
            "url": run_url(tracking_ui(line.settings), tracked.experiment_id, tracked.run_id),
        },
        "report": None,
    }


def _saved_usd(
    line: Line, result: TuningResult, trials_saved: float | None, purse: Purse | None
) -> dict[str, float | None]:
    """By Spot, early stopping and warm start; on the local engine what the cloud would have charged more."""
    tuning, instance = line.spec.tuning, line.spec.training.instance
    stops_early: bool | None = tuning.early_stopping == "auto" or tuning.strategy == "hyperband"
    if stops_early and (result.ended_by is not None or result.status == "Stopped" or len(result.attempts) > 1):
        stops_early = None
    saved = savings(result.trials, stops_early=stops_early, trials_saved=trials_saved)

    def usd(seconds: float | None) -> float | None:
        if seconds is None:
            return None
        if purse is not None:
            return round(seconds * purse.usd_per_s, 6)
        return estimated_usd(billable_seconds=seconds, instance_types=instance.types, instance_count=instance.count)

    return {
        "spot": usd(saved.spot_s),
        "early_stopping": usd(saved.early_stopping_s),
        "warm_start": usd(saved.warm_start_s),
    }


def drift_document(drift: Drift | None) -> dict[str, Any] | None:
    """The drift as the result has it, with the columns that moved most; null when it was not measured."""
    if drift is None:
        return None
    moved = sorted(drift.columns.items(), key=lambda each: (-each[1], each[0]))[:_DRIFTED_COLUMNS]
    return {
        "value": round(drift.value, 6),
        "since": drift.since,
        "columns": {name: round(value, 6) for name, value in moved},
        "schema": list(drift.schema),
    }


def drift_metrics(drift: Drift | None) -> dict[str, float]:
    """The drift as metrics of the MLflow run: `drift`, and `drift.COLUMN` of as many columns as one call takes."""
    if drift is None:
        return {}
    moved = sorted(drift.columns.items(), key=lambda each: (-each[1], each[0]))[:_DRIFT_METRICS]
    return {"drift": drift.value, **{f"drift.{name}": value for name, value in moved}}


def skipped_document(
    line: Line,
    decision: Decision,
    last: ModelVersion,
    *,
    champion: ModelVersion | None,
    history: Sequence[Promotion],
    deployment: Deployment | None,
) -> dict[str, Any]:
    """The document of a skipped run: what the finished version recorded, with what this run found and did."""
    recorded = last.result
    mlflow = recorded.get("mlflow", {})
    return {
        "drift": None,
        "refit_of": None,
        **recorded,
        "mode": decision.mode,
        "reason": decision.reason,
        "spent": {
            "training_seconds": 0,
            "billable_seconds": 0,
            "cost_usd": 0.0,
            "estimated_cloud_usd": 0.0,
            "saved_usd": dict.fromkeys(("spot", "early_stopping", "warm_start"), 0.0),
        },
        "champion": None if champion is None else str(champion.version),
        **standing_promotion(last, champion=champion, history=history),
        "deployment": deployment_document(deployment),
        "mlflow": {**mlflow, "url": _recorded_url(line, mlflow)},
    }


def _recorded_url(line: Line, mlflow: Mapping[str, Any]) -> str | None:
    experiment_id, run_id = mlflow.get("experiment_id"), mlflow.get("run_id")
    if experiment_id is None or run_id is None:
        return None
    return run_url(tracking_ui(line.settings), experiment_id, run_id)


def deployment_document(deployment: Deployment | None) -> dict[str, Any]:
    """Where the champion answers; nulls when nothing was deployed."""
    if deployment is None:
        return {"target": "none", "url": None, "version": None}
    return {"target": deployment.target, "url": deployment.url, "version": deployment.version}


def finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None
