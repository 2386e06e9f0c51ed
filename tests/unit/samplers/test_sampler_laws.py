from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from components.amt.samplers import STRATEGIES, Finished, combinations, make_sampler
from components.amt.samplers.parameter import whole_number
from tests.unit.samplers.search_loop import MIXED7, continuous, mixed7, search

# Grid takes finite spaces only.
OF_ANY_SPACE = tuple(strategy for strategy in STRATEGIES if strategy != "Grid")
SMALL: dict[str, Any] = {
    "IntegerParameterRanges": [continuous("depth", 1, 4)],
    "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart", "gblinear"]}],
}


def depth_and_booster(trial: dict[str, str] | Any) -> float:
    return int(trial["depth"]) + 3 * (trial["booster"] == "dart")


def random_ranges(rng: np.random.Generator) -> dict[str, Any]:
    """Draw a space of one to six ranges of every kind and scale, some of them hard."""
    ranges: dict[str, list[Any]] = {}
    for index in range(int(rng.integers(1, 7))):
        name = f"p{index}"
        low, width = float(rng.normal() * 10 ** rng.uniform(-6, 6)), float(10 ** rng.uniform(-6, 6))
        positive = 10 ** float(rng.uniform(-9, 3))
        inside = sorted(float(part) for part in rng.random(2))
        first = int(rng.integers(-5, 5))
        kind, entry = [
            ("Continuous", continuous(name, low, low + width)),
            ("Continuous", continuous(name, positive, positive * (1 + width), "Logarithmic")),
            ("Continuous", continuous(name, inside[0], inside[1], "ReverseLogarithmic")),
            ("Continuous", continuous(name, positive, positive * (1 + width), "Auto")),
            ("Integer", continuous(name, first, first + int(rng.integers(1, 2000)))),
            ("Integer", continuous(name, 1, 1 + int(10 ** rng.uniform(0.4, 6)), "Logarithmic")),
            ("Categorical", {"Name": name, "Values": ['"8"', "8", "", "a b", "ü"][: int(rng.integers(1, 6))]}),
        ][int(rng.integers(7))]
        ranges.setdefault(f"{kind}ParameterRanges", []).append(entry)
    return ranges


def check_strings(ranges: dict[str, Any], trial: dict[str, str]) -> None:
    """Check every value against its range and AMT's way of writing it."""
    names = []
    for part in ranges.get("ContinuousParameterRanges", ()):
        value = trial[part["Name"]]
        assert float(part["MinValue"]) <= float(value) <= float(part["MaxValue"])
        assert value == repr(float(value))
        names.append(part["Name"])
    for part in ranges.get("IntegerParameterRanges", ()):
        value = trial[part["Name"]]
        assert whole_number(part["MinValue"]) <= int(value) <= whole_number(part["MaxValue"])
        assert value == str(int(value))
        names.append(part["Name"])
    for part in ranges.get("CategoricalParameterRanges", ()):
        assert trial[part["Name"]] in part["Values"]
        names.append(part["Name"])
    assert sorted(names) == sorted(trial)


@pytest.mark.parametrize("strategy", OF_ANY_SPACE)
def test_values_are_amts_strings_inside_their_ranges_and_never_repeated(strategy: str) -> None:
    """Over random spaces, with failures and three trials running, every proposal is valid, written right and new."""
    for case in range(25):
        rng = np.random.default_rng(case)
        ranges = random_ranges(rng)
        values = iter([None if rng.random() < 0.2 else float(rng.normal()) for _ in range(16)])
        sampler = make_sampler(strategy, ranges, maximize=bool(case % 2), seed=case)

        finished = search(sampler, lambda _trial: next(values), 14, parallel=3)  # noqa: B023  # used up in this round

        assert len(finished) == min(14, combinations(ranges))
        for trial in finished:
            check_strings(ranges, dict(trial.hyperparameters))
        assert len({tuple(sorted(trial.hyperparameters.items())) for trial in finished}) == len(finished)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("parallel", [1, 3])
def test_a_finite_space_is_tried_whole_once_then_there_is_nothing(strategy: str, parallel: int) -> None:
    """Twelve combinations give twelve different trials, failed ones included, and then None."""
    sampler = make_sampler(strategy, SMALL, maximize=False, seed=5)

    def half_fail(trial: Any) -> float | None:
        return None if trial["booster"] == "dart" else depth_and_booster(trial)

    finished = search(sampler, half_fail, 50, parallel=parallel)

    assert combinations(SMALL) == len(finished) == 12
    assert len({tuple(trial.hyperparameters.values()) for trial in finished}) == 12


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_last_combination_left_is_found(strategy: str) -> None:
    """With one of 10,000 combinations left, that one is proposed."""
    ranges = {"IntegerParameterRanges": [continuous("a", 1, 100), continuous("b", 1, 100)]}
    every = [{"a": str(a), "b": str(b)} for a in range(1, 101) for b in range(1, 101)]
    left = every.pop(6543)
    finished = [Finished(hyperparameters=trial, objective=None) for trial in every[200:]]
    finished += [Finished(hyperparameters=trial, objective=float(trial["a"])) for trial in every[:200]]

    sampler = make_sampler(strategy, ranges, maximize=False, seed=0)

    assert left == sampler.propose(finished=finished, running=[], number=10_000)
    assert sampler.propose(finished=finished, running=[left], number=10_001) is None


