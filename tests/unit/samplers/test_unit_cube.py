from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from components.amt.samplers.unit_cube import UnitCube, sobol

SPACE = {
    "linear": FloatDistribution(-3.0, 7.0),
    "log": FloatDistribution(1e-5, 10.0, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.25),
    "whole": IntDistribution(1, 10),
    "whole_log": IntDistribution(1, 1000, log=True),
    "category": CategoricalDistribution(("a", "b", "c")),
}
CUBE = UnitCube(SPACE)


def test_points_are_read_and_placed_again_unchanged() -> None:
    """Decoding a snapped point and encoding it gives the same point."""
    points = CUBE.from_uniform(np.random.default_rng(0).random((200, 6)))

    again = CUBE.encode([CUBE.decode(point) for point in points])

    assert again == pytest.approx(points, abs=1e-12)


def test_what_is_scored_is_what_is_run() -> None:
    """Snapping twice changes nothing, and every decoded value belongs to its distribution."""
    points = CUBE.from_uniform(np.random.default_rng(1).random((200, 6)))

    assert CUBE.snap(points) == pytest.approx(points, abs=1e-12)
    for point in points:
        for name, value in CUBE.decode(point).items():
            distribution = SPACE[name]
            assert distribution._contains(distribution.to_internal_repr(value)), (name, value)


def test_every_integer_and_category_owns_an_equal_share() -> None:
    """Of evenly spread numbers each integer and each category gets as many, the ends included."""
    grid = (np.arange(3000) + 0.5) / 3000
    points = CUBE.from_uniform(np.repeat(grid[:, None], 6, axis=1))
    values = [CUBE.decode(point) for point in points]

    for name, count in (("whole", 300), ("category", 1000)):
        _, counts = np.unique([value[name] for value in values], return_counts=True)
        assert np.abs(counts - count).max() <= 1


def test_two_categories_lie_at_distance_one() -> None:
    """One-hot columns put every pair of different categories equally far apart, equal ones together."""
    cube = UnitCube({"category": CategoricalDistribution(("a", "b", "c", "d"))})
    columns = cube.features(cube.every_point())

    distances = np.linalg.norm(columns[:, None] - columns[None], axis=2)

    assert distances == pytest.approx(1 - np.eye(4))
    assert cube.groups.tolist() == [0, 0, 0, 0]


def test_a_finite_space_is_listed_whole() -> None:
    """Every combination occurs once."""
    cube = UnitCube({name: SPACE[name] for name in ("whole", "category", "step")})

    points = cube.every_point()

    assert (
        cube.size == len(points) == len({tuple(CUBE_point.values()) for CUBE_point in map(cube.decode, points)}) == 150
    )


def test_ranges_of_one_value_are_points() -> None:
    """A fixed parameter is encoded, snapped and decoded like any other."""
    cube = UnitCube({"x": FloatDistribution(2.0, 2.0), "n": IntDistribution(3, 3)})

    assert cube.decode(cube.from_uniform(np.array([[0.7, 0.2]]))[0]) == {"x": 2.0, "n": 3}


def test_sobol_points_fill_the_cube_evenly() -> None:
    """Of 64 points each eighth of each coordinate holds eight."""
    points = sobol(5, 64, np.random.default_rng(0))

    assert points.shape == (64, 5)
    for column in points.T:
        assert np.histogram(column, bins=8, range=(0, 1))[0].tolist() == [8] * 8
