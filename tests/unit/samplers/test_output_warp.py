from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from components.amt.samplers.output_warp import robustly_scaled, warped, yeo_johnson, yeo_johnson_log_likelihood


@pytest.mark.parametrize("power", [-2.0, -0.5, 0.0, 1e-12, 1.0, 1.7, 2.0])
def test_transform_and_likelihood_are_yeo_and_johnsons(power: float) -> None:
    """Both agree with scipy's at every power, the two limits included."""
    values = np.random.default_rng(0).standard_normal(50) * 3

    assert yeo_johnson(values, power) == pytest.approx(stats.yeojohnson(values, power), rel=1e-9)
    assert yeo_johnson_log_likelihood(values, power) == pytest.approx(stats.yeojohnson_llf(power, values), rel=1e-9)


def test_skewed_values_come_out_symmetric() -> None:
    """A log-normal objective loses its skew, and has mean 0 and variance 1."""
    out = warped(np.random.default_rng(1).lognormal(0, 1, 200))

    assert abs(stats.skew(out)) < 0.3
    assert out.mean() == pytest.approx(0, abs=1e-12)
    assert out.std() == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_rank_is_kept_at_any_size(scale: float) -> None:
    """Values from denormal to nearly infinite keep their order, and stay finite."""
    values = np.random.default_rng(2).standard_normal(40) * scale

    out = warped(values)

    assert np.isfinite(out).all()
    assert np.argsort(out).tolist() == np.argsort(values).tolist()


def test_the_largest_floats_of_both_signs_are_finite() -> None:
    """Differences that overflow do not spoil the rest."""
    assert np.isfinite(warped(np.array([-1.7e308, 1.7e308, 0.0, 1.0]))).all()


def test_an_outlier_leaves_the_others_apart() -> None:
    """One value of 1e6 among values near 1 does not press the others together."""
    values = np.append(np.random.default_rng(3).standard_normal(30), 1e6)

    assert np.ptp(warped(values)[:-1]) > 1
    assert np.quantile(robustly_scaled(values), 0.75) - np.quantile(robustly_scaled(values), 0.25) == pytest.approx(1)


@pytest.mark.parametrize("values", [[2.5, 2.5, 2.5], [1e308] * 5, [0.0] * 4])
def test_equal_values_give_zeros(values: list[float]) -> None:
    """A constant objective says nothing."""
    assert warped(np.array(values)).tolist() == [0.0] * len(values)


def test_mostly_equal_values_keep_the_rest_apart() -> None:
    """When half of the values are the same, as accuracies are, the others keep their order."""
    out = warped(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 2.0]))

    assert out[5] < out[0] < out[6]
