"""(d) What early stopping and Hyperband save on trainings of fixed length, and what that costs the best found.

Flights and bank marketing, 100 rounds each, no patience of XGBoost's own: curves of real trainings. A trial that is
stopped reports its last value, as AMT has it, and gives its worker to the next one; the same seeds with and without.
Saved are rounds, which on these tasks are seconds; lost is the final best, relative to the best without stopping.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from benchmarks.tables import RANGES, ROUNDS, table
from components.amt.early_stopping import MedianRule
from components.amt.halving import Halving
from components.amt.samplers import Finished, make_sampler

TRIALS, SEEDS, PARALLEL = 50, 10, 3
TASKS = ("flights", "bank")
MIN_RESOURCE = 4
BARS = {"Random": 0.30, "Bayesian": 0.08, "Hyperband": 0.50}


class Stopping:
    """The rule of a strategy, as the engine applies it."""

    def __init__(self, strategy: str, *, on: bool) -> None:
        self._halving = Halving(min_resource=MIN_RESOURCE, max_resource=ROUNDS, maximize=False)
        self._median = MedianRule(maximize=False)
        self._rule = "none" if not on else "halving" if strategy == "Hyperband" else "median"

    def is_over(self, trial: str, curve: list[float]) -> bool:
        """Whether a trial stops at the last value of its curve."""
        if self._rule == "halving":
            return self._halving.observe(trial, curve)
        return self._rule == "median" and self._median.falls_behind(curve)

    def completed(self, curve: list[float]) -> None:
        """A trial ran to its end."""
        self._median.completed(curve)


def search(task: str, strategy: str, seed: int, *, stopping: bool) -> tuple[float, int]:
    """The final best and all rounds trained, every round one unit of virtual time."""
    known = table(task)
    rule = Stopping(strategy, on=stopping)
    sampler = make_sampler(strategy, RANGES, maximize=False, seed=seed)
    finished: list[Finished] = []
    active: dict[int, tuple[Mapping[str, str], np.ndarray[Any, Any]]] = {}
    heap: list[tuple[int, int, int]] = []  # when, which trial, its rounds then
    started, rounds, now = 0, 0, 0
    while started < TRIALS or heap:
        while started < TRIALS and len(heap) < PARALLEL:
            running = [trial for trial, _ in active.values()]
            proposed = sampler.propose(finished=finished, running=running, number=started + 1)
            assert proposed is not None
            active[started] = (proposed, known.curves[known.nearest(proposed)])
            heapq.heappush(heap, (now + 1, started, 1))
            started += 1
        now, number, done = heapq.heappop(heap)
        trial, curve = active[number]
        rounds += 1
        seen = [float(value) for value in curve[:done]]
        if done < ROUNDS and not rule.is_over(str(number), seen):
            heapq.heappush(heap, (now + 1, number, done + 1))
            continue
        if done == ROUNDS:
            rule.completed(seen)
        del active[number]
        finished.append(Finished(hyperparameters=trial, objective=seen[-1]))
    return min(trial.objective for trial in finished if trial.objective is not None), rounds


def main() -> list[Bar]:
    """Measure each strategy with and without."""
    shown = Table("strategy", "task", "rounds saved", "relative loss", title=f"{TRIALS} trials, {SEEDS} seeds")
    bars = []
    for strategy, least in BARS.items():
        saved, lost = [], []
        for task in TASKS:
            pairs = [
                (search(task, strategy, seed, stopping=False), search(task, strategy, seed, stopping=True))
                for seed in range(SEEDS)
            ]
            saved.append(1 - np.mean([after[1] for _, after in pairs]) / np.mean([before[1] for before, _ in pairs]))
            lost.append(np.mean([(after[0] - before[0]) / abs(before[0]) for before, after in pairs]))
            shown.add_row(strategy, task, f"{saved[-1]:.0%}", f"{lost[-1]:.2%}")
        bars.append(Bar.lower(f"d: {strategy}, share of training saved", float(np.mean(saved)), least))
        bars.append(Bar.upper(f"d: {strategy}, relative loss of the best", float(np.mean(lost)), 0.01))
    Console().print(shown)
    return bars
