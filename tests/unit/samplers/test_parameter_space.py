from __future__ import annotations

import math

import numpy as np
import pytest

from components.amt.samplers import combinations
from components.amt.samplers.parameter import Continuous, Integer, resolved_scaling, whole_number
from components.amt.samplers.parameter_space import ParameterSpace
from tests.unit.samplers.search_loop import continuous


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.001, 0.1, "Logarithmic"),
        (0.01, 0.5, "Linear"),
        (0.0, 1e6, "Linear"),
        (-1.0, 1e6, "Linear"),
        (1, 100, "Logarithmic"),
    ],
)
def test_auto_is_logarithmic_from_two_orders_of_magnitude_above_zero(low: float, high: float, expected: str) -> None:
    """Auto means a logarithmic scale when 0 < low and high / low >= 100, else a linear one."""
    assert expected == resolved_scaling("Auto", low, high)
    assert resolved_scaling("Linear", low, high) == "Linear"


def test_a_missing_scaling_type_is_auto() -> None:
    """A range without ScalingType is read as Auto, AMT's default."""
    space = ParameterSpace.of(
        {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "1e-4", "MaxValue": "0.1"}]},
    )

    (rate,) = space.parameters
    assert isinstance(rate, Continuous)
    assert rate.scaling == "Logarithmic"


def test_floats_are_written_in_the_shortest_form_that_reads_back() -> None:
    """Continuous values are rendered as Python's repr, as AMT's responses show them."""
    rate = Continuous(name="rate", low=1e-9, high=1.0, scaling="Logarithmic")

    assert rate.text(1.3494417573713629e-08) == "1.3494417573713629e-08"
    assert rate.text(0.1) == "0.1"


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
def test_a_value_never_leaves_its_range(scaling: str) -> None:
    """Rounding at the ends of a scaled range is cut back to Min and Max."""
    parameter = Continuous(name="x", low=0.1, high=0.7, scaling=scaling)

    for end in (parameter.distribution.low, parameter.distribution.high):
        for value in (end, np.nextafter(end, -9), np.nextafter(end, 9)):
            assert 0.1 <= float(parameter.text(float(value))) <= 0.7


def test_reverse_logarithmic_strings_survive_the_way_through_optuna() -> None:
    """A written reverse-logarithmic value read, turned into Optuna's and written again is the same string."""
    momentum = Continuous(name="momentum", low=0.0, high=0.9999, scaling="ReverseLogarithmic")
    rng = np.random.default_rng(0)

    for value in np.exp(rng.uniform(math.log(1e-4), 0.0, 500)):
        text = momentum.text(float(value))
        assert text == momentum.text(momentum.to_optuna(momentum.parse(text)))


def test_reverse_logarithmic_draws_are_dense_near_one() -> None:
    """On a reverse-logarithmic scale half of [0, 0.9999] in Optuna's terms lies above 0.99."""
    momentum = Continuous(name="momentum", low=0.0, high=0.9999, scaling="ReverseLogarithmic")

    middle = math.sqrt(momentum.distribution.low * momentum.distribution.high)
    assert float(momentum.text(middle)) == pytest.approx(0.99)


def test_integers_are_exact_beyond_the_floats() -> None:
    """Bounds of many digits are read and written without rounding."""
    big = 10**60 + 1
    parameter = Integer(name="n", low=-big, high=big, scaling="Linear")

    assert parameter.parse(str(big)) == big
    assert parameter.text(2e60) == str(big)


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("7.0", 7), ("7e2", 700), ("-3", -3)])
def test_whole_numbers_are_read_in_every_spelling(text: str, number: int) -> None:
    """AMT's integer bounds are strings; 7, 7.0 and 7e2 are whole."""
    assert number == whole_number(text)


@pytest.mark.parametrize("text", ["7.5", "seven", "inf", "1e999", ""])
def test_what_is_not_whole_is_refused(text: str) -> None:
    """A bound that is not a whole number is a ValueError."""
    with pytest.raises((ValueError, OverflowError)):
        whole_number(text)


def test_combinations_multiply_and_a_continuous_range_makes_them_infinite() -> None:
    """The size of a space is the product of its ranges."""
    finite = {
        "IntegerParameterRanges": [continuous("n", 1, 10)],
        "CategoricalParameterRanges": [{"Name": "c", "Values": ["a", "b", "c"]}],
    }

    assert combinations(finite) == 30.0
    assert combinations({**finite, "ContinuousParameterRanges": [continuous("x", 0.0, 1.0)]}) == math.inf
    assert len(list(ParameterSpace.of(finite).every_configuration())) == 30


def test_a_trial_of_another_space_has_no_configuration() -> None:
    """Missing, foreign or out-of-range values mean that a trial is not of this space."""
    space = ParameterSpace.of({"IntegerParameterRanges": [continuous("n", 1, 10)]})

    assert space.configuration({"n": "3", "static": "x"}) == (3,)
    assert space.configuration({"n": "11"}) is None
    assert space.configuration({"n": "three"}) is None
    assert space.configuration({"m": "3"}) is None


def test_the_order_in_the_request_changes_nothing() -> None:
    """Spaces of the same ranges in another order are equal."""
    x, y = continuous("x", 0.0, 1.0), continuous("y", 0.0, 1.0)

    assert ParameterSpace.of({"ContinuousParameterRanges": [x, y]}) == ParameterSpace.of(
        {"ContinuousParameterRanges": [y, x]}
    )
