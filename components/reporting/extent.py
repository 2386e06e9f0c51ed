"""How far the objective's axes reach.

One diverged trial of a search can be a million times off, and an axis that reaches to it presses all the others into a
line. So an axis ends where the ordinary trials do; what lies beyond is drawn at its edge, and the page says so. It is
never cut on the side of the best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import quantiles

from components.reporting.contents import Contents

_FEWEST = 8  # values that a middle can be told from
_REACH = 20.0  # times as far from the middle as the better quarter begins: what a search ends near is crowded
_WORTH = 10.0  # an axis is cut when it becomes this much shorter: before, all can still be told apart
_ROOM = 0.05  # around a single value


@dataclass(frozen=True, kw_only=True)
class Extent:
    """An axis of objectives.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        beyond: Values that are drawn at its edge.
        maximize: Which end is the best one.
    """

    low: float
    high: float
    beyond: int
    maximize: bool

    @property
    def domain(self) -> list[float]:
        """Its ends as a scale takes them, with room around a single value: Vega would label its tick wrongly."""
        if self.beyond:
            low, high = sorted([self.high if self.maximize else self.low, self.edge])
            return [low, high]
        room = 0.0 if self.low < self.high else _ROOM * abs(self.low) or _ROOM
        return [self.low - room, self.high + room]

    @property
    def edge(self) -> float:
        """Where that is drawn which lies beyond: apart from the ordinary ones."""
        room = _ROOM * (self.high - self.low)
        return self.low - room if self.maximize else self.high + room

    def holds(self, value: float) -> bool:
        """Whether a value has its place on the axis."""
        return self.low <= value <= self.high

    def place(self, value: float | None) -> float | None:
        """Where a value is drawn: what lies beyond at the edge."""
        return self.edge if value is not None and not self.holds(value) else value

    def note(self) -> str:
        """What the reader has to know of it; nothing when all values have their place."""
        if not self.beyond:
            return ""
        side, end = ("below", self.low) if self.maximize else ("above", self.high)
        trials = "1 trial lies" if self.beyond == 1 else f"{self.beyond} trials lie"
        return f" {trials} far {side} {end:.4g} and {'is' if self.beyond == 1 else 'are'} drawn at the edge."


def extent_of(values: Iterable[float | None], *, maximize: bool) -> Extent:
    """The axis of some objectives; those that are none or no number are passed over."""
    known = sorted(value for value in values if value is not None and math.isfinite(value))
    if not known:
        return Extent(low=0.0, high=1.0, beyond=0, maximize=maximize)
    low, high = known[0], known[-1]
    if len(known) >= _FEWEST:
        lower, middle, upper = quantiles(known, n=4)
        # From the better half alone: up to half of a search's trials may have diverged.
        if maximize:
            ordinary = [value for value in known if value >= middle - _REACH * (upper - middle)]
        else:
            ordinary = [value for value in known if value <= middle + _REACH * (middle - lower)]
        if ordinary and 0 < _WORTH * (ordinary[-1] - ordinary[0]) < high - low:
            low, high = ordinary[0], ordinary[-1]
    return Extent(low=low, high=high, beyond=sum(not low <= value <= high for value in known), maximize=maximize)


def objectives(contents: Contents) -> Extent:
    """The axis of a search's own trials."""
    return extent_of((trial.objective for trial in contents.trials), maximize=contents.maximize)


def family_objectives(contents: Contents) -> Extent:
    """The axis of a search's trials beside its parents'."""
    members = (*(parent.trials for parent in contents.parents), contents.trials)
    return extent_of((trial.objective for trials in members for trial in trials), maximize=contents.maximize)
