"""A search in virtual time, and the functions it is tried on."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from components.amt.samplers import Finished, Sampler

Objective = Callable[[Mapping[str, str]], float | None]


def search(sampler: Sampler, objective: Objective, trials: int, *, parallel: int = 1, seed: int = 0) -> list[Finished]:
    """Run trials asynchronously: the next one starts as soon as one ends; durations are random."""
    rng = np.random.default_rng((seed, 77))
    now, started, exhausted = 0.0, 0, False
    running: list[tuple[float, int, dict[str, str]]] = []
    finished: list[Finished] = []
    while True:
        while started < trials and len(running) < parallel and not exhausted:
            pending = [trial for _, _, trial in sorted(running, key=lambda run: run[1])]
            proposed = sampler.propose(finished=finished, running=pending, number=started + 1)
            if proposed is None:
                exhausted = True
            else:
                started += 1
                heapq.heappush(running, (now + rng.lognormal(0, 0.5), started, proposed))
        if not running:
            return finished
        now, _, trial = heapq.heappop(running)
        finished.append(Finished(hyperparameters=trial, objective=objective(trial)))


def best(finished: list[Finished]) -> float:
    """Give the smallest objective."""
    return min(trial.objective for trial in finished if trial.objective is not None)


def continuous(name: str, low: float, high: float, scaling: str = "Linear") -> dict[str, str]:
    """Write one entry of ContinuousParameterRanges or IntegerParameterRanges."""
    return {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}


BRANIN: dict[str, Any] = {"ContinuousParameterRanges": [continuous("x", -5.0, 10.0), continuous("y", 0.0, 15.0)]}
BRANIN_OPTIMUM = 0.397887


def branin(trial: Mapping[str, str]) -> float:
    """Three equal minima."""
    x, y = float(trial["x"]), float(trial["y"])
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


HARTMANN6: dict[str, Any] = {"ContinuousParameterRanges": [continuous(f"x{i}", 0.0, 1.0) for i in range(6)]}
HARTMANN6_OPTIMUM = -3.32237
_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6(trial: Mapping[str, str]) -> float:
    """Six dimensions, a local minimum 4 % above the global one."""
    x = np.array([float(trial[f"x{i}"]) for i in range(6)])
    return -float(_WEIGHTS @ np.exp(-(_A * (x - _P) ** 2).sum(axis=1)))


MIXED7: dict[str, Any] = {
    "ContinuousParameterRanges": [
        continuous("rate", 1e-5, 1.0, "Logarithmic"),
        continuous("momentum", 0.5, 0.999, "ReverseLogarithmic"),
        continuous("dropout", 0.0, 0.8),
    ],
    "IntegerParameterRanges": [continuous("depth", 1, 12), continuous("units", 4, 1024, "Logarithmic")],
    "CategoricalParameterRanges": [
        {"Name": "optimizer", "Values": ["sgd", "adam", "lbfgs"]},
        {"Name": "activation", "Values": ["relu", "tanh", "gelu", "none"]},
    ],
}
MIXED7_OPTIMUM = -0.02


def mixed7(trial: Mapping[str, str]) -> float:
    """Every kind of range and scale, with a few interactions."""
    rate = math.log10(float(trial["rate"]))
    momentum = math.log10(1 - float(trial["momentum"]))
    dropout, depth = float(trial["dropout"]) - 0.3, (int(trial["depth"]) - 6) / 4
    units = math.log(int(trial["units"]) / 64) / 2
    value = (rate + 2.5) ** 2 / 2 + (momentum + 1.5) ** 2 + depth**2 + units**2 / 2 + (2 * dropout) ** 2
    value += {"sgd": 0.6, "adam": 0.0, "lbfgs": 0.9}[trial["optimizer"]] + 0.8 * dropout * depth
    value += {"relu": 0.0, "tanh": 0.3, "gelu": 0.05, "none": 1.2}[trial["activation"]]
    return value + (abs(rate + 1) / 2 if trial["optimizer"] == "lbfgs" else 0.0)
