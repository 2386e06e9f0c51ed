"""Hyperband: which training jobs go on, decided on the values they emit (asynchronous successive halving).

AWS publishes what goes in and out (developer guide, "Hyperband"; launch post of September 2022: ASHA), not the rung
rule. This is the stopping variant of Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020),
as Syne Tune has it: reduction factor 3, one bracket, rungs at MinResource times powers of 3. A training job that
reaches a rung goes on if its value is among the best third of all that were recorded there, its own included; the
first ones to come always do. The resource is the number of objective values a training job has emitted: the protocol
knows no epochs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

REDUCTION: Final = 3
# Static hyperparameters from which MaxResource is read when the request has none (developer guide, "Hyperband").
RESOURCE_HYPERPARAMETERS: Final = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


def resources_of(config: Mapping[str, Any], static: Mapping[str, str]) -> tuple[int, int | None]:
    """MinResource and MaxResource of a tuning job.

    Args:
        config: HyperParameterTuningJobConfig.
        static: StaticHyperParameters.

    Returns:
        The least is 1 when not given; the most is None when it is neither given nor to be read from `static`.
    """
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    most = given.get("MaxResource")
    if most is None:
        text = next((static[name].strip('"') for name in RESOURCE_HYPERPARAMETERS if name in static), "")
        most = int(text) if text.isdecimal() else None
    return int(given.get("MinResource", 1)), most


class Halving:
    """The rungs of one tuning job and what was recorded there.

    Its state follows from the curves alone: after a crash, observing them again in any order in which they could have
    been emitted gives a state of equal standing.

    Args:
        min_resource: Values below which no training job is stopped.
        max_resource: Values beyond which none goes on.
        maximize: Whether a larger objective is better.
    """

    def __init__(self, *, min_resource: int, max_resource: int, maximize: bool) -> None:
        self._max_resource = max_resource
        self._sign = 1.0 if maximize else -1.0
        levels = []
        level = min_resource
        while level < max_resource:
            levels.append(level)
            level *= REDUCTION
        self.rungs = tuple(levels)
        self._recorded: dict[int, dict[str, float]] = {level: {} for level in levels}

    def observe(self, training_job: str, curve: Sequence[float]) -> bool:
        """Record what is new of a training job.

        Args:
            training_job: Its name.
            curve: All its objective values so far, oldest first.

        Returns:
            Whether it is to be stopped now: it lost at a rung it has just reached, or goes on beyond MaxResource. AWS
            stops it there; here a signal would come between a script's last value and its model, so one that ends
            there by itself, as it does where MaxResource is its number of epochs, is let to complete.
        """
        lost = False
        for level in self.rungs:
            recorded = self._recorded[level]
            if len(curve) < level:
                break
            if training_job not in recorded:
                value = self._sign * curve[level - 1]
                recorded[training_job] = value if math.isfinite(value) else -math.inf
                lost = lost or not self._among_the_best(recorded, training_job)
        return lost or len(curve) > self._max_resource

    @staticmethod
    def _among_the_best(recorded: Mapping[str, float], training_job: str) -> bool:
        go_on = len(recorded) // REDUCTION
        if not go_on:
            return recorded[training_job] > -math.inf  # the first ones; but what diverged has nothing to go on for
        better = sum(value > recorded[training_job] for value in recorded.values())
        return better < go_on
