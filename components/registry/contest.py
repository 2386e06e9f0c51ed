"""Challenger against champion: both asked now, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from components import naming
from components.data.snapshot import RawPart
from components.registry.guards import Contestants, check_guards, check_measures
from components.registry.measures import latencies_ms, measures_of, tags_of
from components.registry.metrics import Answers, CannotScoreError, evaluate, greater_is_better
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.paired_comparison import compare
from components.registry.promotion import Optimism, PromotionDecision, decide, refuse
from components.registry.promotion_metric import Metric, metric_of
from components.registry.registry_spec import GuardSpec, PromotionSpec
from components.registry.scoring import Model, Score, ask, cause_of


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a contest is about.

    Attributes:
        metric: The promotion's, or the objective's; `validation:` in front does not matter.
        promotion: The spec's part.
        classes: Labels in code order; None for a numeric target.
        base_dir: The project's folder, for metrics of one's own.
    """

    metric: str
    promotion: PromotionSpec = field(default_factory=PromotionSpec)
    classes: Sequence[str] | None
    base_dir: Path

    def metric_named(self, name: str, scratch: Path) -> Metric:
        """Raises CannotScoreError when there is none."""
        return metric_of(name, base_dir=self.base_dir, scratch=scratch, classes=self.classes)


def contest(
    *, registry: Registry, challenger: ModelVersion, rows: RawPart, terms: Terms, scratch: Path
) -> PromotionDecision:
    """Decide whether a version becomes the champion; changes nothing.

    Loading a model runs its code (`asking`); the champion's is what serves already.

    Args:
        registry: Of the model.
        challenger: The version to decide about.
        rows: The test part; the validation part where there is no test part, and the reason says so.
        terms: What decides.
        scratch: Folder for models fetched from a remote store.

    Returns:
        The decision. Not promoted, with the reason: a version that was refused when it was registered, that was rolled
        back before, or that cannot be scored; any version whose champion cannot be scored on these rows, because then
        nobody can tell which is better; and any where the rows are too few for the confidence that is asked for.
    """
    challenger = registry.version(challenger.version)  # another command may have settled it meanwhile
    champion = registry.champion()
    reason = settled_before(registry, challenger)
    if reason is not None:
        return refuse(reason)
    try:
        metric = terms.metric_named(terms.metric, scratch)
        guarded = [g for g in terms.promotion.must_not_worsen if not g.is_measure]
        guards = [(guard, terms.metric_named(guard.metric, scratch)) for guard in guarded]
    except CannotScoreError as error:
        return refuse(str(error))
    try:
        model, answers = _asked(registry, challenger, rows, terms, scratch)
        new = _score(metric, answers, rows)
    except CannotScoreError as error:
        return refuse(f"version {challenger.version} has no {metric.name}: {error}")
    optimism = _optimism(challenger, answers, rows)
    if champion is not None and champion.version == challenger.version:  # a run taken up again after it promoted
        told = challenger.tags.get(naming.TAG_PROMOTION_REASON, f"version {champion.version} is the champion already")
        measures = measures_of(challenger)
        return PromotionDecision(promote=True, reason=told, challenger=new, optimism=optimism, measures=measures)
    entrant = _Entrant(version=challenger, model=model, answers=answers, score=new)
    decision = _against(champion, entrant, registry=registry, rows=rows, terms=terms, guards=guards, scratch=scratch)
    return replace(decision, optimism=optimism)


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
        **({naming.TAG_APPROVAL: "needed"} if decision.needs_approval else {}),
        **tags_of(decision.measures),
    }
    if decision.challenger is not None and decision.challenger.part == "test":
        tags[naming.TAG_TEST_SCORE] = repr(decision.challenger.value)
    registry.tag(challenger.version, tags)
    if decision.promote:
        registry.promote(challenger.version, by=by, reason=decision.reason, now=now)
        registry.close_change()  # what a run deploys, its own command taken up again deploys


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


