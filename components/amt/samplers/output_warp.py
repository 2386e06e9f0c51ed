"""Objective values made fit for a Gaussian process: scaled without regard to outliers, made symmetric, standardised."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from components.amt.samplers.unit_cube import Floats

POWERS: Final = (-2.0, 2.0)
LARGEST: Final = 1e30
NEARLY_ZERO: Final = 1e-9


def warped(values: Floats) -> Floats:
    """Transform finite values of any size by the most likely Yeo-Johnson power, to mean 0 and variance 1.

    Rank and direction stay. Equal values give zeros.
    """
    scaled = robustly_scaled(values)
    fit = minimize_scalar(
        lambda power: -yeo_johnson_log_likelihood(scaled, power),
        bounds=POWERS,
        method="bounded",
        options={"xatol": 1e-2},
    )
    symmetric = yeo_johnson(scaled, float(fit.x))
    std = symmetric.std()
    return (symmetric - symmetric.mean()) / std if std > 0 else np.zeros_like(values)


def robustly_scaled(values: Floats) -> Floats:
    """Put the median at 0 and make the interquartile range 1; an outlier of 1e6 then moves nothing but itself."""
    centred = values / 4 - np.median(values / 4)  # a quarter: differences of the largest floats stay finite
    low, high = np.quantile(centred, (0.25, 0.75))
    scale = (high - low) or np.abs(centred).max() or 1.0
    with np.errstate(over="ignore"):  # infinite is cut down as well
        return np.clip(centred / scale, -LARGEST, LARGEST)


def yeo_johnson(values: Floats, power: float) -> Floats:
    """Transform values; Yeo & Johnson 2000, "A New Family of Power Transformations", equation 2.1."""
    up = values >= 0
    out = np.empty_like(values)
    out[up] = _box_cox(values[up], power)
    out[~up] = -_box_cox(-values[~up], 2 - power)
    return out


def yeo_johnson_log_likelihood(values: Floats, power: float) -> float:
    """Log likelihood of a power with mean and variance at their best (equation 3.1 there), up to a constant."""
    variance = yeo_johnson(values, power).var()
    if not variance > 0:
        return 0.0
    jacobian = (power - 1) * np.sum(np.sign(values) * np.log1p(np.abs(values)))
    return float(jacobian - 0.5 * len(values) * np.log(variance))


def _box_cox(values: Floats, power: float) -> Floats:
    """Compute ((1 + x)**power - 1) / power, and its limit log(1 + x) at power 0."""
    logarithm = np.log1p(values)
    return logarithm if abs(power) < NEARLY_ZERO else np.expm1(power * logarithm) / power
