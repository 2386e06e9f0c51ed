"""Trials of other tasks in the Gaussian process: one more column says which task a trial is of.

The column's length scale is learned like the others: where the parents agree with what the new job sees it becomes
long and they count almost as the job's own trials, where they do not it becomes short and they count for nothing
(Swersky et al. 2013, "Multi-Task Bayesian Optimization", with a stationary kernel over tasks). Measured on changed
data, this alone kept the late trials as good as those of a cold search, where parents' trials put in raw did not.
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
        self._own_models: list[_Level | None] = [None] * len(parents)

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

    def parents_points(self) -> Floats:
        """All parents' points, best first."""
        points = np.vstack([points for points, _ in self._parents])
        standardised = np.concatenate([_standardised(values) for _, values in self._parents])
        ordered: Floats = points[np.argsort(standardised, kind="stable")]
        return ordered

    def aligned(self, points: Floats, values: Floats) -> Floats:
        """Parents' values, each parent's moved by the median difference to what the new job got where both are known.

        Args:
            points: Finished trials of the new job, shape (n, dimension).
            values: Theirs, shape (n,).
        """
        moved = []
        for index, (theirs, their_values) in enumerate(self._parents):
            offset = 0.0
            if len(points):
                level = self._own_models[index] = self._own_models[index] or _Level(self._cube, theirs, their_values)
                offset = float(np.median(values - level.expected(points)))
            moved.append(their_values + offset)
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


def _standardised(values: Floats) -> Floats:
    std = values.std()
    scaled: Floats = (values - values.mean()) / std if std > 0 else np.zeros_like(values)
    return scaled


def _best_and_spread(points: Floats, values: Floats, most: int) -> tuple[Any, Any]:
    """The best half of what may be kept, and of the rest every so many, so that the bad regions stay known too."""
    order = np.argsort(values, kind="stable")
    if len(order) > most:
        rest = order[most // 2 :]
        order = np.concatenate((order[: most // 2], rest[:: math.ceil(len(rest) / (most - most // 2))]))
    return points[order], values[order]
