"""Whether a challenger becomes the champion: a pure decision, with its reason as a sentence with numbers."""

from __future__ import annotations

from dataclasses import dataclass

from components.registry.scoring import Score

_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class PromotionDecision:
    """What was decided.

    Attributes:
        promote: Whether the challenger is to serve.
        reason: Why, in one sentence.
        challenger: Its score; None when it was refused without one.
        champion: The champion's score on the same rows; None without a champion, or when it could not be had.
    """

    promote: bool
    reason: str
    challenger: Score | None = None
    champion: Score | None = None


def decide(
    *,
    challenger: Score,
    champion: Score | None,
    champion_version: int | None,
    greater_is_better: bool,
    min_improvement: float,
    same_data: bool = True,
) -> PromotionDecision:
    """Compare two scores on the same rows, or two that were reported.

    A challenger wins by more than nothing and by at least `min_improvement`; a tie leaves the champion where it is.
    The first version of a model has nobody to beat.

    Args:
        challenger: Of the new version.
        champion: Of the version that serves, scored now; None when none does.
        champion_version: Its number.
        greater_is_better: The metric's direction.
        min_improvement: In the metric's units, 0 or more.
        same_data: Whether two reported scores are of the same data.
    """

    def decided(*, promote: bool, reason: str) -> PromotionDecision:
        return PromotionDecision(
            promote=promote,
            reason=reason + _caveat(challenger, same_data=same_data),
            challenger=challenger,
            champion=champion,
        )

    where = f"on {challenger.part}:{challenger.metric} ({challenger.rows:,} rows)"
    if challenger.part == "reported":
        where = f"on {challenger.metric}"
    if champion is None:
        return decided(promote=True, reason=f"there is no champion yet: {challenger.value:.4f} {where}")
    gain = challenger.value - champion.value if greater_is_better else champion.value - challenger.value
    new, old = _told_apart(challenger.value, champion.value)
    serving = f"champion version {champion_version} at {old}"
    if gain == 0:
        return decided(promote=False, reason=f"{new} only equals {serving} {where}, which stays")
    if gain < 0:
        return decided(promote=False, reason=f"{new} does not beat {serving} {where}, which stays")
    if gain < min_improvement - _ROUNDING:
        short = f"by {gain:.2g}, less than the min_improvement of {min_improvement:g}"
        return decided(promote=False, reason=f"{new} is better than {serving} {where}, but {short}")
    return decided(promote=True, reason=f"{new} beats {serving} {where}")


def refuse(reason: str, *, challenger: Score | None = None) -> PromotionDecision:
    """No comparison took place; the champion, if any, stays."""
    return PromotionDecision(promote=False, reason=f"not promoted: {reason}", challenger=challenger)


def _caveat(score: Score, *, same_data: bool) -> str:
    if score.part == "test":
        return ""
    if score.part == "reported":
        data = "" if same_data else " on different data"
        return f"; by the trials' own reports{data}: no rows were held out to compare on"
    return f"; there is no test part: compared on {score.part}, which the search has seen"


def _told_apart(new: float, old: float) -> tuple[str, str]:
    """Both with as many decimals as tell them apart, 4 to 9."""
    for decimals in range(4, 10):
        texts = f"{new:.{decimals}f}", f"{old:.{decimals}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{new:.4f}", f"{old:.4f}"
