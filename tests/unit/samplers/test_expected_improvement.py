from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from components.amt.samplers.expected_improvement import log_expected_improvement, log_h


def reference(z: float) -> float:
    """Integrate phi(z) * integral of s exp(s z - s**2 / 2) over s > 0, the definition after completing the square."""
    scale = 1 / max(1.0, -z)
    integral, _ = quad(
        lambda s: s * math.exp(s * z - s * s / 2), 0, 60 * scale + max(0.0, 2 * z), epsrel=1e-12, limit=200
    )
    return -z * z / 2 - 0.5 * math.log(2 * math.pi) + math.log(integral)


@pytest.mark.parametrize("z", [5.0, 1.0, 0.0, -0.5, -0.999, -1.001, -3.0, -10.0, -38.0, -300.0, -3e4])
def test_log_h_is_the_integral(z: float) -> None:
    """All digits agree with numerical integration, also where phi(z) is 0 in floating point."""
    assert log_h(np.array([z]))[0] == pytest.approx(reference(z), rel=1e-9)


@pytest.mark.parametrize("seam", [-1.0, -1e5])
def test_the_branches_meet(seam: float) -> None:
    """No jump where one formula takes over from another."""
    below, above = log_h(np.array([seam * (1 + 1e-12), seam * (1 - 1e-12)]))

    assert below == pytest.approx(above, rel=1e-10)


def test_log_h_grows_all_the_way() -> None:
    """From 1e100 standard deviations below the incumbent upwards it is finite and strictly increasing."""
    values = log_h(np.concatenate((-np.logspace(100, -3, 400), np.logspace(-3, 2, 100))))

    assert np.isfinite(values).all()
    assert (np.diff(values) > 0).all()


def test_expected_improvement_is_the_mean_improvement() -> None:
    """It agrees with averaging max(incumbent - f, 0) over draws of f."""
    mean, std, incumbent = np.array([0.3, -1.0]), np.array([0.5, 2.0]), 0.1
    draws = mean + std * np.random.default_rng(0).standard_normal((400_000, 2))

    simulated = np.maximum(incumbent - draws, 0).mean(axis=0)

    assert np.exp(log_expected_improvement(mean, std, incumbent)) == pytest.approx(simulated, rel=0.01)
