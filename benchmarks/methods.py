"""The search methods that are compared, all as `Sampler`s: ours, and Optuna's, asked through the same wrapper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.amt.samplers import Sampler, make_sampler
from components.amt.samplers.ask_tell import AskTell
from components.amt.samplers.parameter_space import ParameterSpace

METHODS = ("Bayesian", "Random", "TPE", "GPSampler")


def method(name: str, ranges: Mapping[str, Any], *, seed: int) -> Sampler:
    """A fresh sampler that minimises.

    Optuna's are given the whole history at each proposal and a seed of their own per trial, as their `ask` would have
    it in a study that is resumed each time; TPE and GPSampler draw ten random trials first, as they do by default.
    """
    if name in ("Bayesian", "Random"):
        return make_sampler(name, ranges, maximize=False, seed=seed)
    import warnings

    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = {"TPE": optuna.samplers.TPESampler, "GPSampler": optuna.samplers.GPSampler}[name]
    return AskTell(
        ParameterSpace.of(ranges),
        lambda first, number: sampler(seed=first * 1000 + number),
        maximize=False,
        seed=seed,
    )
