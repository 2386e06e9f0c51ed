"""(e) What a warm start is worth: flights in February after a search in January, and after a search on something else.

Real trainings over six hyperparameters, Bayesian, three at a time; parent 50 trials, child 25. Counted are the trials
the child needs to reach what the cold search of the same seed found best in its 25; one that never does counts 26;
medians over the seeds. The near shift is a month. On the far one the parent searched for breast cancer, 569 rows on
which other configurations are good.
"""

from __future__ import annotations

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


def train(task: str, trial: Mapping[str, str]) -> Finished:
    """One real training; its validation loss after the last round."""
    import xgboost as xgb

    values = {name: int(text) if name in INTEGERS else float(text) for name, text in trial.items()}
    data, validation = _data(task)
    log: dict[str, Any] = {}
    xgb.train(
        {**TASKS[task].parameters, **values, "nthread": 1, "seed": 1},
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


def main(seeds: int = SEEDS) -> list[Bar]:
    """Measure both pairs."""
    shown = Table("shift", "cold trials", "warm trials", "ratio", "warm best - cold best", title=f"{seeds} seeds")
    bars = []
    for shift, (parent_task, task) in PAIRS.items():
        cold, warm, gain = [], [], []
        for seed in range(seeds):
            old = run(parent_task, make_sampler("Bayesian", RANGES, maximize=False, seed=1000 + seed), PARENT_TRIALS)
            parents = [ParentJob(finished=old, identical=False)]
            alone = run(task, make_sampler("Bayesian", RANGES, maximize=False, seed=seed), TRIALS)
            taught = run(task, make_sampler("Bayesian", RANGES, maximize=False, seed=seed, parents=parents), TRIALS)
            cold.append(trials_to(best(alone), alone))
            warm.append(trials_to(best(alone), taught))
            gain.append(best(taught) - best(alone))
        ratio = float(np.median(warm) / np.median(cold))
        counts = (f"{np.median(cold):.1f}", f"{np.median(warm):.1f}", f"{ratio:.2f}")
        shown.add_row(shift, *counts, f"{np.mean(gain):+.5f}")
        bars.append(Bar.upper(f"e: trials to the cold run's best of 25, {shift} shift", ratio, BARS[shift]))
    Console().print(shown)
    return bars
