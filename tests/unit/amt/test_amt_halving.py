from __future__ import annotations

import math

import pytest

from components.amt.halving import Halving, resources_of


def test_rungs_are_powers_of_three_of_the_least_resource() -> None:
    """MinResource, three times it, and so on, below MaxResource."""
    assert Halving(min_resource=1, max_resource=27, maximize=True).rungs == (1, 3, 9)
    assert Halving(min_resource=5, max_resource=50, maximize=True).rungs == (5, 15, 45)
    assert Halving(min_resource=7, max_resource=7, maximize=True).rungs == ()


def test_the_first_to_come_go_on_and_then_the_best_third() -> None:
    """Two values say nothing; of three or more the best third goes on."""
    halving = Halving(min_resource=1, max_resource=9, maximize=True)
    assert not halving.observe("a", [0.5])
    assert not halving.observe("b", [0.4])
    assert halving.observe("c", [0.3])
    assert not halving.observe("d", [0.9])
    assert halving.observe("e", [0.6])
    assert not halving.observe("f", [0.7])


def test_minimising_keeps_the_smallest() -> None:
    """With Minimize the smaller value is the better one."""
    halving = Halving(min_resource=1, max_resource=9, maximize=False)
    assert [halving.observe(name, [value]) for name, value in (("a", 3.0), ("b", 2.0), ("c", 1.0), ("d", 4.0))] == [
        False,
        False,
        False,
        True,
    ]


def test_a_rung_judges_each_training_job_once() -> None:
    """Whoever passed a rung is not stopped there later, when better ones have come."""
    halving = Halving(min_resource=1, max_resource=9, maximize=True)
    assert not halving.observe("early", [0.1])
    for number in range(6):
        halving.observe(f"better-{number}", [0.5 + number])
    assert not halving.observe("early", [0.1, 0.1])
    assert not halving.observe("early", [0.1, 0.1, 0.1])


def test_all_stop_at_the_most_resource() -> None:
    """The best may emit MaxResource values and end by itself; it is stopped when it goes on beyond them."""
    halving = Halving(min_resource=1, max_resource=4, maximize=True)
    assert not halving.observe("a", [1.0, 1.0, 1.0])
    assert not halving.observe("a", [1.0, 1.0, 1.0, 1.0])
    assert halving.observe("a", [1.0, 1.0, 1.0, 1.0, 1.0])


def test_below_the_least_resource_nothing_stops() -> None:
    """MinResource values are every training job's right."""
    halving = Halving(min_resource=5, max_resource=50, maximize=True)
    for number in range(9):
        assert not halving.observe(f"{number}", [float(-number)] * 4)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_loses(value: float) -> None:
    """A training job at NaN or infinity is stopped at its rung, also as the first."""
    assert Halving(min_resource=1, max_resource=9, maximize=True).observe("a", [value])


def test_several_rungs_at_once_are_all_judged() -> None:
    """Values that come in one batch pass every rung they reach."""
    halving = Halving(min_resource=1, max_resource=27, maximize=True)
    for number in range(3):
        assert not halving.observe(f"{number}", [1.0 + number] * 9)
    assert halving.observe("late", [5.0, 0.0, 0.0])


@pytest.mark.parametrize("name", ["epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs"])
def test_the_most_resource_is_read_from_the_static_hyperparameters(name: str) -> None:
    """AWS's five names are looked for, also as the SDK writes them, in quotes."""
    assert resources_of({}, {name: "30"}) == (1, 30)
    assert resources_of({}, {name: '"30"'}) == (1, 30)
    config = {"StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 3, "MaxResource": 9}}}
    assert resources_of(config, {name: "30"}) == (3, 9)


def test_without_any_the_most_resource_is_not_known() -> None:
    """Neither given nor readable: None."""
    assert resources_of({}, {"epochs": "many", "rounds": "9"}) == (1, None)
