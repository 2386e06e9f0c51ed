from __future__ import annotations

import math

import pytest

from components.amt.early_stopping import MedianRule


def curve(level: float, length: int = 20) -> list[float]:
    return [level * (1 - 1 / (step + 2)) for step in range(length)]


def rule_of(levels: list[float], *, maximize: bool = True, length: int = 20) -> MedianRule:
    rule = MedianRule(maximize=maximize)
    for level in levels:
        rule.completed(curve(level, length))
    return rule


TEN = [0.1 * number for number in range(1, 11)]


def test_nothing_stops_before_ten_training_jobs_have_completed() -> None:
    """The first ten show what is normal; the eleventh may be stopped."""
    assert not rule_of(TEN[:9]).falls_behind(curve(0.01))
    assert rule_of(TEN).falls_behind(curve(0.01))


def test_a_slow_start_gets_a_quarter_of_the_median_length() -> None:
    """Before 25 % of the completed jobs' median length nothing stops, however bad."""
    rule = rule_of(TEN)
    assert not rule.falls_behind([-9.0] * 4)
    assert rule.falls_behind([-9.0] * 5)


def test_the_present_value_is_held_against_the_median_of_running_averages() -> None:
    """Ten flat curves at 1..10 have the median 5.5 of their averages: 5.4 stops, 5.6 goes on."""
    rule = MedianRule(maximize=True)
    for level in range(1, 11):
        rule.completed([float(level)] * 8)
    assert rule.falls_behind([9.0, 9.0, 5.4])
    assert not rule.falls_behind([1.0, 1.0, 5.6])


def test_an_average_is_over_all_values_up_to_that_one() -> None:
    """What counts of a completed job is the mean of its first t values, not its t-th value."""
    rule = MedianRule(maximize=True)
    for _ in range(10):
        rule.completed([0.0, 0.0, 9.0])
    assert not rule.falls_behind([0.0, 0.0, 3.1])
    assert rule.falls_behind([0.0, 0.0, 2.9])


def test_minimising_turns_the_rule_round() -> None:
    """With Minimize what is larger than the median stops."""
    rule = MedianRule(maximize=False)
    for level in range(1, 11):
        rule.completed([float(level)] * 8)
    assert rule.falls_behind([1.0, 1.0, 5.6])
    assert not rule.falls_behind([9.0, 9.0, 5.4])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_stops_nothing(value: float) -> None:
    """NaN and infinities are neither a reason to stop nor part of the medians."""
    rule = rule_of(TEN)
    assert not rule.falls_behind([*curve(0.01)[:-1], value])
    spoiled = MedianRule(maximize=True)
    for level in range(1, 11):
        spoiled.completed([float(level)] * 8 + [value])
    assert spoiled.falls_behind([5.4] * 8)


def test_a_job_that_prints_once_is_never_stopped_among_longer_ones() -> None:
    """One value is the final one: there is nothing left to save."""
    assert not rule_of(TEN).falls_behind([0.0])


def test_beyond_where_ten_completed_jobs_got_nothing_stops() -> None:
    """At an age that fewer than ten reached there is no median to speak of."""
    rule = rule_of(TEN)
    assert not rule.falls_behind(curve(0.01, length=21))
