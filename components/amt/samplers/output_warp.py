"""Objective values made fit for a Gaussian process: robustly scaled, made symmetric, standardised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

Floats = npt.NDArray[np.float64]

_LAMBDA_RANGE = (-2.0, 2.0)


def warped(values: Floats) -> Floats:
    """Yeo-Johnson transform of robustly scaled values, standardised."""
    scaled = robust_scale(values)
    if not scaled.any():
        return scaled
    fit = minimize_scalar(
        lambda power: -yeo_johnson_log_likelihood(scaled, power),
        bounds=_LAMBDA_RANGE,
        method="bounded",
        options={"xatol": 1e-2},
    )
    return standardise(yeo_johnson(scaled, float(fit.x)))


def robust_scale(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        centred = values / 4 - np.median(values) / 4
    low, high = np.quantile(centred, (0.25, 0.75))
    scale = high - low or np.abs(centred).max() or 1.0
    return np.clip(centred / scale, -1e100, 1e100)


def standardise(values: Floats) -> Floats:
    std = values.std()
    return (values - values.mean()) / std if std > 0 else np.zeros_like(values)


def yeo_johnson(values: Floats, power: float) -> Floats:
    """Yeo & Johnson 2000, equation 2.1."""
    up = values >= 0
    out = np.empty_like(values)
    out[up] = np.log1p(values[up]) if abs(power) < 1e-9 else np.expm1(power * np.log1p(values[up])) / power
    rest = 2 - power
    out[~up] = -np.log1p(-values[~up]) if abs(rest) < 1e-9 else -np.expm1(rest * np.log1p(-values[~up])) / rest
    return out


def yeo_johnson_log_likelihood(values: Floats, power: float) -> float:
    """Profile log likelihood of the power (Yeo & Johnson 2000, equation 3.1), up to a constant."""
    variance = yeo_johnson(values, power).var()
    if not 0 < variance < np.inf:
        return -np.inf
    jacobian = (power - 1) * float(np.sum(np.sign(values) * np.log1p(np.abs(values))))
    return -0.5 * len(values) * float(np.log(variance)) + jacobian
