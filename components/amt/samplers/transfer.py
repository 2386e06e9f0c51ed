"""Trials of other tasks in the Gaussian process: one more column says which task a trial is of.

The column's length scale is learned like the others: where the parents agree with what the new job sees it becomes
long and they count almost as the job's own trials, where they do not it becomes short and they count for nothing
(Swersky et al. 2013, "Multi-Task Bayesian Optimization", with a stationary kernel over tasks). Measured on changed
data, this alone kept the late trials as good as those of a cold search, where parents' trials put in raw did not.

That is not enough where the parents are wrong: their level is moved to the new job's, so a search that trusts them
looks only where they send it, and sees nothing that speaks against them. So after five results only those parents
count whose expectations rank the results the way they came out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from components.amt.samplers.gaussian_process import Posterior
from components.amt.samplers.marginal_likelihood import most_probable_hyperparameters
from components.amt.samplers.parameter_space import ParameterSpace
from components.amt.samplers.sampler import ParentJob
from components.amt.samplers.unit_cube import Floats, Indices, UnitCube

# All parents together: they are there to lead, not to slow the search down.
MOST_TRIALS: Final = 120
FEWEST_TRIALS: Final = 3
LEAST_AGREEMENT: Final = 0.5
# Fewer results say nothing about a ranking.
RANKED: Final = 5


class Transfer:
    """Parents' trials as points of the cube.

    Args:
        cube: The new job's.
        parents: Shape (n, dimension) and (n,) of each: points, and values to be minimised.
    """

    def __init__(self, cube: UnitCube, parents: Sequence[tuple[Floats, Floats]]) -> None:
        self._cube = cube
        most = max(FEWEST_TRIALS, MOST_TRIALS // max(1, len(parents)))
        self._parents = [_best_and_spread(points, values, most) for points, values in parents]
        self._levels: list[_Level | None] = [None] * len(parents)

    @classmethod
    def of(cls, space: ParameterSpace, parents: Sequence[ParentJob], *, maximize: bool) -> Transfer:
        """Read parents; trials outside the space and without a usable value are left out, as are parents of two."""
        cube = UnitCube(space.distributions)
        sign = -1.0 if maximize else 1.0
        read = []
        for parent in parents:
            rows = [
                (space.to_optuna(configuration), sign * trial.objective)
                for trial in parent.finished
                if trial.objective is not None
                and math.isfinite(trial.objective)
                and (configuration := space.configuration(trial.hyperparameters)) is not None
            ]
            if len(rows) >= FEWEST_TRIALS:
                read.append((cube.encode([params for params, _ in rows]), np.array([value for _, value in rows])))
        return cls(cube, read)

    def __bool__(self) -> bool:
        return bool(self._parents)

    def agreeing(self, points: Floats, values: Floats) -> Transfer:
        """The parents whose expectations rank the new job's results about as they came out (Spearman's rho).

        All of them while there are few results.

        Args:
            points: Finished trials of the new job, shape (n, dimension).
            values: Theirs, shape (n,).
        """
        if len(values) < RANKED:
            return self
        kept = [
            index
            for index in range(len(self._parents))
            if _rank_correlation(self._level(index).expected(points), values) >= LEAST_AGREEMENT
        ]
        chosen = Transfer(self._cube, [])
        chosen._parents = [self._parents[index] for index in kept]
        chosen._levels = [self._levels[index] for index in kept]
        return chosen

    def _level(self, index: int) -> _Level:
        level = self._levels[index]
        if level is None:
            level = self._levels[index] = _Level(self._cube, *self._parents[index])
        return level

    @property
    def groups(self) -> Indices:
        """As `UnitCube.groups`, with the task's columns as one more coordinate."""
        own = self._cube.groups
        tasks = np.full(len(self._parents), self._cube.dimension, dtype=own.dtype)
        return np.concatenate((own, tasks))

    def own(self, points: Floats) -> Floats:
        """Feature columns of points of the new job, shape (n, features + parents)."""
        return np.hstack((self._cube.features(points), np.zeros((len(points), len(self._parents)))))

    def parents_features(self) -> Floats:
        """Feature columns of all parents' points."""
        blocks = []
        for index, (points, _) in enumerate(self._parents):
            task = np.zeros((len(points), len(self._parents)))
            task[:, index] = 1.0
            blocks.append(np.hstack((self._cube.features(points), task)))
        return np.vstack(blocks)

    def aligned(self, points: Floats, values: Floats) -> Floats:
        """Parents' values, each parent's moved by the median difference to what the new job got where both are known.

        Args:
            points: Finished trials of the new job, shape (n, dimension).
            values: Theirs, shape (n,).
        """
        moved = []
        for index, (_, their_values) in enumerate(self._parents):
            moved.append(their_values + float(np.median(values - self._level(index).expected(points))))
        return np.concatenate(moved)


class _Level:
    """What a parent alone would expect, in its own units."""

    def __init__(self, cube: UnitCube, points: Floats, values: Floats) -> None:
        self._cube = cube
        self._mean, self._std = float(values.mean()), float(values.std()) or 1.0
        targets = (values - self._mean) / self._std
        features = cube.features(points)
        hyperparameters = most_probable_hyperparameters(features, targets, cube.groups)
        self._model = Posterior(features, targets, hyperparameters, cube.groups)

    def expected(self, points: Floats) -> Floats:
        return self._mean + self._std * self._model.mean(self._cube.features(points))


def _rank_correlation(left: Floats, right: Floats) -> float:
    first, second = (np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (left, right))
    return float(np.corrcoef(first, second)[0, 1])


def _best_and_spread(points: Floats, values: Floats, most: int) -> tuple[Any, Any]:
    """The best half of what may be kept, and of the rest every so many, so that the bad regions stay known too."""
    order = np.argsort(values, kind="stable")
    if len(order) > most:
        rest = order[most // 2 :]
        order = np.concatenate((order[: most // 2], rest[:: math.ceil(len(rest) / (most - most // 2))]))
    return points[order], values[order]
