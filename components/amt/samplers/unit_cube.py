"""A search space of Optuna distributions as points in the unit cube, where the Gaussian process lives.

A point has one coordinate per hyperparameter. A number is scaled to [0, 1] after its logarithm, if it has one; integers and
steps own an equal share each and sit in the middle of it. A category is its index. `features` turns points into the
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
        choices: Number of categories per coordinate, 0 for a number.
        groups: For each feature column the coordinate it comes from; shape (features,).
    """

    def __init__(self, search_space: Mapping[str, BaseDistribution]) -> None:
        self.names = tuple(search_space)
        self._axes = tuple(_axis(distribution) for distribution in search_space.values())
        self.choices = np.array([axis.choices for axis in self._axes], dtype=np.intp)
        self.groups = np.repeat(np.arange(len(self._axes)), np.maximum(self.choices, 1))

    @property
    def dimension(self) -> int:
        """Number of coordinates, which is the number of hyperparameters."""
        return len(self._axes)

    @property
    def size(self) -> float:
        """Number of different points, infinite when a coordinate is continuous."""
        return math.prod(axis.size for axis in self._axes)

    def encode(self, configurations: Sequence[Mapping[str, Any]]) -> Floats:
        """Place configurations in the cube; shape (len(configurations), dimension)."""
        columns = [
            axis.encode([params[name] for params in configurations])
            for name, axis in zip(self.names, self._axes, strict=True)
        ]
        return np.column_stack(columns) if columns else np.empty((len(configurations), 0))

    def decode(self, point: Floats) -> dict[str, Any]:
        """Read one point, shape (dimension,), as values by name."""
        return {
            name: axis.decode(float(coordinate))
            for name, axis, coordinate in zip(self.names, self._axes, point, strict=True)
        }

    def from_uniform(self, uniform: Floats) -> Floats:
        """Turn numbers in [0, 1), shape (n, dimension), into points: categories by equal shares, then snapped."""
        categorical = self.choices > 0
        points = uniform.copy()
        points[:, categorical] = np.floor(uniform[:, categorical] * self.choices[categorical])
        return self.snap(points)

    def snap(self, points: Floats) -> Floats:
        """Move every coordinate to the nearest one that can be proposed, so that what is scored is what is run."""
        columns = [axis.snap(column) for axis, column in zip(self._axes, points.T, strict=True)]
        return np.column_stack(columns) if columns else points

    def features(self, points: Floats) -> Floats:
        """Columns for the kernel, shape (n, features): numbers as they are, categories one-hot.

        One-hot columns are 1/sqrt(2) high, so that two different categories lie at distance 1 whichever they are.
        """
        columns = []
        for choices, column in zip(self.choices, points.T, strict=True):
            if choices:
                columns.append((column[:, None] == np.arange(choices)) * math.sqrt(0.5))
            else:
                columns.append(column[:, None])
        return np.hstack(columns) if columns else points

    def every_point(self) -> Floats:
        """All points of a finite space, shape (size, dimension)."""
        grids = np.meshgrid(*(axis.values() for axis in self._axes), indexing="ij")
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

    def values(self) -> Floats:
        return np.arange(self.choices, dtype=float)


class _Number:
    """A coordinate that holds a scaled number.

    With a step (integers have one) the range is widened by half a step on both sides before scaling, so the first and the
    last value own as large a share as the others.
    """

    choices = 0

    def __init__(self, distribution: FloatDistribution | IntDistribution) -> None:
        self._distribution = distribution
        self._log = distribution.log
        self._low, self._high = float(distribution.low), float(distribution.high)
        self._step = float(distribution.step or 0)
        self._start = self._scale(np.float64(self._low - self._step / 2))
        self._width = self._scale(np.float64(self._high + self._step / 2)) - self._start or 1.0
        self.size = (self._high - self._low) // self._step + 1 if self._step else math.inf

    def _scale(self, values: Any) -> Any:
        return np.log(values) if self._log else values

    def encode(self, values: Sequence[Any]) -> Floats:
        return (self._scale(np.array(values, dtype=float)) - self._start) / self._width  # type: ignore[no-any-return]

    def _value(self, column: Any) -> Any:
        scaled = self._start + column * self._width
        values = np.exp(scaled) if self._log else scaled
        if self._step:
            values = self._low + self._step * np.rint((values - self._low) / self._step)
        return np.clip(values, self._low, self._high)

    def decode(self, coordinate: float) -> float | int:
        value = self._value(np.float64(coordinate))
        if isinstance(self._distribution, IntDistribution):
            return min(max(int(value), self._distribution.low), self._distribution.high)
        return float(value)

    def snap(self, column: Floats) -> Floats:
        if not self._step:
            return np.clip(column, 0.0, 1.0)
        return (self._scale(self._value(column)) - self._start) / self._width  # type: ignore[no-any-return]

    def values(self) -> Floats:
        return self.encode(np.arange(self._low, self._high + self._step / 2, self._step))  # type: ignore[arg-type]


def _axis(distribution: BaseDistribution) -> _Category | _Number:
    if isinstance(distribution, CategoricalDistribution):
        return _Category(distribution)
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return _Number(distribution)
    raise TypeError(f"a float, int or categorical distribution must be given, got {distribution}")


def sobol(dimension: int, count: int, rng: np.random.Generator) -> Floats:
    """Draw scrambled Sobol points in [0, 1); shape (at least count, dimension): the next power of two, where they balance."""
    from scipy.stats import qmc

    engine = qmc.Sobol(dimension, scramble=True, rng=rng)
    points: Floats = engine.random_base2(math.ceil(math.log2(count)))
    return points
