"""What a warm start saved: trials that a cold search needed to come as far, less those the warm one needed.

Both searches reached the worse one of their two best objectives; how many trials each took to that level is counted, so
neither is guessed further than it went, and a warm start that did not pay shows a number below zero. On the same data
the levels are the same thing. On other data they are not: a configuration both have trained tells how far the level
moved, and the result is an estimate. Without such a configuration nothing can be said.

One search is one draw: configurations are partly luck, so a single number says little and many say more.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One trial: its hyperparameters as AMT's strings, and its objective; None when it failed."""

    hyperparameters: Mapping[str, str]
    objective: float | None


@dataclass(frozen=True, kw_only=True)
class TrialsSaved:
    """A warm search beside a cold one.

    Attributes:
        trials: Cold trials less warm ones; below zero when the warm search took more.
        cold_trials: Trials of the cold search until the level was reached.
        warm_trials: The same of the warm one.
        objective: The level, in the warm search's terms.
        cold_search: Tuning job of the cold one.
        across_data: Whether it searched on other data, which makes this an estimate.
    """

    trials: int
    cold_trials: int
    warm_trials: int
    objective: float
    cold_search: str
    across_data: bool

    def document(self) -> dict[str, Any]:
        """As the result document has it."""
        return asdict(self)


def trials_saved(
    warm: Sequence[Tried], cold: Sequence[Tried], *, cold_search: str, maximize: bool, across_data: bool
) -> TrialsSaved | None:
    """Compare two searches for the same objective; None when nothing can be said.

    Args:
        warm: Trials of the warm-started search, in the order in which they were made.
        cold: Of one that knew nothing.
        cold_search: Its tuning job.
        maximize: Whether a larger objective is better.
        across_data: Whether the two searched on different data.
    """
    moved = _moved(warm, cold) if across_data else 0.0
    sign = 1.0 if maximize else -1.0
    ours = [None if trial.objective is None else sign * trial.objective for trial in warm]
    theirs = [None if trial.objective is None or moved is None else sign * (trial.objective + moved) for trial in cold]
    scored, their_scored = [value for value in ours if value is not None], [v for v in theirs if v is not None]
    if not scored or not their_scored:
        return None
    level = min(max(scored), max(their_scored))
    cold_trials, warm_trials = _trials_to(level, theirs), _trials_to(level, ours)
    return TrialsSaved(
        trials=cold_trials - warm_trials,
        cold_trials=cold_trials,
        warm_trials=warm_trials,
        objective=sign * level,
        cold_search=cold_search,
        across_data=across_data,
    )


def sentence(document: Mapping[str, Any]) -> str:
    """For people, from `TrialsSaved.document`."""
    saved, level = document["trials"], f"{document['objective']:.6g}"
    verdict = f"about {saved} trials saved" if saved >= 0 else f"about {-saved} trials lost"
    basis = ", an estimate across data" if document["across_data"] else ""
    return (
        f"{verdict}: {level} after {document['warm_trials']}, "
        f"cold {document['cold_search']} took {document['cold_trials']}{basis}"
    )


def _trials_to(level: float, values: Sequence[float | None]) -> int:
    return next(number for number, value in enumerate(values, start=1) if value is not None and value >= level)


def _moved(warm: Sequence[Tried], cold: Sequence[Tried]) -> float | None:
    """Median difference of the objectives of configurations that both searches have trained."""
    differences = [
        ours.objective - theirs.objective
        for ours in warm
        for theirs in cold
        if ours.objective is not None and theirs.objective is not None and _is_same(ours, theirs)
    ]
    return statistics.median(differences) if differences else None


def _is_same(ours: Tried, theirs: Tried) -> bool:
    """Equal in what both have; what only one of them has does not tell them apart."""
    both = ours.hyperparameters.keys() & theirs.hyperparameters.keys()
    return bool(both) and all(_value(ours.hyperparameters[n]) == _value(theirs.hyperparameters[n]) for n in both)


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
