"""Hyperparameters of the Gaussian process at the maximum of their posterior.

Equation numbers are those of Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning".
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize

from components.amt.samplers.gaussian_process import SQRT_5, Hyperparameters
from components.amt.samplers.unit_cube import Floats, Indices

# Log-normal priors: mean and standard deviation of the logarithm. Signal and noise are variances, targets have 1.
LENGTH_PRIOR: Final = (0.0, 1.0)
SIGNAL_PRIOR: Final = (0.0, 1.0)
NOISE_PRIOR: Final = (math.log(1e-2), 1.5)

LENGTH_BOUNDS: Final = (math.log(1e-2), math.log(30))
SIGNAL_BOUNDS: Final = (math.log(1e-2), math.log(1e2))
NOISE_BOUNDS: Final = (math.log(1e-6), math.log(10))

# one start is enough: of 240 fits over five tasks, 10 to 150 trials, seven starts found a better optimum for one in 40
START: Final = (math.log(0.5), 0.0, math.log(1e-2))


def most_probable_hyperparameters(features: Floats, targets: Floats, groups: Indices) -> Hyperparameters:
    """Maximise the marginal likelihood times the priors by L-BFGS, from one start.

    Args:
        features: Columns of `UnitCube.features`, shape (n, features).
        targets: Standardised objective values, shape (n,).
        groups: For each feature column the coordinate it comes from, shape (features,); all coordinates occur.
    """
    loss = NegativeLogPosterior(features, targets, groups)
    dimension = int(groups[-1]) + 1
    start = np.array([START[0]] * dimension + [*START[1:]])
    bounds = [LENGTH_BOUNDS] * dimension + [SIGNAL_BOUNDS, NOISE_BOUNDS]
    options = {"maxiter": 50, "ftol": 1e-6, "gtol": 1e-3}
    theta = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return Hyperparameters(lengths=np.exp(theta[:-2]), signal=math.exp(theta[-2]), noise=math.exp(theta[-1]))


class NegativeLogPosterior:
    """Minus the logarithm of marginal likelihood times prior, up to a constant, and its gradient.

    Works on the pairs below the diagonal only, whose squared differences per coordinate are computed once.
    """

    def __init__(self, features: Floats, targets: Floats, groups: Indices) -> None:
        self._targets = targets
        self._pairs = np.tril_indices(len(targets), -1)
        later, earlier = self._pairs
        dimension = int(groups[-1]) + 1
        self._squared = np.zeros((dimension, len(later)))
        for column, coordinate in zip(features.T, groups, strict=True):
            self._squared[coordinate] += (column[later] - column[earlier]) ** 2
        priors = np.array([LENGTH_PRIOR] * dimension + [SIGNAL_PRIOR, NOISE_PRIOR])
        self._prior_mean, self._prior_std = priors.T

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Evaluate at theta: the logarithms of length scales, signal and noise, shape (dimension + 2,)."""
        n = len(self._targets)
        precisions = np.exp(-2 * theta[:-2])
        signal, noise = np.exp(theta[-2:])
        r = SQRT_5 * np.sqrt(precisions @ self._squared)
        decay = np.exp(-r)
        kernel = signal * decay * (1 + r + r * r / 3)  # equation 4.17
        covariance = np.zeros((n, n), order="F")
        covariance[self._pairs] = kernel
        covariance[np.diag_indices(n)] = signal + noise
        factor, _ = lapack.dpotrf(covariance, lower=1, overwrite_a=1)  # the noise bound keeps it positive definite
        alpha, _ = lapack.dpotrs(factor, self._targets, lower=1)
        log_determinant_half = np.log(factor.diagonal()).sum()
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)

        # equation 5.9: dL/dtheta = 1/2 tr((alpha alpha' - K^-1) dK/dtheta); a pair below the diagonal counts twice
        later, earlier = self._pairs
        sensitivity = inverse[self._pairs] - alpha[later] * alpha[earlier]
        trace = inverse.trace() - alpha @ alpha
        gradient = np.empty_like(theta)
        # dK/dlog(length) = s 5/3 (1 + r) exp(-r) squared / length**2
        gradient[:-2] = precisions * (self._squared @ (sensitivity * (5 / 3 * signal) * (1 + r) * decay))
        gradient[-2] = sensitivity @ kernel + 0.5 * signal * trace
        gradient[-1] = 0.5 * noise * trace

        z = (theta - self._prior_mean) / self._prior_std
        loss = 0.5 * self._targets @ alpha + log_determinant_half + 0.5 * z @ z  # equation 2.30
        return float(loss), gradient + z / self._prior_std
