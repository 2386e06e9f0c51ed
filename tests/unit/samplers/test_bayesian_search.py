from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest

from components.amt.samplers import Finished, make_sampler
from components.amt.samplers.bayesian import GaussianProcessSampler
from tests.unit.samplers.search_loop import (
    BRANIN,
    BRANIN_OPTIMUM,
    HARTMANN6,
    HARTMANN6_OPTIMUM,
    MIXED7,
    MIXED7_OPTIMUM,
    Objective,
    best,
    branin,
    continuous,
    hartmann6,
    mixed7,
    search,
)

SEEDS = range(4)
LINE = {"ContinuousParameterRanges": [continuous("x", 0.0, 1.0)]}


def mean_regret(strategy: str, ranges: Mapping[str, Any], objective: Objective, optimum: float, trials: int) -> float:
    """Average over seeds the distance to the optimum after some trials, three at a time."""
    runs = [
        search(make_sampler(strategy, ranges, maximize=False, seed=seed), objective, trials, parallel=3, seed=seed)
        for seed in SEEDS
    ]
    return float(np.mean([best(run) - optimum for run in runs]))


@pytest.mark.parametrize(
    ("ranges", "objective", "optimum", "trials", "allowed"),
    [
        pytest.param(BRANIN, branin, BRANIN_OPTIMUM, 40, 0.03, id="branin"),
        pytest.param(HARTMANN6, hartmann6, HARTMANN6_OPTIMUM, 50, 0.1, id="hartmann6"),
        pytest.param(MIXED7, mixed7, MIXED7_OPTIMUM, 50, 0.12, id="mixed7"),
    ],
)
def test_known_optima_are_found_where_random_search_does_not_come_near(
    ranges: Mapping[str, Any], objective: Objective, optimum: float, trials: int, allowed: float
) -> None:
    """Mean regret over four seeds, three parallel jobs, is small, and less than a third of Random's."""
    regret = mean_regret("Bayesian", ranges, objective, optimum, trials)

    assert regret < allowed
    assert regret < mean_regret("Random", ranges, objective, optimum, trials) / 3


def test_maximising_is_minimising_upside_down() -> None:
    """The same search comes out when the objective is negated and maximised."""
    down = search(make_sampler("Bayesian", BRANIN, maximize=False, seed=1), branin, 15)
    up = search(make_sampler("Bayesian", BRANIN, maximize=True, seed=1), lambda trial: -branin(trial), 15)

    assert [trial.hyperparameters for trial in down] == [trial.hyperparameters for trial in up]


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(lambda _: 0.5, id="constant"),
        pytest.param(lambda trial: 1e6 if float(trial["x"]) > 0.9 else branin(trial), id="outlier"),
        pytest.param(lambda trial: 1e300 * branin(trial), id="huge"),
        pytest.param(lambda trial: 1e-300 * branin(trial), id="tiny"),
        pytest.param(lambda trial: (-1) ** int(float(trial["x"]) * 7) * 1.7e308, id="largest floats"),
        pytest.param(lambda trial: round(branin(trial) / 100), id="steps"),
        pytest.param(lambda trial: None if float(trial["x"]) < 5 else branin(trial), id="mostly failing"),
    ],
)
def test_hard_objectives_neither_stop_nor_narrow_the_search(objective: Objective) -> None:
    """Thirty different trials, over at least half of each range, whatever the objective does."""
    finished = search(make_sampler("Bayesian", BRANIN, maximize=False, seed=0), objective, 30, parallel=3)

    points = np.array([[float(trial.hyperparameters["x"]), float(trial.hyperparameters["y"])] for trial in finished])
    assert len(np.unique(points, axis=0)) == 30
    assert (np.ptp(points, axis=0) > 7.5).all()


def test_an_outlier_does_not_spoil_the_search() -> None:
    """With a result of 1e6 among the first trials the optimum is still found."""
    sampler = make_sampler("Bayesian", BRANIN, maximize=False, seed=0)
    start = search(sampler, branin, 8)
    finished = [Finished(hyperparameters={"x": "9.5", "y": "14.5"}, objective=1e6), *start]
    for number in range(10, 41):
        trial = sampler.propose(finished=finished, running=[], number=number)
        assert trial is not None
        finished.append(Finished(hyperparameters=trial, objective=branin(trial)))

    assert best(finished) - BRANIN_OPTIMUM < 0.2


