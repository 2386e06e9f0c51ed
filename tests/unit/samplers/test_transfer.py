from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.amt.samplers import ParentJob, make_sampler
from components.amt.samplers.parameter_space import ParameterSpace
from components.amt.samplers.transfer import RANKED, Transfer
from components.amt.samplers.unit_cube import UnitCube
from tests.unit.samplers.search_loop import BRANIN, BRANIN_OPTIMUM, best, branin, search

Floats = npt.NDArray[np.float64]
SPACE = ParameterSpace.of(BRANIN)


def parent(sign: float = 1.0) -> ParentJob:
    """A search on a task that ranks configurations as branin does, or the other way round, on another level."""
    sampler = make_sampler("Random", BRANIN, maximize=False, seed=5)
    return ParentJob(finished=search(sampler, lambda trial: sign * branin(trial) + 100, 40), identical=False)


def results(count: int) -> tuple[Floats, Floats]:
    """Random trials of the new job, as points and values."""
    finished = search(make_sampler("Random", BRANIN, maximize=False, seed=8), branin, count)
    configurations = [SPACE.configuration(trial.hyperparameters) for trial in finished]
    points = UnitCube(SPACE.distributions).encode([SPACE.to_optuna(each) for each in configurations if each])
    return points, np.array([trial.objective for trial in finished])


def test_a_parent_that_ranks_otherwise_is_left_out_after_five_results() -> None:
    """Of a parent that agrees and one that contradicts, the first alone stays as soon as five results tell."""
    both = Transfer.of(SPACE, [parent(), parent(-1.0)], maximize=False)
    points, values = results(12)

    early = both.agreeing(points[: RANKED - 1], values[: RANKED - 1])
    late = both.agreeing(points, values)

    assert len(early.parents_features()) == 80
    assert late.parents_features()[:, :-1].tolist() == both.parents_features()[:40, :-2].tolist()
    assert not Transfer.of(SPACE, [parent(-1.0)], maximize=False).agreeing(points, values)


def test_parents_values_come_down_to_the_new_jobs_level() -> None:
    """A parent 100 above the new job is moved onto it, nearly."""
    transfer = Transfer.of(SPACE, [parent()], maximize=False)

    moved = transfer.aligned(*results(12))

    truth = [trial.objective - 100 for trial in parent().finished if trial.objective is not None]
    assert np.abs(np.sort(moved) - np.sort(truth)).max() < 5


def test_a_near_parent_saves_trials_and_a_wrong_one_does_not_spoil_the_search() -> None:
    """Medians of five seeds after 15 trials: better with a near parent than cold, near the optimum with a bad one."""

    def regret(*parents: ParentJob) -> float:
        runs = [make_sampler("Bayesian", BRANIN, maximize=False, seed=seed, parents=parents) for seed in range(5)]
        return float(np.median([best(search(run, branin, 15, parallel=3)) - BRANIN_OPTIMUM for run in runs]))

    assert regret(parent()) < regret()
    assert regret(parent(-1.0)) < 3


def test_a_child_reaches_the_cold_result_in_fewer_trials() -> None:
    """Branin on another level after 20 trials of branin: the median of seven seeds halves the trials at the least."""

    def trials_to(level: float, *parents: ParentJob, seed: int) -> int:
        found = search(make_sampler("Bayesian", BRANIN, maximize=False, seed=seed, parents=parents), branin, 20)
        reached = [trial.objective is not None and trial.objective <= level for trial in found]
        return reached.index(True) + 1 if any(reached) else 21

    cold, warm = [], []
    for seed in range(7):
        alone = search(make_sampler("Bayesian", BRANIN, maximize=False, seed=seed), branin, 20)
        old = search(
            make_sampler("Bayesian", BRANIN, maximize=False, seed=100 + seed), lambda trial: branin(trial) + 100, 20
        )
        level = max(best(alone), best(old) - 100)
        cold.append(trials_to(level, seed=seed))
        warm.append(trials_to(level, ParentJob(finished=old, identical=False), seed=seed))
    assert np.median(warm) <= np.median(cold) / 2
