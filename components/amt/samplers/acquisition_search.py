"""Where the acquisition function is largest: many candidates first, then a closer look around the best of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from components.amt.samplers.unit_cube import Floats, UnitCube, sobol

ENUMERATED: Final = 1024
SPREAD: Final = 1024
MANY_TRIALS: Final = 400
NEIGHBOURS: Final = 500
NEIGHBOUR_STEP: Final = 0.1
LEADERS: Final = 6
ROUNDS: Final = 4
CHILDREN: Final = 20
SHRINK: Final = 0.4
# Of a range. Trainings are noisy or stepped: one nearer to another than this repeats it; with 1e-3 the search stayed
# longer beside one good cell.
SAME: Final = 0.01


def most_promising(
    cube: UnitCube,
    score: Callable[[Floats], Floats],
    centres: Floats,
    tried: Floats,
    rng: np.random.Generator,
) -> Floats | None:
    """Find the untried point of the largest score.

    A small finite space is looked at whole. Otherwise 1024 Sobol points and 500 neighbours of `centres` are scored,
    and the six best are refined in four rounds of ever smaller random steps. Steps and not gradients, because integers
    and categories have none.

    Args:
        cube: The space.
        score: Acquisition values of points, shape (n, dimension) to (n,); larger is better.
        centres: Best points so far, shape (c, dimension).
        tried: Points not to be returned, shape (t, dimension).
        rng: Of this proposal alone.

    Returns:
        The point, shape (dimension,); None when all that were looked at have been tried.
    """
    if cube.size <= ENUMERATED:
        points = cube.every_point()
        leaders, _ = _leaders(points, score(points), tried, 1)
        return next(iter(leaders), None)
    # scoring one point costs the square of the number of trials
    spread = cube.from_uniform(sobol(cube.dimension, SPREAD if len(tried) <= MANY_TRIALS else SPREAD // 2, rng))
    near = neighbours(cube, np.repeat(centres, NEIGHBOURS // len(centres), axis=0), NEIGHBOUR_STEP, rng)
    points = np.concatenate((spread, near))
    leaders, scores = _leaders(points, score(points), tried, LEADERS)
    if not len(leaders):
        return None
    step = NEIGHBOUR_STEP
    for _ in range(ROUNDS):
        points = neighbours(cube, np.repeat(leaders, CHILDREN, axis=0), step, rng)
        scores = np.concatenate((scores, score(points)))
        leaders, scores = _leaders(np.concatenate((leaders, points)), scores, tried, LEADERS)
        step *= SHRINK
    best: Floats = leaders[0]
    return best


def is_among(point: Floats, points: Floats) -> bool:
    """Tell whether one of `points` lies within `SAME` of the range in every coordinate: nothing to learn."""
    return bool((np.abs(points - point) < SAME).all(axis=1).any())


def neighbours(cube: UnitCube, points: Floats, step: float, rng: np.random.Generator) -> Floats:
    """Move each point in about two of its coordinates, at least one.

    Numbers take a normal step of standard deviation `step`, or of one value where that is more, reflected at the faces
    of the cube; categories are drawn anew.
    """
    shape = points.shape
    moved = rng.random(shape) < max(2 / cube.dimension, 0.3)
    moved[np.arange(len(points)), rng.integers(cube.dimension, size=len(points))] = True
    stepped = np.abs(points + np.maximum(step, cube.spacing) * rng.standard_normal(shape))
    reflected = np.clip(np.where(stepped > 1, 2 - stepped, stepped), 0.0, 1.0)
    drawn = np.floor(rng.random(shape) * np.maximum(cube.choices, 1))
    return cube.snap(np.where(moved, np.where(cube.choices > 0, drawn, reflected), points))


def _leaders(points: Floats, scores: Floats, tried: Floats, count: int) -> tuple[Floats, Floats]:
    """Keep the `count` best points that differ from each other and from those tried."""
    chosen: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if not is_among(points[index], tried) and not is_among(points[index], points[chosen]):
            chosen.append(int(index))
            if len(chosen) == count:
                break
    return points[chosen], scores[chosen]
