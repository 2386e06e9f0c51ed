from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from components.amt.samplers.gaussian_process import Hyperparameters, Posterior, matern_5_2
from components.amt.samplers.marginal_likelihood import NegativeLogPosterior, most_probable_hyperparameters
from components.amt.samplers.unit_cube import Floats

GROUPS = np.array([0, 1, 1, 1, 2])
THETA = np.log([0.3, 0.8, 1.5, 1.3, 0.02])
HYPERPARAMETERS = Hyperparameters(lengths=np.exp(THETA[:3]), signal=1.3, noise=0.02)


def observations(count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Draw points of two numbers and a category of three, and a smooth noisy objective, standardised."""
    rng = np.random.default_rng(seed)
    category = np.eye(3)[rng.integers(3, size=count)] * math.sqrt(0.5)
    features = np.column_stack((rng.random(count), category, rng.random(count)))
    values = np.sin(5 * features[:, 0]) + category[:, 1] + 0.1 * rng.standard_normal(count)
    return features, (values - values.mean()) / values.std()


def kernel_by_hand(left: Floats, right: Floats) -> Floats:
    """Evaluate equation 4.17 of Rasmussen & Williams pair by pair."""
    lengths = HYPERPARAMETERS.lengths[GROUPS]
    r = np.array([[math.sqrt(5) * np.linalg.norm((a - b) / lengths) for b in right] for a in left])
    covariance: Floats = 1.3 * (1 + r + r**2 / 3) * np.exp(-r)
    return covariance


def test_the_gradient_is_the_one_of_finite_differences() -> None:
    """All derivatives of the negative log posterior agree with numerical ones."""
    features, targets = observations(25)
    loss = NegativeLogPosterior(features, targets, GROUPS)

    for theta in (THETA, THETA + 0.7, THETA - 0.5):
        numerical = approx_fprime(theta, lambda t: loss(t)[0], 1e-6)
        assert loss(theta)[1] == pytest.approx(numerical, rel=1e-4, abs=1e-4)


def test_the_loss_is_the_marginal_likelihood_times_the_priors() -> None:
    """Between two thetas it differs as the dense formula of equation 2.30 plus log-normal priors says."""
    features, targets = observations(12)
    loss = NegativeLogPosterior(features, targets, GROUPS)

    def by_hand(lengths: Floats, signal: float, noise: float) -> float:
        r = np.linalg.norm((features[:, None] - features[None]) / lengths[GROUPS], axis=2) * math.sqrt(5)
        covariance = signal * (1 + r + r**2 / 3) * np.exp(-r) + noise * np.eye(12)
        likelihood = 0.5 * targets @ np.linalg.solve(covariance, targets) + 0.5 * np.linalg.slogdet(covariance)[1]
        prior = 0.5 * np.sum(np.log(lengths) ** 2) + 0.5 * math.log(signal) ** 2
        return float(likelihood + prior + 0.5 * (math.log(noise / 1e-2) / 1.5) ** 2)

    here, there = by_hand(np.exp(THETA[:3]), 1.3, 0.02), by_hand(np.array([1.0, 0.2, 0.4]), 0.7, 0.3)

    other = np.log([1.0, 0.2, 0.4, 0.7, 0.3])
    assert loss(THETA)[0] - loss(other)[0] == pytest.approx(here - there)


def test_mean_and_deviation_are_those_of_the_dense_formulas() -> None:
    """Predictions agree with equations 2.25 and 2.26 written out."""
    features, targets = observations(70)
    new, _ = observations(130, seed=1)
    inverse = np.linalg.inv(kernel_by_hand(features, features) + 0.02 * np.eye(70))
    cross = kernel_by_hand(features, new)

    posterior = Posterior(features, targets, HYPERPARAMETERS, GROUPS)
    mean, std = posterior.predict(new)

    assert mean == pytest.approx(cross.T @ inverse @ targets)
    assert std**2 == pytest.approx(1.3 - np.einsum("nm,nk,km->m", cross, inverse, cross), abs=1e-9)
    assert posterior.mean(new) == pytest.approx(mean)


def test_believers_are_trials_that_got_what_was_expected() -> None:
    """Extending by running trials equals starting again with the posterior mean as their value."""
    features, targets = observations(20)
    running, _ = observations(3, seed=2)
    new, _ = observations(40, seed=3)
    posterior = Posterior(features, targets, HYPERPARAMETERS, GROUPS)

    believed = posterior.believing(running)
    again = Posterior(
        np.concatenate((features, running)),
        np.concatenate((targets, posterior.mean(running))),
        HYPERPARAMETERS,
        GROUPS,
    )

    for ours, expected in zip(believed.predict(new), again.predict(new), strict=True):
        assert ours == pytest.approx(expected)
    assert posterior.believing(running[:0]) is posterior


def test_hyperparameters_tell_what_matters() -> None:
    """A coordinate without influence gets a much longer length scale than the one that drives the objective."""
    features, targets = observations(80)

    fitted = most_probable_hyperparameters(features, targets, GROUPS)

    assert fitted.lengths[2] > 3 * fitted.lengths[0]
    assert 0.001 < fitted.noise < 0.1


@pytest.mark.parametrize("count", [3, 40])
def test_repeated_points_and_a_constant_objective_are_no_obstacle(count: int) -> None:
    """Identical rows with equal or different targets, and all-zero targets, give finite predictions."""
    features = np.tile(observations(9)[0][:1], (count, 1))
    for targets in (np.zeros(count), np.linspace(-1, 1, count)):
        fitted = most_probable_hyperparameters(features, targets, GROUPS)
        mean, std = Posterior(features, targets, fitted, GROUPS).predict(features)
        assert np.isfinite(mean).all()
        assert (std > 0).all()


def test_the_kernel_is_the_same_in_blocks() -> None:
    """More rows than one block holds are filled without a seam."""
    rng = np.random.default_rng(0)
    left, right = rng.random((200, 3)), rng.random((5, 3))
    r = math.sqrt(5) * np.linalg.norm(left[:, None] - right[None], axis=2)

    assert matern_5_2(left, right, 2.0) == pytest.approx(2 * (1 + r + r**2 / 3) * np.exp(-r))