@pytest.mark.parametrize("strategy", OF_ANY_SPACE)
def test_a_fresh_object_gives_the_same_answer_in_whatever_order_history_comes(strategy: str) -> None:
    """After a crash, a new sampler with the same trials in another order proposes the same."""
    sampler = make_sampler(strategy, MIXED7, maximize=False, seed=11)
    finished = search(sampler, mixed7, 24, parallel=3)
    running = [dict(finished.pop().hyperparameters) for _ in range(3)]

    again = sampler.propose(finished=finished, running=running, number=25)
    shuffled = make_sampler(strategy, MIXED7, maximize=False, seed=11).propose(
        finished=finished[::-1], running=running[::-1], number=25
    )

    assert again == shuffled


@pytest.mark.parametrize("strategy", OF_ANY_SPACE)
def test_the_seed_decides_the_search(strategy: str) -> None:
    """The same seed gives the same search at one parallel job; another seed another; seeds may be of any size."""
    runs = [
        search(make_sampler(strategy, MIXED7, maximize=False, seed=seed), mixed7, 12)
        for seed in (3, 3, 4, 2**31 + 10**30)
    ]

    assert runs[0] == runs[1]
    assert runs[0] != runs[2] != runs[3]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("objective", [None, math.nan, math.inf, -math.inf])
def test_a_trial_without_a_finite_objective_is_not_proposed_again(strategy: str, objective: float | None) -> None:
    """Failed trials and not-a-number results leave the search going, and their configurations are out."""
    sampler = make_sampler(strategy, SMALL, maximize=True, seed=2)
    bad = {"depth": "4", "booster": "dart"}
    finished = [Finished(hyperparameters=bad, objective=objective)]

    for number in range(2, 13):
        proposed = sampler.propose(finished=finished, running=[], number=number)
        assert proposed is not None
        finished.append(Finished(hyperparameters=proposed, objective=depth_and_booster(proposed)))

    assert bad not in [trial.hyperparameters for trial in finished[1:]]
    assert sampler.propose(finished=finished, running=[], number=13) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_trials_of_another_space_do_no_harm(strategy: str) -> None:
    """A parent's trials with other names or values out of range are left out."""
    sampler = make_sampler(strategy, SMALL, maximize=False, seed=1)
    foreign = [{"depth": "99", "booster": "dart"}, {"other": "1"}, {"depth": "2", "booster": "forest"}]
    finished = [Finished(hyperparameters=trial, objective=1.0) for trial in foreign]

    with_foreign = sampler.propose(finished=finished, running=foreign, number=1)

    assert with_foreign == sampler.propose(finished=[], running=[], number=1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_category_and_no_range_at_all_are_spaces_too(strategy: str) -> None:
    """A single value is proposed once; an empty space has one configuration, the empty one."""
    single = {"CategoricalParameterRanges": [{"Name": "c", "Values": ["only"]}]}

    assert search(make_sampler(strategy, single, maximize=False, seed=0), lambda _: 1.0, 5) == [
        Finished(hyperparameters={"c": "only"}, objective=1.0)
    ]
    assert len(search(make_sampler(strategy, {}, maximize=False, seed=0), lambda _: 1.0, 5)) == 1


@pytest.mark.parametrize("strategy", OF_ANY_SPACE)
def test_ranges_wider_than_a_float_difference_work(strategy: str) -> None:
    """Bounds near the largest float, and integers of 200 digits, are searched like any other."""
    ranges = {
        "ContinuousParameterRanges": [continuous("x", -1.7e308, 1.7e308)],
        "IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": str(10**200)}],
    }
    finished = search(make_sampler(strategy, ranges, maximize=False, seed=0), lambda trial: float(trial["x"]), 12)

    assert len(finished) == 12
    for trial in finished:
        check_strings(ranges, dict(trial.hyperparameters))


def test_an_unknown_strategy_is_named() -> None:
    """The message states what may be asked for."""
    with pytest.raises(ValueError, match="strategy must be one of Bayesian, Random, Grid, Hyperband, got Grad"):
        make_sampler("Grad", SMALL, maximize=True, seed=0)


def test_importing_the_package_loads_no_heavy_library() -> None:
    """The command starts fast: optuna, scipy and numpy come with the first sampler."""
    code = "import sys, components.amt.samplers; print(sorted({'numpy', 'optuna', 'scipy'} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_nothing_reaches_stdout_or_stderr() -> None:
    """Optuna's log lines and warnings stay away from the user, and its log level is as it was."""
    code = """
import logging
from components.amt.samplers import Finished, make_sampler
ranges = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]}
for strategy in ("Random", "Bayesian"):
    sampler, finished = make_sampler(strategy, ranges, maximize=True, seed=1), []
    for number in range(1, 10):
        trial = sampler.propose(finished=finished, running=[], number=number)
        finished.append(Finished(hyperparameters=trial, objective=float(trial["x"])))
import optuna
assert optuna.logging.get_verbosity() == logging.INFO
"""
    result = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout + result.stderr == ""
