"""Hyperband's configurations: drawn at random (AWS, "How Hyperparameter Tuning Works", Hyperband).

Which of them go on is decided while they train, in `components.amt.halving`; here they only begin. So the sequence of
a seed is that of random search, whatever is stopped when.
"""

from __future__ import annotations

from components.amt.samplers.parameter_space import ParameterSpace
from components.amt.samplers.sampler import Sampler


def hyperband_search(space: ParameterSpace, *, seed: int) -> Sampler:
    """AMT's Hyperband strategy over one space."""
    from components.amt.samplers.random import RandomSearch

    return RandomSearch(space, seed=seed)
