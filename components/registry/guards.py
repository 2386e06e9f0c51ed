"""Guards of a promotion: what must not get worse, and what must stay within limits.

A guard refuses when the challenger is shown to be worse, and by more than is tolerated: the interval of its gain lies
below zero and the gain itself is below minus `by`. Noise alone so refuses at most as often as `confidence` allows, for
all guards of a promotion together (the interval of each is widened for their number, Bonferroni); and what is worse by
more than `by` but could be luck is let through and told as undecided. Without a confidence the gain alone decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.registry.metrics import Answers, CannotScoreError
from components.registry.paired_comparison import FEWEST_ROWS, TooFewRowsError, compare
from components.registry.promotion_metric import Metric
from components.registry.registry_spec import GuardSpec

MOST_SLICES = 50
_LONGEST_VALUE = 60


@dataclass(frozen=True, kw_only=True)
class GuardCheck:
    """One guard, looked at.

    Attributes:
        metric: Its name.
        slice: Column and value, such as `carrier=AA`; None for all rows.
        challenger: Its value; None where there is none.
        champion: The other's; None where there is none.
        gain: How much better the challenger is; below 0 is worse.
        interval: Of the gain; None without rows, champion or confidence.
        rows: Rows it was computed on; None of a measure.
        holds: Whether it lets the promotion pass.
        finding: Why, in a few words with numbers.
    """

    metric: str
    slice: str | None = None
    challenger: float | None = None
    champion: float | None = None
    gain: float | None = None
    interval: tuple[float, float] | None = None
    rows: int | None = None
    holds: bool
    finding: str

    def refusal(self) -> str:
        """As a reason names it: metric and slice, the values and the limit."""
        return f"{self.metric}{f' for {self.slice}' if self.slice else ''}: {self.finding}"

    def document(self) -> dict[str, Any]:
        """As the result shows it."""
        return asdict(self) | {"interval": None if self.interval is None else list(self.interval)}


@dataclass(frozen=True, kw_only=True)
class Contestants:
    """Both models' answers to the same rows, and what else is known of the two.

    Attributes:
        challenger: Answers.
        champion: Answers; None when none serves.
        features: The rows' feature columns, for slices.
    """

    challenger: Answers
    champion: Answers | None
    features: pd.DataFrame


def check_guards(
    guards: Sequence[tuple[GuardSpec, Metric]], of: Contestants, *, confidence: float | None
) -> tuple[GuardCheck, ...]:
    """Look at every guard that is about rows.

    Args:
        guards: With their metrics.
        of: The two models.
        confidence: The promotion's; None goes by the gains alone.
    """
    looks = [(guard, metric, name, rows) for guard, metric in guards for name, rows in _slices(guard, of)]
    tests = sum(not guard.is_limit for guard, *_ in looks)
    each = None if confidence is None else 1 - (1 - confidence) / max(1, tests)
    return tuple(
        rows if isinstance(rows, GuardCheck) else _look(guard, metric, name, rows, of, confidence=each)
        for guard, metric, name, rows in looks
    )


def check_measures(
    guards: Sequence[GuardSpec], *, challenger: Mapping[str, float], champion: Mapping[str, float] | None
) -> tuple[GuardCheck, ...]:
    """Look at the guards about measures, which have a value and no interval; less is better.

    Args:
        guards: Others are passed over.
        challenger: Its measures.
        champion: The other's; None when none serves.
    """
    return tuple(
        _measured(guard, challenger.get(guard.metric), None if champion is None else champion.get(guard.metric))
        for guard in guards
        if guard.is_measure
    )


def _measured(guard: GuardSpec, new: float | None, old: float | None) -> GuardCheck:
    found = GuardCheck(metric=guard.metric, challenger=new, champion=old, holds=True, finding="")
    if new is None:
        return replace(found, holds=not guard.is_limit, finding=f"{guard.metric} is not known")
    if guard.is_limit:
        return _limited(guard, found)
    if old is None:
        return replace(found, finding="nothing to compare with")
    return _judged(guard, replace(found, gain=old - new))


def _slices(guard: GuardSpec, of: Contestants) -> Iterator[tuple[str | None, npt.NDArray[Any] | GuardCheck]]:
    """Names and rows of what a guard looks at, or why it looks at nothing."""
    if guard.slice is None:
        yield None, np.ones(len(of.challenger), dtype=bool)
        return
    blank = GuardCheck(metric=guard.metric, slice=guard.slice, holds=False, finding="")
    if guard.slice not in of.features:
        yield guard.slice, replace(blank, finding=f"the rows have no column {guard.slice}")
        return
    column = of.features[guard.slice]
    values = column.astype(str).where(column.notna(), "missing")
    sizes = values.value_counts().sort_index()
    if len(sizes) > MOST_SLICES:
        law = f"a column of at most {MOST_SLICES} values is a slice, {guard.slice} has {len(sizes):,}"
        yield guard.slice, replace(blank, finding=law)
        return
    few = 0
    for value, size in sizes.items():
        if size < FEWEST_ROWS:
            few += 1
            continue
        text = str(value)
        shown = text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
        yield f"{guard.slice}={shown}", np.asarray(values == value)
    if few:
        told = f"{few} values with less than {FEWEST_ROWS} rows were not looked at"
        yield guard.slice, replace(blank, holds=True, finding=told)


def _look(
    guard: GuardSpec,
    metric: Metric,
    name: str | None,
    rows: npt.NDArray[Any],
    of: Contestants,
    *,
    confidence: float | None,
) -> GuardCheck:
    new, old = of.challenger.take(rows), None if of.champion is None else of.champion.take(rows)
    found = GuardCheck(metric=metric.name, slice=name, rows=len(new), holds=True, finding="")
    try:
        found = replace(found, challenger=metric.value(new))
        if guard.is_limit:
            return _limited(guard, replace(found, champion=_value_or_none(metric, old)))
        if old is None:
            return replace(found, finding="nothing to compare with")
        if confidence is not None:
            made = compare(metric, new, old, confidence=confidence)
            found = replace(found, champion=made.champion, gain=made.gain, interval=(made.low, made.high))
        else:
            found = replace(found, champion=metric.value(old))
            gain = (found.challenger or 0.0) - (found.champion or 0.0)
            found = replace(found, gain=gain if metric.greater_is_better else -gain)
    except TooFewRowsError as error:
        return replace(found, finding=f"undecided: {error}")
    except CannotScoreError as error:
        # Of a slice it may have no value, as auc of one class; of all rows it must.
        return replace(found, holds=name is not None and not guard.is_limit, finding=f"cannot be computed: {error}")
    return _judged(guard, found)


def _value_or_none(metric: Metric, answers: Answers | None) -> float | None:
    with suppress(CannotScoreError):
        return None if answers is None else metric.value(answers)
    return None


def _limited(guard: GuardSpec, found: GuardCheck) -> GuardCheck:
    value = math.nan if found.challenger is None else found.challenger
    serving = "" if found.champion is None else f", the champion has {found.champion:.6g}"
    if guard.at_most is not None and not value <= guard.at_most:
        return replace(found, holds=False, finding=f"must be at most {guard.at_most:g}, got {value:.6g}{serving}")
    if guard.at_least is not None and not value >= guard.at_least:
        return replace(found, holds=False, finding=f"must be at least {guard.at_least:g}, got {value:.6g}{serving}")
    return replace(found, finding=f"{value:.6g} is within its limits")


def _judged(guard: GuardSpec, found: GuardCheck) -> GuardCheck:
    gain = found.gain or 0.0
    interval = (
        "" if found.interval is None else f", interval of the gain {found.interval[0]:.4g} to {found.interval[1]:.4g}"
    )
    tolerated = f", {guard.by:g} is tolerated" if guard.by else ""
    told = f"champion {found.champion:.6g}, challenger {found.challenger:.6g}{interval}"
    if gain >= -guard.by:
        return replace(found, finding=f"not worse: {told}" if gain >= 0 else f"worse by {-gain:.4g}{tolerated}: {told}")
    if found.interval is not None and found.interval[1] >= 0:
        return replace(found, finding=f"undecided: worse by {-gain:.4g}, which may be luck: {told}")
    return replace(found, holds=False, finding=f"worse by {-gain:.4g}{tolerated}: {told}")
