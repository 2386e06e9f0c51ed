from __future__ import annotations

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from components.amt.samplers.acquisition_search import most_promising, neighbours
from components.amt.samplers.unit_cube import Floats, UnitCube

MIXED: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0.0, 1.0),
    "n": IntDistribution(1, 5),
    "c": CategoricalDistribution(tuple("abcdefgh")),
}


def test_the_maximum_is_found_to_a_hundredth() -> None:
    """A narrow peak in four dimensions, its height 0, is climbed close to the top."""
    cube = UnitCube({f"x{i}": FloatDistribution(0.0, 1.0) for i in range(4)})
    top = np.array([0.21, 0.5, 0.99, 0.03])

    def peak(points: Floats) -> Floats:
        distances: Floats = np.linalg.norm(points - top, axis=1)
        return -distances

    for seed in range(5):
        point = most_promising(cube, peak, np.full((1, 4), 0.5), np.empty((0, 4)), np.random.default_rng(seed))
        assert point is not None
        assert np.abs(point - top).max() < 0.03


def test_a_small_space_is_looked_at_whole_without_what_was_tried() -> None:
    """The best untried combination is returned exactly, and None when none is left."""
    cube = UnitCube({name: MIXED[name] for name in ("n", "c")})
    every = cube.every_point()
    order = np.argsort(-every.sum(axis=1), kind="stable")

    for tried in (0, 7, 39):
        point = most_promising(
            cube, lambda points: points.sum(axis=1), every[:5], every[order[:tried]], np.random.default_rng(0)
        )
        assert point is not None
        assert point.tolist() == every[order[tried]].tolist()
    assert most_promising(cube, lambda p: p.sum(axis=1), every[:5], every, np.random.default_rng(0)) is None


def test_neighbours_move_in_every_kind_of_coordinate_and_stay_in_the_cube() -> None:
    """Numbers step, integers step by at least one value, categories jump; all stay points of the space."""
    cube = UnitCube(MIXED)
    centre = cube.encode([{"x": 0.02, "n": 3, "c": "d"}])

    moved = neighbours(cube, np.repeat(centre, 400, axis=0), 0.01, np.random.default_rng(0))

    assert np.array_equal(cube.snap(moved), moved)
    decoded = [cube.decode(point) for point in moved]
    assert {value["n"] for value in decoded} >= {2, 3, 4}
    assert {value["c"] for value in decoded} == set("abcdefgh")
    assert min(value["x"] for value in decoded) >= 0.0
    assert max(value["x"] for value in decoded) < 0.1
