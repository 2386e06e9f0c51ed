"""Whether a challenger becomes the champion: a pure decision, with its reason as a sentence with numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from components.registry.guards import GuardCheck
from components.registry.paired_comparison import Comparison
from components.registry.scoring import Score

_ROUNDING = 1e-12
# Of a result, which MLflow keeps in 100,000 characters: a guard takes some 400 of them.
_MOST_GUARDS = 100
_MOST_NAMED = 20  # in the reason


@dataclass(frozen=True, kw_only=True)
class Optimism:
    """What picking the best of many trials by their validation score flatters it by, seen on rows it did not pick by.

    Attributes:
        metric: The objective.
        validation: What the best trial got.
        test: What the same model gets on the test rows.
        by: How much better the former is; below 0 when it is worse.
    """

    metric: str
    validation: float
    test: float
    by: float


@dataclass(frozen=True, kw_only=True)
class PromotionDecision:
    """What was decided.

    Attributes:
        promote: Whether the challenger is to serve.
        reason: Why, in one sentence.
        challenger: Its score; None when it was refused without one.
        champion: The champion's score on the same rows; None without a champion, or when it could not be had.
        comparison: The gain with its interval; None where there is none, or none was asked for.
        guards: What was looked at beside it.
        optimism: None where the objective cannot be had on test rows.
        measures: Of the challenger, by name.
        needs_approval: Whether it would be promoted and waits for a person.
    """

    promote: bool
    reason: str
    challenger: Score | None = None
    champion: Score | None = None
    comparison: Comparison | None = None
    guards: tuple[GuardCheck, ...] = ()
    optimism: Optimism | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    needs_approval: bool = False

    def document(self) -> dict[str, Any]:
        """As the result shows it."""
        made, shown = self.comparison, self.challenger or self.champion
        guards = self.guards
        if len(guards) > _MOST_GUARDS:
            guards = tuple(sorted(guards, key=lambda each: each.holds))[:_MOST_GUARDS]
        return {
            "metric": None if shown is None else shown.metric,
            "part": None if shown is None else shown.part,
            "rows": None if shown is None else shown.rows,
            "challenger": None if self.challenger is None else self.challenger.value,
            "champion": None if self.champion is None else self.champion.value,
            "difference": None if made is None else made.gain,
            "interval": None if made is None else [made.low, made.high],
            "confidence": None if made is None else made.confidence,
            "probability": None if made is None else made.probability,
            "method": None if made is None else made.method,
            "guards": [each.document() for each in guards],
            "optimism": None if self.optimism is None else asdict(self.optimism),
            "measures": dict(self.measures),
            "needs_approval": self.needs_approval,
        }


def decide(
    *,
    challenger: Score,
    champion: Score | None,
    champion_version: int | None,
    greater_is_better: bool,
    min_improvement: float,
    comparison: Comparison | None = None,
    guards: Sequence[GuardCheck] = (),
    same_data: bool = True,
) -> PromotionDecision:
    """Compare two scores on the same rows, or two that were reported.

    With a comparison a challenger wins when the whole interval of its gain lies above `min_improvement`; without one,
    by more than nothing and by at least that. A tie leaves the champion where it is. The first version of a model has
    nobody to beat; but limits hold for it as well.

    Args:
        challenger: Of the new version.
        champion: Of the version that serves, scored now; None when none does.
        champion_version: Its number.
        greater_is_better: The metric's direction.
        min_improvement: In the metric's units, 0 or more.
        comparison: The gain's interval; None goes by the two values alone.
        guards: What was looked at beside it; one that does not hold refuses.
        same_data: Whether two reported scores are of the same data.
    """
    promote, reason = _verdict(
        challenger, champion, champion_version, greater_is_better, min_improvement, comparison=comparison
    )
    failed = [each.refusal() for each in guards if not each.holds]
    if failed:
        more = "" if len(failed) <= _MOST_NAMED else f"; and {len(failed) - _MOST_NAMED} more"
        named = "; ".join(failed[:_MOST_NAMED]) + more
        reason = f"{reason}; {'but' if promote else 'and'} must_not_worsen refuses it: {named}"
        promote = False
    return PromotionDecision(
        promote=promote,
        reason=reason + _caveat(challenger, same_data=same_data),
        challenger=challenger,
        champion=champion,
        comparison=comparison,
        guards=tuple(guards),
    )


def _verdict(
    challenger: Score,
    champion: Score | None,
    champion_version: int | None,
    greater_is_better: bool,  # noqa: FBT001  passed on
    min_improvement: float,
    *,
    comparison: Comparison | None,
) -> tuple[bool, str]:
    where = f"on {challenger.part}:{challenger.metric} ({challenger.rows:,} rows)"
    if challenger.part == "reported":
        where = f"on {challenger.metric}"
    if champion is None:
        return True, f"there was no champion before: {challenger.value:.4f} {where}"
    gain = challenger.value - champion.value if greater_is_better else champion.value - challenger.value
    new, old = _told_apart(challenger.value, champion.value)
    serving = f"champion version {champion_version} at {old}"
    numbers = _numbers(comparison)
    if gain <= 0:
        verb = "only equals" if gain == 0 else "does not beat"
        return False, f"{new} {verb} {serving} {where}{numbers}"
    short = None
    if comparison is not None and comparison.low <= min_improvement:
        least = "0" if not min_improvement else f"the min_improvement of {min_improvement:g}"
        short = f"the interval must lie above {least}: it may be luck"
    elif comparison is None and gain < min_improvement - _ROUNDING:
        short = f"by {gain:.2g}, less than the min_improvement of {min_improvement:g}"
    if short is not None:
        return False, f"{new} is better than {serving} {where}{numbers}, but {short}"
    return True, f"{new} beats {serving} {where}{numbers}"


def refuse(reason: str, *, challenger: Score | None = None) -> PromotionDecision:
    """No comparison took place; the champion, if any, stays."""
    return PromotionDecision(promote=False, reason=f"not promoted: {reason}", challenger=challenger)


def hold_for_approval(decision: PromotionDecision, *, model: str, version: int) -> PromotionDecision:
    """What `approval: manual` makes of a decision: a version that would be promoted waits."""
    if not decision.promote:
        return decision
    command = f"retune promote {model} {version} --reason TEXT"
    return replace(
        decision, promote=False, needs_approval=True, reason=f"{decision.reason}; it waits for approval: {command}"
    )


def _numbers(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    low, high = f"{comparison.low:.4f}", f"{comparison.high:.4f}"
    return f": gain {comparison.gain:.4f}, {comparison.confidence * 100:g} % interval {low} to {high}"


def _caveat(score: Score, *, same_data: bool) -> str:
    if score.part == "test":
        return ""
    if score.part == "reported":
        data = "" if same_data else " on different data"
        return f"; by the trials' own reports{data}, without a confidence: no rows were held out to compare on"
    return f"; there is no test part: compared on {score.part}, which the search has seen"


def _told_apart(new: float, old: float) -> tuple[str, str]:
    """Both with as many decimals as tell them apart, 4 to 9."""
    for decimals in range(4, 10):
        texts = f"{new:.{decimals}f}", f"{old:.{decimals}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{new:.4f}", f"{old:.4f}"
