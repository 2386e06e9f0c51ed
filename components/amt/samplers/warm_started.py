"""A search that knows its parents' trials (AWS developer guide, "Run a Warm Start Hyperparameter Tuning Job").

AWS does not publish how parents are used. Trials of parents on identical data are taken for the job's own: they enter
the model and are not repeated. Of the others the best three configurations are tried first, which halved the first
trials' regret where the data had changed little and cost nothing measurable where it had changed much; what else they
say is the Bayesian model's business (`transfer`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

import numpy as np

from components.amt.samplers.parameter_space import Configuration, ParameterSpace, seen_configurations
from components.amt.samplers.sampler import Finished, ParentJob, Sampler
from components.amt.samplers.unit_cube import Floats, UnitCube

FAVOURITES: Final = 3
# In some hyperparameter, as a share of its range.
APART: Final = 0.1


def warm_started(sampler: Sampler, space: ParameterSpace, parents: Sequence[ParentJob], *, maximize: bool) -> Sampler:
    """The sampler itself without parents."""
    return _WarmStarted(sampler, space, parents, maximize=maximize) if parents else sampler


class _WarmStarted:
    def __init__(
        self, sampler: Sampler, space: ParameterSpace, parents: Sequence[ParentJob], *, maximize: bool
    ) -> None:
        self._sampler = sampler
        self._space = space
        self._known = [trial for parent in parents if parent.identical for trial in parent.finished]
        rankings = [_ranked(parent, space, maximize=maximize) for parent in parents if not parent.identical]
        self._favourites = _apart(_first_of_each(rankings), space)

    def propose(
        self, *, finished: Sequence[Finished], running: Sequence[Mapping[str, str]], number: int
    ) -> dict[str, str] | None:
        """See `Sampler.propose`."""
        everything = [*self._known, *finished]
        seen = seen_configurations(self._space, everything, running)
        for favourite in self._favourites:
            if favourite not in seen:
                return self._space.texts(self._space.to_optuna(favourite))
        return self._sampler.propose(finished=everything, running=running, number=number)


def _apart(configurations: Iterable[Configuration], space: ParameterSpace) -> list[Configuration]:
    """The first three that differ: a search ends in many trials at one place, and three of them tell one thing."""
    cube = UnitCube(space.distributions)
    chosen: list[Configuration] = []
    places: list[Floats] = []
    spare: list[Configuration] = []
    for configuration in configurations:
        (place,) = cube.features(cube.encode([space.to_optuna(configuration)]))
        if all(np.abs(place - other).max() >= APART for other in places):
            chosen.append(configuration)
            places.append(place)
        else:
            spare.append(configuration)
        if len(chosen) == FAVOURITES:
            break
    return [*chosen, *spare][:FAVOURITES]


def _ranked(parent: ParentJob, space: ParameterSpace, *, maximize: bool) -> list[Configuration]:
    """A parent's configurations that are of the space, best first."""
    sign = -1.0 if maximize else 1.0
    rows = [
        (sign * trial.objective, configuration)
        for trial in parent.finished
        if trial.objective is not None
        and math.isfinite(trial.objective)
        and (configuration := space.configuration(trial.hyperparameters)) is not None
    ]
    return [configuration for _, configuration in sorted(rows, key=lambda row: row[0])]


def _first_of_each(rankings: Sequence[Sequence[Configuration]]) -> Iterator[Configuration]:
    """The best of every parent, then the second best of every parent, and so on; each once."""
    given: set[Configuration] = set()
    for row in zip_longest(*rankings):
        for configuration in row:
            if configuration is not None and configuration not in given:
                given.add(configuration)
                yield configuration
