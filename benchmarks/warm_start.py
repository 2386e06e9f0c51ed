"""(e) What a warm start is worth: flights in February after a search in January, and after a search on something else.

Parent 50 trials, child 25, three at a time, Bayesian. Counted are the trials the child needs to reach what the cold
search of the same seed found best in its 25; one that never does counts 26. The near shift is a month; on the far one
the parent searched for breast cancer, where other configurations are good.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from benchmarks.tables import RANGES, table
from components.amt.samplers import Finished, ParentJob, Sampler, make_sampler

PARENT_TRIALS, TRIALS, SEEDS, PARALLEL = 50, 25, 20, 3
PAIRS = {"near": ("flights", "flights_next"), "far": ("breast_cancer", "flights_next")}


def run(task: str, sampler: Sampler, trials: int) -> list[Finished]:
    """A search answered from a table, three trials at a time, in the order of their starts."""
    known = table(task)
    finished: list[Finished] = []
    running: list[Mapping[str, str]] = []
    for number in range(1, trials + 1):
        if len(running) == PARALLEL:
            finished.append(_ended(task, running.pop(0)))
        proposed = sampler.propose(finished=finished, running=running, number=number)
        assert proposed is not None
        running.append(proposed)
    assert known is not None
    return [*finished, *(_ended(task, trial) for trial in running)]


def _ended(task: str, trial: Mapping[str, str]) -> Finished:
    known = table(task)
    return Finished(hyperparameters=trial, objective=float(known.finals[known.nearest(trial)]))


def trials_to(level: float, finished: list[Finished]) -> int:
    """How many trials until the level is reached; one more than there were when it never is."""
    for number, trial in enumerate(finished, start=1):
        if trial.objective is not None and trial.objective <= level:
            return number
    return len(finished) + 1


def main() -> list[Bar]:
    """Measure both pairs."""
    shown = Table("shift", "cold trials", "warm trials", "ratio", "warm best - cold best", title=f"{SEEDS} seeds")
    bars = []
    for shift, (parent_task, task) in PAIRS.items():
        cold, warm, gain = [], [], []
        for seed in range(SEEDS):
            old = run(parent_task, make_sampler("Bayesian", RANGES, maximize=False, seed=1000 + seed), PARENT_TRIALS)
            parents = [ParentJob(finished=old, identical=False)]
            alone = run(task, make_sampler("Bayesian", RANGES, maximize=False, seed=seed), TRIALS)
            taught = run(task, make_sampler("Bayesian", RANGES, maximize=False, seed=seed, parents=parents), TRIALS)
            level = min(trial.objective for trial in alone if trial.objective is not None)
            cold.append(trials_to(level, alone))
            warm.append(trials_to(level, taught))
            gain.append(min(trial.objective for trial in taught if trial.objective is not None) - level)
        ratio = float(np.mean(warm) / np.mean(cold))
        shown.add_row(shift, f"{np.mean(cold):.1f}", f"{np.mean(warm):.1f}", f"{ratio:.2f}", f"{np.mean(gain):+.5f}")
        bars.append(
            Bar.upper(f"e: trials to the cold run's best of 25, {shift} shift", ratio, 0.5 if shift == "near" else 1.0)
        )
    Console().print(shown)
    return bars
