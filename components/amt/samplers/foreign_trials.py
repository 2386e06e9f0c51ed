"""Trials of a search over other hyperparameters or ranges, read as trials of this space.

What is not tuned any more is dropped. What was unknown there is spread over its range, the best trial in the middle:
nothing is claimed about it, and the first favourites try it at different values. Filled with one value instead, the
middle or the true one, the first five trials were worse than a cold search's by up to .17 and .48 of the distance
from best to median; spread, they were never worse (`benchmarks/README.md`, e2). A number outside its range goes to the
nearest end, which was never worse either, where leaving such trials out was; a category that is gone takes its trial
with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from components.amt.samplers.parameter import Categorical, Integer, Parameter
from components.amt.samplers.parameter_space import ParameterSpace
from components.amt.samplers.sampler import Finished
from components.amt.samplers.unit_cube import Floats, UnitCube


def translated(
    parameter_ranges: Mapping[str, Any], trials: Sequence[Finished], *, maximize: bool
) -> tuple[Finished, ...]:
    """The trials with a usable objective as trials of another space, the best first.

    Args:
        parameter_ranges: `ParameterRanges` of that space.
        trials: All of one search: any hyperparameters, tuned and static.
        maximize: Whether larger objective values are better.
    """
    space = ParameterSpace.of(parameter_ranges)
    scored = [(trial, trial.objective) for trial in trials if trial.objective is not None]
    ranked = sorted(
        (pair for pair in scored if math.isfinite(pair[1])), key=lambda pair: -pair[1] if maximize else pair[1]
    )
    spread = _spread(UnitCube(space.distributions), len(ranked))
    found = []
    for row, (trial, objective) in enumerate(ranked):
        texts = space.texts(spread[row])
        try:
            for parameter in space.parameters:
                if parameter.name in trial.hyperparameters:
                    texts[parameter.name] = _nearest(parameter, trial.hyperparameters[parameter.name])
        except ValueError:
            continue
        found.append(Finished(hyperparameters=texts, objective=objective))
    return tuple(found)


def _spread(cube: UnitCube, count: int) -> list[dict[str, Any]]:
    """Sobol points, the middle of the cube first."""
    from scipy.stats import qmc

    sequence: Floats = qmc.Sobol(cube.dimension, scramble=False).random_base2(math.ceil(math.log2(count + 1)))
    return [cube.decode(point) for point in cube.from_uniform(np.asarray(sequence)[1 : count + 1])]


def _nearest(parameter: Parameter, text: str) -> str:
    """The value as AMT's string. Raises ValueError for what is none of the categories, or no number."""
    if isinstance(parameter, Categorical):
        return parameter.parse(text)
    value = float(text)
    if math.isnan(value):
        raise ValueError(f"{parameter.name} must be a number, got {text}")
    value = min(max(value, parameter.low), parameter.high)
    return str(round(value)) if isinstance(parameter, Integer) else repr(float(value))
