"""A search space of Optuna distributions as points in the unit cube, where the Gaussian process lives.

A point has one coordinate per hyperparameter. A number is scaled to [0, 1] after its logarithm, if it has one; integers
and steps own a share each and sit in the middle of it. A category is its index. `features` turns points into the
columns a kernel measures distances in: categories one-hot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


class UnitCube:
    """Encoding of one search space.

    Args:
        search_space: Distribution by name, as Optuna's samplers get it.

    Attributes:
        names: Hyperparameters in the order of the coordinates.
        choices: Number of categories per coordinate, 0 for a number; shape (dimension,).
        spacing: Mean distance of two values of a number with a step, else 0; shape (dimension,).
        groups: For each feature column the coordinate it comes from; shape (features,).
        size: Number of different points, infinite when a coordinate is continuous.
    """

    def __init__(self, search_space: Mapping[str, BaseDistribution]) -> None:
        self.names = tuple(search_space)
        self._axes = tuple(_axis(distribution) for distribution in search_space.values())
        self.choices: Indices = np.array([axis.choices for axis in self._axes], dtype=np.intp)
        self.spacing: Floats = np.array([0.0 if axis.choices else 1 / axis.size for axis in self._axes])
        self.groups: Indices = np.repeat(np.arange(len(self._axes)), np.maximum(self.choices, 1))
        self.size = math.prod(axis.size for axis in self._axes)

    @property
    def dimension(self) -> int:
        """Number of coordinates, which is the number of hyperparameters."""
        return len(self._axes)

    def encode(self, configurations: Sequence[Mapping[str, Any]]) -> Floats:
        """Place configurations in the cube; shape (len(configurations), dimension)."""
        columns = [
            axis.encode([params[name] for params in configurations])
            for name, axis in zip(self.names, self._axes, strict=True)
        ]
        return np.column_stack(columns)

    def decode(self, point: Floats) -> dict[str, Any]:
        """Read one point, shape (dimension,), as values by name."""
        return {
            name: axis.decode(float(coordinate))
            for name, axis, coordinate in zip(self.names, self._axes, point, strict=True)
        }

    def from_uniform(self, uniform: Floats) -> Floats:
        """Turn numbers in [0, 1), shape (n, dimension), into points: categories by equal shares, then snapped."""
        return self.snap(np.where(self.choices > 0, np.floor(uniform * self.choices), uniform))

    def snap(self, points: Floats) -> Floats:
        """Move every coordinate to the nearest one that can be proposed, so that what is scored is what is run."""
        return np.column_stack([axis.snap(column) for axis, column in zip(self._axes, points.T, strict=True)])

    def features(self, points: Floats) -> Floats:
        """Columns for the kernel, shape (n, features): numbers as they are, categories one-hot.

        One-hot columns are 1/sqrt(2) high, so that two different categories lie at distance 1 whichever they are.
        """
        columns = [
            (column[:, None] == np.arange(choices)) * math.sqrt(0.5) if choices else column[:, None]
            for choices, column in zip(self.choices, points.T, strict=True)
        ]
        return np.hstack(columns)

    def every_point(self) -> Floats:
        """List all points of a finite space, shape (size, dimension)."""
        grids = np.meshgrid(*(axis.every_coordinate() for axis in self._axes), indexing="ij")
        return np.column_stack([grid.ravel() for grid in grids])


class _Category:
    """A coordinate that holds an index."""

    def __init__(self, distribution: CategoricalDistribution) -> None:
        self._values = distribution.choices
        self._index = {value: float(index) for index, value in enumerate(distribution.choices)}
        self.choices = len(distribution.choices)
        self.size = float(self.choices)

    def encode(self, values: Sequence[Any]) -> Floats:
        return np.array([self._index[value] for value in values], dtype=float)

    def decode(self, coordinate: float) -> Any:
        return self._values[round(coordinate)]

    def snap(self, column: Floats) -> Floats:
        return np.clip(np.rint(column), 0, self.choices - 1)

    def every_coordinate(self) -> Floats:
        return np.arange(self.choices, dtype=float)


class _Number:
    """A coordinate that holds a scaled number.

    With a step, as integers have one, the range is widened by half a step on both sides before scaling, so that the
    first and the last value own as large a share as the others.
    """

    choices = 0

    def __init__(self, distribution: FloatDistribution | IntDistribution) -> None:
        self._distribution = distribution
        self._log = distribution.log
        self._low, self._high = float(distribution.low), float(distribution.high)
        self._step = float(distribution.step or 0)
        start, end = self._scale(np.array([self._low - self._step / 2, self._high + self._step / 2]))
        self._start, self._width = float(start), float(end - start) or 1.0
        self.size = (self._high - self._low) // self._step + 1 if self._step else math.inf

    def _scale(self, values: Floats) -> Floats:
        return np.log(values) if self._log else values

    def _coordinate(self, values: Floats) -> Floats:
        return (self._scale(values) - self._start) / self._width

    def _value(self, column: Floats) -> Floats:
        scaled = self._start + column * self._width
        values = np.exp(scaled) if self._log else scaled
        if self._step:
            values = self._low + self._step * np.rint((values - self._low) / self._step)
        return np.clip(values, self._low, self._high)

    def encode(self, values: Sequence[Any]) -> Floats:
        return self._coordinate(np.array(values, dtype=float))

    def decode(self, coordinate: float) -> float | int:
        value = float(self._value(np.array([coordinate]))[0])
        if isinstance(self._distribution, IntDistribution):
            return min(max(int(value), self._distribution.low), self._distribution.high)
        return value

    def snap(self, column: Floats) -> Floats:
        return self._coordinate(self._value(column)) if self._step else np.clip(column, 0.0, 1.0)

    def every_coordinate(self) -> Floats:
        return self._coordinate(np.arange(self._low, self._high + self._step / 2, self._step))


def _axis(distribution: BaseDistribution) -> _Category | _Number:
    if isinstance(distribution, CategoricalDistribution):
        return _Category(distribution)
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return _Number(distribution)
    raise TypeError(f"a float, int or categorical distribution must be given, got {distribution}")


def sobol(dimension: int, count: int, rng: np.random.Generator) -> Floats:
    """Draw scrambled Sobol points in [0, 1): the next power of two not below `count`, where they balance.

    Returns:
        Shape (2**m, dimension).
    """
    from scipy.stats import qmc

    engine = qmc.Sobol(dimension, scramble=True, rng=rng)
    points: Floats = engine.random_base2(math.ceil(math.log2(count)))
    return points