@dataclass(frozen=True, kw_only=True)
class _Entrant:
    """A version that has answered."""

    version: ModelVersion
    model: Model
    answers: Answers
    score: Score


def _against(
    champion: ModelVersion | None,
    new: _Entrant,
    *,
    registry: Registry,
    rows: RawPart,
    terms: Terms,
    guards: Sequence[tuple[GuardSpec, Metric]],
    scratch: Path,
) -> PromotionDecision:
    """The decision about a version that can be scored, its champion asked as well."""
    promotion = terms.promotion
    metric = terms.metric_named(terms.metric, scratch)
    old = None
    if champion is not None:
        try:
            model, answers = _asked(registry, champion, rows, terms, scratch)
            old = _Entrant(version=champion, model=model, answers=answers, score=_score(metric, answers, rows))
        except CannotScoreError as error:
            maker = "" if champion.run_key else ", which retune did not make,"
            return refuse(
                f"champion version {champion.version}{maker} cannot be scored on these rows ({error}); "
                f"retune promote {registry.model} {new.version.version} --reason TEXT, if it is to serve",
                challenger=new.score,
            )
    mine, theirs = _measures(new, old, rows)
    comparison = None
    if old is not None and promotion.confidence is not None:
        confidence, margin = promotion.confidence, promotion.min_improvement
        try:
            comparison = compare(metric, new.answers, old.answers, confidence=confidence, margin=margin)
        except CannotScoreError as error:
            law = f"{error}: enlarge the part, or set promotion.confidence: null to go by the scores alone"
            return replace(refuse(law, challenger=new.score), champion=old.score, measures=mine)
    contestants = Contestants(
        challenger=new.answers, champion=None if old is None else old.answers, features=rows.features
    )
    decision = decide(
        challenger=new.score,
        champion=None if old is None else old.score,
        champion_version=None if champion is None else champion.version,
        greater_is_better=metric.greater_is_better,
        min_improvement=promotion.min_improvement,
        comparison=comparison,
        guards=(
            *check_guards(guards, contestants, confidence=promotion.confidence),
            *check_measures(promotion.must_not_worsen, challenger=mine, champion=theirs),
        ),
    )
    return replace(decision, measures=mine)


def _asked(
    registry: Registry, version: ModelVersion, rows: RawPart, terms: Terms, scratch: Path
) -> tuple[Model, Answers]:
    try:
        model: Model = registry.load(version, scratch)
    except Exception as error:
        raise CannotScoreError(f"it does not load: {cause_of(error)}") from error
    return model, ask(model=model, rows=rows, classes=terms.classes)


def _score(metric: Metric, answers: Answers, rows: RawPart) -> Score:
    return Score(metric=metric.name, part=rows.part, value=metric.value(answers), rows=len(rows.labels))


def _optimism(challenger: ModelVersion, answers: Answers, rows: RawPart) -> Optimism | None:
    objective, validation = (
        challenger.tags.get(tag) for tag in (naming.TAG_OBJECTIVE_METRIC, naming.TAG_VALIDATION_SCORE)
    )
    if rows.part != "test" or objective is None or validation is None or objective.startswith("train:"):
        return None
    with suppress(CannotScoreError):
        test = evaluate(objective, answers)
        sign = 1 if greater_is_better(objective) else -1
        return Optimism(metric=objective, validation=float(validation), test=test, by=sign * (float(validation) - test))
    return None


def _measures(new: _Entrant, old: _Entrant | None, rows: RawPart) -> tuple[dict[str, float], dict[str, float] | None]:
    """Of both, the latency measured now; none where a model that answers all rows does not answer one of them."""
    mine, theirs = measures_of(new.version), None if old is None else measures_of(old.version)
    with suppress(Exception):  # a model is somebody's code
        ms = latencies_ms([new.model] if old is None else [new.model, old.model], rows)
        mine["prediction_ms"] = ms[0]
        if theirs is not None:
            theirs["prediction_ms"] = ms[1]
    return mine, theirs
