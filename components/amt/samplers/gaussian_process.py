"""A zero-mean Gaussian process with Matern-5/2 ARD kernel: what it expects elsewhere, and how sure it is.

Equation numbers are those of Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from components.amt.samplers.unit_cube import Floats, Indices

SQRT_5: Final = math.sqrt(5)
SMALLEST_VARIANCE: Final = 1e-12
BLOCK: Final = 64


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """Of the kernel and the noise.

    Attributes:
        lengths: Length scale per coordinate of the cube, shape (dimension,); a category's one-hot columns share theirs.
        signal: Variance of the objective over the space; targets are standardised, so about 1.
        noise: Variance of the noise on a target.
    """

    lengths: Floats
    signal: float
    noise: float


class Posterior:
    """The process given observations; Algorithm 2.1, the Cholesky factor computed once.

    Args:
        features: Columns of `UnitCube.features` at the observations, shape (n, features).
        targets: Standardised objective values, shape (n,).
        hyperparameters: Their noise keeps the kernel matrix positive definite, also when points repeat.
        groups: For each feature column the coordinate whose length scale it takes, shape (features,).
    """

    def __init__(self, features: Floats, targets: Floats, hyperparameters: Hyperparameters, groups: Indices) -> None:
        self._signal = hyperparameters.signal
        self._noise = hyperparameters.noise
        self._weights = 1 / hyperparameters.lengths[groups]
        self._points = features * self._weights
        covariance = matern_5_2(self._points, self._points, self._signal)
        covariance[np.diag_indices_from(covariance)] = self._signal + self._noise
        self._factor = np.linalg.cholesky(covariance)
        self._alpha = cho_solve((self._factor, True), targets, check_finite=False)

    def mean(self, features: Floats) -> Floats:
        """Expected values, equation 2.25; shape (m, features) to (m,)."""
        expected: Floats = self._alpha @ matern_5_2(
            self._points[: len(self._alpha)], features * self._weights, self._signal
        )
        return expected

    def predict(self, features: Floats) -> tuple[Floats, Floats]:
        """Expected values and their standard deviations without noise, equations 2.25 and 2.26; shape (m,) each."""
        covariance = matern_5_2(self._points, features * self._weights, self._signal)
        mean = self._alpha @ covariance[: len(self._alpha)]
        explained = solve_triangular(self._factor, covariance, lower=True, overwrite_b=True, check_finite=False)
        variance = self._signal - np.einsum("nm,nm->m", explained, explained)
        return mean, np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))

    def believing(self, features: Floats) -> Posterior:
        """The same process after it has seen its own mean at more points: kriging believers (Ginsbourger et al. 2010).

        Seeing what was expected changes no expectation, only the variance: the weights alpha of the new points are 0,
        and the Cholesky factor grows by a block row.
        """
        if not len(features):
            return self
        grown = object.__new__(Posterior)
        grown._signal, grown._noise, grown._weights, grown._alpha = (
            self._signal,
            self._noise,
            self._weights,
            self._alpha,
        )
        added = features * self._weights
        grown._points = np.concatenate((self._points, added))
        cross = solve_triangular(
            self._factor, matern_5_2(self._points, added, self._signal), lower=True, check_finite=False
        )
        corner = matern_5_2(added, added, self._signal) - cross.T @ cross
        corner[np.diag_indices_from(corner)] += self._noise
        old, new = len(self._points), len(added)
        grown._factor = np.zeros((old + new, old + new))
        grown._factor[:old, :old] = self._factor
        grown._factor[old:, :old] = cross.T
        grown._factor[old:, old:] = np.linalg.cholesky(corner)
        return grown


def matern_5_2(left: Floats, right: Floats, signal: float) -> Floats:
    """Covariances s (1 + r + r**2 / 3) exp(-r), r = sqrt(5) distance, equation 4.17; shapes (n, f), (m, f) to (n, m).

    Points come divided by their length scales. At 750 trials the matrix has a million entries, so it is filled in place
    and in blocks of rows that stay in the cache: 5 ms instead of 14.
    """
    covariance = np.empty((len(left), len(right)))
    left_norms = 5 * np.einsum("nf,nf->n", left, left)[:, None]
    right_norms = 5 * np.einsum("mf,mf->m", right, right)
    for start in range(0, len(left), BLOCK):
        rows = slice(start, start + BLOCK)
        squared = np.matmul(-10 * left[rows], right.T, out=covariance[rows])
        squared += left_norms[rows]
        squared += right_norms
        np.maximum(squared, 0, out=squared)
        r = np.sqrt(squared)
        squared *= 1 / 3
        squared += r
        squared += 1
        np.negative(r, out=r)
        squared *= np.exp(r, out=r)
        squared *= signal
    return covariance