def test_one_dimension_is_searched_finely() -> None:
    """On a line the minimum is met to a hundredth within 15 trials."""
    finished = search(make_sampler("Bayesian", LINE, maximize=False, seed=0), lambda t: abs(float(t["x"]) - 0.321), 15)

    assert best(finished) < 0.01


def test_trials_differ_by_more_than_rounding() -> None:
    """On a flat objective no trial repeats another to a hundredth of the range: it would teach nothing."""
    finished = search(make_sampler("Bayesian", LINE, maximize=False, seed=0), lambda _: 0.0, 40, parallel=3)

    values = np.sort([float(trial.hyperparameters["x"]) for trial in finished])
    assert np.diff(values).min() >= 0.01


def test_running_trials_push_the_next_one_away() -> None:
    """Ten proposals made from one history, each seeing the earlier ones running, do not crowd together."""
    sampler = make_sampler("Bayesian", BRANIN, maximize=False, seed=3)
    finished = search(sampler, branin, 12)
    running: list[dict[str, str]] = []
    for number in range(13, 23):
        trial = sampler.propose(finished=finished, running=running, number=number)
        assert trial is not None
        running.append(trial)

    points = np.array([[float(trial["x"]), float(trial["y"])] for trial in running]) / 15
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)[np.triu_indices(10, 1)]
    assert distances.min() > 0.01
    assert np.median(distances) > 0.1


def test_nothing_but_running_trials_is_a_start_too() -> None:
    """A hundred parallel jobs before any result get a hundred different configurations."""
    sampler = make_sampler("Bayesian", MIXED7, maximize=False, seed=0)
    running: list[dict[str, str]] = []
    for number in range(1, 101):
        trial = sampler.propose(finished=[], running=running, number=number)
        assert trial is not None
        running.append(trial)

    assert len({tuple(trial.values()) for trial in running}) == 100


def test_categories_are_learned() -> None:
    """In a space of categories only, the best of 64 combinations is found in 25 trials."""
    values = ["a", "b", "c", "d"]
    ranges = {"CategoricalParameterRanges": [{"Name": name, "Values": values} for name in ("x", "y", "z")]}

    def objective(trial: Mapping[str, str]) -> float:
        return sum(abs(values.index(trial[name]) - best_at) for best_at, name in ((2, "x"), (1, "y"), (3, "z")))

    for seed in SEEDS:
        finished = search(make_sampler("Bayesian", ranges, maximize=False, seed=seed), objective, 25)
        assert best(finished) == 0.0, seed


def test_many_trials_are_searched_among_too() -> None:
    """With 600 finished trials, more than hyperparameters are fitted on, the proposal is near the best of them."""
    rng = np.random.default_rng(0)
    finished = []
    for x, y in zip(rng.uniform(-5, 10, 600), rng.uniform(0, 15, 600), strict=True):
        trial = {"x": repr(float(x)), "y": repr(float(y))}
        finished.append(Finished(hyperparameters=trial, objective=branin(trial)))

    proposed = make_sampler("Bayesian", BRANIN, maximize=False, seed=0).propose(
        finished=finished, running=[], number=601
    )

    assert proposed is not None
    assert branin(proposed) < best(finished)


def test_it_is_an_optuna_sampler_like_any_other() -> None:
    """A plain study uses it; pruned and failed trials are tolerated, steps are kept."""
    space = {
        "x": optuna.distributions.FloatDistribution(0.0, 1.0, step=0.125),
        "n": optuna.distributions.IntDistribution(2, 64, log=True),
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=GaussianProcessSampler(space, seed=0), direction="maximize")
    try:
        for number in range(25):
            trial = study.ask(space)
            state = {5: optuna.trial.TrialState.PRUNED, 9: optuna.trial.TrialState.FAIL}.get(number)
            value = -abs(trial.params["x"] - 0.375) - abs(trial.params["n"] - 20) / 20
            study.tell(trial, None if state else value, state)
    finally:
        optuna.logging.set_verbosity(optuna.logging.INFO)

    assert study.best_params["x"] == 0.375
    assert abs(study.best_params["n"] - 20) <= 2
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 25
