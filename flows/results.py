"""The result document: what `retune run --json` prints, the flow returns, and a finished version keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from components import naming
from components.decision import Decision
from components.deployment.target import Deployment
from components.errors import RetuneError
from components.registry.model_version import ModelVersion
from components.registry.promotion import PromotionDecision
from components.registry.tracking import RetrainingRun, run_url
from components.spec import RetrainSpec
from components.tuning.lineage import Parents
from components.tuning.prices import estimated_usd
from components.tuning.result import TuningResult
from components.tuning.savings import savings
from components.tuning.spending import Purse
from flows.line import Line, RunIdentity
from flows.local_services import tracking_ui
from flows.money import purse_of
from flows.saved_trials import saved_by


def result_document(  # noqa: PLR0913  everything a run came to
    line: Line,
    identity: RunIdentity,
    decision: Decision,
    *,
    snapshot_digest: str,
    result: TuningResult,
    version: ModelVersion,
    promotion: PromotionDecision,
    champion: ModelVersion | None,
    deployment: Deployment | None,
    run: RetrainingRun,
) -> dict[str, Any]:
    """The document of a run that tuned; its keys are `docs/reference/result.md`."""
    purse = purse_of(line)
    warm_start = json.loads(run.tag(naming.TAG_WARM_START) or json.dumps(Parents().document()))
    saved = None
    with suppress(RetuneError):  # it is told of a run, and no run fails for it
        saved = saved_by(line, warm_start, result.trials, snapshot_digest=snapshot_digest)
    best, instance = result.best, line.spec.training.instance
    challenger = promotion.challenger
    return {
        "model": line.spec.model,
        "mode": decision.mode,
        "reason": decision.reason,
        "run_key": identity.key,
        "snapshot": snapshot_digest,
        "engine": line.options.engine,
        "tuning_job": result.tuning_job,
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
        "deployment": deployment_document(deployment),
        "mlflow": {
            "run_id": run.run_id,
            "experiment_id": run.experiment_id,
            "url": run_url(tracking_ui(line.settings), run.experiment_id, run.run_id),
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


def skipped_document(
    line: Line, decision: Decision, last: ModelVersion, *, champion: ModelVersion | None, deployment: Deployment | None
) -> dict[str, Any]:
    """The document of a skipped run: what the finished version recorded, with what this run found and did."""
    recorded = last.result
    mlflow = recorded.get("mlflow", {})
    return {
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
        **_standing_promotion(recorded, last, champion),
        "deployment": deployment_document(deployment),
        "mlflow": {**mlflow, "url": _recorded_url(line, mlflow)},
    }


def _standing_promotion(
    recorded: Mapping[str, Any], last: ModelVersion, champion: ModelVersion | None
) -> dict[str, Any]:
    """Whether the version is champion now; what was recorded holds only as long as it is."""
    is_champion = champion is not None and champion.version == last.version
    reason = str(recorded.get("promotion_reason"))
    if recorded.get("promoted") and not is_champion:
        serving = "none is" if champion is None else f"version {champion.version} is"
        reason = f"version {last.version} was promoted once and is not champion any more, {serving}"
    elif is_champion and not recorded.get("promoted"):
        reason = f"version {last.version} was made champion after its run"
    return {"promoted": is_champion, "promotion_reason": reason}


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


def flat(spec: RetrainSpec) -> dict[str, str]:
    """The resolved spec as parameters of the MLflow run: `tuning.max_jobs` to `50`; nothing unset."""
    found: dict[str, str] = {}

    def walk(place: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{place}.{key}" if place else str(key), inner)
        elif value is not None and value != []:
            found[place] = str(value)

    walk("", spec.model_dump(mode="json"))
    return found


def finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None
