"""Two functions with categories, of known optimum; both also in the sampler's own tests, never tuned on here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def _range(name: str, low: float, high: float, scaling: str = "Linear") -> dict[str, str]:
    return {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling}


MIXED7: dict[str, Any] = {
    "ContinuousParameterRanges": [
        _range("rate", 1e-5, 1.0, "Logarithmic"),
        _range("momentum", 0.5, 0.999, "ReverseLogarithmic"),
        _range("dropout", 0.0, 0.8),
    ],
    "IntegerParameterRanges": [_range("depth", 1, 12), _range("units", 4, 1024, "Logarithmic")],
    "CategoricalParameterRanges": [
        {"Name": "optimizer", "Values": ["sgd", "adam", "lbfgs"]},
        {"Name": "activation", "Values": ["relu", "tanh", "gelu", "none"]},
    ],
}
MIXED7_OPTIMUM, MIXED7_MEDIAN = -0.02, 4.02


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


BRANIN_KIND: dict[str, Any] = {
    "ContinuousParameterRanges": [_range("x", -5.0, 10.0), _range("y", 0.0, 15.0)],
    "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b", "c", "d"]}],
}
BRANIN_KIND_OPTIMUM, BRANIN_KIND_MEDIAN = 0.397887, 44.3
_SHIFTS = {"a": (0.0, 0.0, 0.0), "b": (2.0, -1.0, 6.0), "c": (-1.0, 2.0, 3.0), "d": (0.0, 4.0, 12.0)}


def branin_kind(trial: Mapping[str, str]) -> float:
    """Branin, in four versions that are moved and lifted; one holds the optimum."""
    dx, dy, lift = _SHIFTS[trial["kind"]]
    x, y = float(trial["x"]) + dx, float(trial["y"]) + dy
    bowl = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 + lift
