from __future__ import annotations

import numpy as np
import pytest

from components.amt.samplers.output_warp import standardised


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_rank_is_kept_at_any_size(scale: float) -> None:
    """Values from denormal to nearly infinite keep their order, stay finite, and have mean 0 and variance 1."""
    values = np.random.default_rng(2).standard_normal(40) * scale

    out = standardised(values)

    assert out.mean() == pytest.approx(0, abs=1e-12)
    assert out.std() == pytest.approx(1)
    assert np.argsort(out).tolist() == np.argsort(values).tolist()


def test_the_largest_floats_of_both_signs_are_finite() -> None:
    """Differences that overflow do not spoil the rest."""
    assert np.isfinite(standardised(np.array([-1.7e308, 1.7e308, 0.0, 1.0]))).all()


def test_a_diverged_training_leaves_the_others_apart() -> None:
    """One value of 1e6 among values near 1 counts as bad and does not press the others together."""
    values = np.append(np.random.default_rng(3).standard_normal(30), 1e6)

    out = standardised(values)

    assert np.ptp(out[:-1]) > 1
    assert out.argmax() == 30


def test_a_far_better_value_stays_far_better() -> None:
    """What is good is not cut down: a value ten interquartile ranges below the rest lies that far below."""
    values = np.append(np.linspace(0, 2, 21), -10.0)

    out = standardised(values)

    assert out[:-1].min() - out[-1] == pytest.approx(10 / 2 * np.ptp(out[:-1]), rel=1e-9)


@pytest.mark.parametrize("values", [[2.5, 2.5, 2.5], [1e308] * 5, [0.0] * 4])
def test_equal_values_give_zeros(values: list[float]) -> None:
    """A constant objective says nothing."""
    assert standardised(np.array(values)).tolist() == [0.0] * len(values)


def test_mostly_equal_values_keep_the_rest_apart() -> None:
    """When half of the values are the same, as accuracies are, the others keep their order."""
    out = standardised(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 2.0]))

    assert out[5] < out[0] < out[6]
