"""(e) What a warm start is worth: flights in February after a search in January, and after a search on something else.

Real trainings over six hyperparameters, Bayesian, three at a time; parent 50 trials, child 25. Counted are the trials
the child needs to reach what the cold search of the same seed found best in its 25; one that never does counts 26;
medians over the seeds. The near shift is a month. On the far one the parent searched for breast cancer, 569 rows on
which other configurations are good.

The best of 25 is also the luckiest: the same configuration trained with another xgboost seed is worse, and no
knowledge of it helps to draw it again. So the trials to come within one standard deviation of it (six seeds) are
counted as well; they have no bar.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from benchmarks.tables import TASKS, matrices
from components.amt.samplers import Finished, ParentJob, Sampler, make_sampler

PARENT_TRIALS, TRIALS, SEEDS, PARALLEL, ROUNDS = 50, 25, 20, 3, 60
PAIRS = {"near": ("flights", "flights_next"), "far": ("breast_cancer", "flights_next")}
BARS = {"near": 0.5, "far": 1.0}
INTEGERS = ("max_depth",)
LUCK_SEEDS = 6


def _range(name: str, low: float, high: float, scaling: str = "Linear") -> dict[str, str]:
    return {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}


RANGES: dict[str, Any] = {
    "ContinuousParameterRanges": [
        _range("eta", 0.01, 0.5, "Logarithmic"),
        _range("min_child_weight", 0.5, 50, "Logarithmic"),
        _range("lambda", 0.01, 100, "Logarithmic"),
        _range("subsample", 0.4, 1),
        _range("colsample_bytree", 0.3, 1),
    ],
    "IntegerParameterRanges": [_range("max_depth", 1, 10)],
}


@cache
def _data(task: str) -> list[Any]:
    return matrices(TASKS[task])


def train(task: str, trial: Mapping[str, str], seed: int = 1) -> Finished:
    """One real training; its validation loss after the last round."""
    import xgboost as xgb

    values = {name: int(text) if name in INTEGERS else float(text) for name, text in trial.items()}
    data, validation = _data(task)
    log: dict[str, Any] = {}
    xgb.train(
        {**TASKS[task].parameters, **values, "nthread": 1, "seed": seed},
        data,
        num_boost_round=ROUNDS,
        evals=[(validation, "validation")],
        evals_result=log,
        verbose_eval=False,
    )
    return Finished(hyperparameters=trial, objective=log["validation"]["logloss"][-1])


def run(task: str, sampler: Sampler, trials: int) -> list[Finished]:
    """A search, three trials at a time, in the order of their starts."""
    finished: list[Finished] = []
    running: list[Mapping[str, str]] = []
    for number in range(1, trials + 1):
        if len(running) == PARALLEL:
            finished.append(train(task, running.pop(0)))
        proposed = sampler.propose(finished=finished, running=running, number=number)
        assert proposed is not None
        running.append(proposed)
    return [*finished, *(train(task, trial) for trial in running)]


def best(finished: list[Finished]) -> float:
    """The smallest loss."""
    return min(trial.objective for trial in finished if trial.objective is not None)


def trials_to(level: float, finished: list[Finished]) -> int:
    """How many trials until the level is reached; one more than there were when it never is."""
    reached = [trial.objective is not None and trial.objective <= level for trial in finished]
    return reached.index(True) + 1 if any(reached) else len(finished) + 1


def luck(task: str, finished: list[Finished]) -> float:
    """Standard deviation of the best configuration's loss over xgboost's seeds."""
    top = min(finished, key=lambda trial: math.inf if trial.objective is None else trial.objective)
    losses = [train(task, top.hyperparameters, seed).objective for seed in range(2, 2 + LUCK_SEEDS)]
    return statistics.stdev(loss for loss in losses if loss is not None)


def main(seeds: int = SEEDS) -> list[Bar]:
    """Measure both pairs."""
    shown = Table(
        "shift", "level", "cold trials", "warm trials", "ratio", "warm best - cold best", title=f"{seeds} seeds"
    )
    bars = []
    for shift, (parent_task, task) in PAIRS.items():
        counts: dict[str, list[tuple[int, int]]] = {"cold best": [], "within its luck": []}
        gains = []
        for seed in range(seeds):
            old = run(parent_task, make_sampler("Bayesian", RANGES, maximize=False, seed=1000 + seed), PARENT_TRIALS)
            parents = [ParentJob(finished=old, identical=False)]
            alone = run(task, make_sampler("Bayesian", RANGES, maximize=False, seed=seed), TRIALS)
            taught = run(task, make_sampler("Bayesian", RANGES, maximize=False, seed=seed, parents=parents), TRIALS)
            for level, margin in zip(counts, (0.0, luck(task, alone)), strict=True):
                reached = best(alone) + margin
                counts[level].append((trials_to(reached, alone), trials_to(reached, taught)))
            gains.append(best(taught) - best(alone))
        ratios = {}
        for level, pairs in counts.items():
            cold, warm = (float(np.median(side)) for side in zip(*pairs, strict=True))
            ratios[level] = warm / cold
            shown.add_row(shift, level, f"{cold:.1f}", f"{warm:.1f}", f"{ratios[level]:.2f}", f"{np.mean(gains):+.5f}")
        bars.append(
            Bar.upper(f"e: trials to the cold run's best of 25, {shift} shift", ratios["cold best"], BARS[shift])
        )
    Console().print(shown)
    return bars
