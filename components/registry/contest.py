"""Challenger against champion: both asked now, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from components import naming
from components.data.snapshot import RawPart
from components.registry.metrics import CannotScoreError, canonical, greater_is_better, is_known
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.promotion import PromotionDecision, decide, refuse
from components.registry.scoring import Score, cause_of, score


def contest(
    *,
    registry: Registry,
    challenger: ModelVersion,
    rows: RawPart,
    metric: str,
    min_improvement: float,
    classes: Sequence[str] | None,
    scratch: Path,
) -> PromotionDecision:
    """Decide whether a version becomes the champion; changes nothing.

    Loading a model runs its code (`asking`); the champion's is what serves already.

    Args:
        registry: Of the model.
        challenger: The version to decide about.
        rows: The test part; the validation part where there is no test part, and the reason says so.
        metric: The promotion's, or the objective's; `validation:` in front does not matter.
        min_improvement: In the metric's units.
        classes: Labels in code order; None for a numeric target.
        scratch: Folder for models fetched from a remote store.

    Returns:
        The decision. Not promoted, with the reason: a version that was refused when it was registered, that was rolled
        back before, or that cannot be scored; and any version whose champion cannot be scored on these rows, because
        then nobody can tell which is better.
    """
    challenger = registry.version(challenger.version)  # another command may have settled it meanwhile
    champion = registry.champion()
    reason = _barred(registry, challenger, metric)
    if reason is not None:
        return refuse(reason)
    try:
        new = _score(registry, challenger, rows, metric, classes, scratch)
    except CannotScoreError as error:
        return refuse(f"version {challenger.version} has no {canonical(metric)}: {error}")
    if champion is not None and champion.version == challenger.version:  # a run taken up again after it promoted
        told = challenger.tags.get(naming.TAG_PROMOTION_REASON, f"version {champion.version} is the champion already")
        return PromotionDecision(promote=True, reason=told, challenger=new)
    old = None
    if champion is not None:
        try:
            old = _score(registry, champion, rows, metric, classes, scratch)
        except CannotScoreError as error:
            maker = "" if champion.run_key else ", which retune did not make,"
            return refuse(
                f"champion version {champion.version}{maker} cannot be scored on these rows ({error}); "
                f"move the alias by hand if version {challenger.version} is to serve",
                challenger=new,
            )
    return decide(
        challenger=new,
        champion=old,
        champion_version=None if champion is None else champion.version,
        greater_is_better=greater_is_better(metric),
        min_improvement=min_improvement,
    )


def settle(
    *, registry: Registry, challenger: ModelVersion, decision: PromotionDecision, by: str, now: datetime
) -> None:
    """Carry a decision out: the challenger's alias, what was found out as tags, and last the champion's alias.

    A version that was refused when it was registered gets no alias at all.

    Args:
        registry: Of the model.
        challenger: The version decided about.
        decision: From `contest`.
        by: Who runs this, for the history.
        now: UTC.
    """
    if challenger.refusal is None:
        registry.challenge(challenger.version)
    tags = {
        naming.TAG_PROMOTED: "yes" if decision.promote else "no",
        naming.TAG_PROMOTION_REASON: decision.reason,
    }
    if decision.challenger is not None and decision.challenger.part == "test":
        tags[naming.TAG_TEST_SCORE] = repr(decision.challenger.value)
    registry.tag(challenger.version, tags)
    if decision.promote:
        registry.promote(challenger.version, by=by, reason=decision.reason, now=now)


def settled_before(registry: Registry, challenger: ModelVersion) -> str | None:
    """Why a version must not be promoted whatever its score; None when it may."""
    if challenger.refusal is not None:
        return challenger.refusal
    back = registry.rolled_back(challenger.version)
    return (
        None
        if back is None
        else f"version {challenger.version} was rolled back at {back.at} by {back.by}: {back.reason}"
    )


def _barred(registry: Registry, challenger: ModelVersion, metric: str) -> str | None:
    reason = settled_before(registry, challenger)
    if reason is None and not is_known(metric):
        return f"{metric} cannot be recomputed; name a metric in promotion.metric that can, such as auc"
    return reason


def _score(
    registry: Registry,
    version: ModelVersion,
    rows: RawPart,
    metric: str,
    classes: Sequence[str] | None,
    scratch: Path,
) -> Score:
    try:
        model = registry.load(version, scratch)
    except Exception as error:
        raise CannotScoreError(f"it does not load: {cause_of(error)}") from error
    return score(model=model, rows=rows, metric=metric, classes=classes)
