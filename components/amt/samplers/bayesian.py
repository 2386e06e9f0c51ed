"""Bayesian search: a Gaussian process of the objective, and the point where it expects most improvement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from components.amt.samplers.acquisition_search import is_among, most_promising
from components.amt.samplers.ask_tell import AskTell
from components.amt.samplers.blas_threads import one_blas_thread
from components.amt.samplers.expected_improvement import log_expected_improvement
from components.amt.samplers.gaussian_process import Posterior
from components.amt.samplers.marginal_likelihood import most_probable_hyperparameters
from components.amt.samplers.output_warp import standardised
from components.amt.samplers.parameter_space import ParameterSpace
from components.amt.samplers.transfer import Transfer
from components.amt.samplers.unit_cube import Floats, Indices, UnitCube, sobol

if TYPE_CHECKING:
    from components.amt.samplers.sampler import ParentJob, Sampler

START: Final = 6
# With parents the model has something to go by as soon as their best have finished.
START_WARM: Final = 3
MODELLED: Final = 3
FITTED: Final = 150
# Beyond it the posterior rests on the best third and a random rest: the cost of a score grows with the square.
OBSERVED: Final = 500
CENTRES: Final = 5


def bayesian_search(
    space: ParameterSpace, *, maximize: bool, seed: int, transferred: Sequence[ParentJob] = ()
) -> Sampler:
    """AMT's Bayesian strategy over one space, with parents of other tasks in its model."""
    transfer = Transfer.of(space, transferred, maximize=maximize) if transferred else None
    return AskTell(
        space,
        lambda seed, _number: GaussianProcessSampler(space.distributions, seed=seed, transfer=transfer),
        maximize=maximize,
        seed=seed,
    )


class GaussianProcessSampler(BaseSampler):
    """Gaussian process with Matern-5/2 ARD kernel and log expected improvement, on numpy and scipy only.

    What it samples depends on the study's trials, the number of the trial and the seed alone; not on the order of the
    trials or on earlier calls. The first six trials are Sobol points, three where
    other tasks are known. Running trials are kriging believers (Ginsbourger
    et al. 2010): they are taken to have the value the model expects. Failed and pruned trials are not in the model and
    not sampled again.

    Args:
        search_space: All that is tuned; trials that lack one of them are left out.
        seed: Non-negative.
        transfer: Trials of other tasks that the model is to know.
    """

    def __init__(
        self, search_space: Mapping[str, BaseDistribution], *, seed: int, transfer: Transfer | None = None
    ) -> None:
        self._search_space = dict(search_space)
        self._cube = UnitCube(self._search_space)
        self._seed = seed
        self._transfer = transfer or None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give the whole space; it is known from the start."""
        del study, trial
        return self._search_space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose a value for every hyperparameter; none at all when every point looked at has been tried."""
        del search_space
        if not self._search_space:
            return {}
        history = _History.of(study, self._cube)
        start = START_WARM if self._transfer else START
        fresh = len(history.values) + len(history.running) < start or len(history.values) < MODELLED
        if fresh:
            point = self._start_point(trial.number, history.tried)
        else:
            with one_blas_thread():
                point = self._best_point(np.random.default_rng((self._seed, trial.number)), history)
        return {} if point is None else self._cube.decode(point)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw at random what `sample_relative` left open."""
        seed = np.random.SeedSequence((self._seed, trial.number, crc32(param_name.encode()))).generate_state(1)[0]
        return RandomSampler(seed=int(seed)).sample_independent(study, trial, param_name, param_distribution)

    def _start_point(self, number: int, tried: Floats) -> Floats | None:
        """Take the next point of the job's Sobol sequence; small ranges snap several to one, these are passed over."""
        sequence = sobol(self._cube.dimension, number + 64, np.random.default_rng(self._seed))
        points = self._cube.from_uniform(sequence[number:])
        return next((point for point in points if not is_among(point, tried)), None)

    def _best_point(self, rng: np.random.Generator, history: _History) -> Floats | None:
        cube, seen = self._cube, self._observations(history)
        targets = standardised(seen.values)
        fitted = _informative(targets, rng, FITTED)
        hyperparameters = most_probable_hyperparameters(seen.features[fitted], targets[fitted], seen.groups)
        used = _informative(targets, rng, OBSERVED)
        model = Posterior(seen.features[used], targets[used], hyperparameters, seen.groups)
        expected = model.mean(seen.own(seen.centres))
        believed = seen.own(history.running)
        incumbent = float(np.concatenate((expected, model.mean(believed))).min())
        model = model.believing(believed)

        def score(points: Floats) -> Floats:
            return log_expected_improvement(*model.predict(seen.own(points)), incumbent)

        centres = seen.centres[np.argsort(expected, kind="stable")[:CENTRES]]
        return most_promising(cube, score, centres, history.tried, rng)

    def _observations(self, history: _History) -> _Observations:
        cube, transfer = self._cube, None
        if self._transfer is not None:
            transfer = self._transfer.agreeing(history.points, history.values)
        if not transfer:
            return _Observations(
                features=cube.features(history.points),
                values=history.values,
                groups=cube.groups,
                own=cube.features,
                centres=history.points,
            )
        return _Observations(
            features=np.vstack((transfer.own(history.points), transfer.parents_features())),
            values=np.concatenate((history.values, transfer.aligned(history.points, history.values))),
            groups=transfer.groups,
            own=transfer.own,
            centres=history.points,
        )


@dataclass(frozen=True, kw_only=True)
class _Observations:
    """What the model is made of.

    Attributes:
        features: Columns of every trial that is in it, shape (n, features).
        values: Their objective, to be minimised, shape (n,).
        groups: For each feature column its coordinate.
        own: Turns points of this job into feature columns.
        centres: Points around which it is worth looking, shape (c, dimension).
    """

    features: Floats
    values: Floats
    groups: Indices
    own: Callable[[Floats], Floats]
    centres: Floats


@dataclass(frozen=True, kw_only=True)
class _History:
    """Trials as points of the cube, in an order of their own, so that the order of the study's does not matter.

    Attributes:
        points: Completed trials, shape (n, dimension).
        values: Their objective, negated when it is maximised, shape (n,).
        running: Shape (r, dimension).
        tried: All of them and the failed ones, shape (t, dimension).
    """

    points: Floats
    values: Floats
    running: Floats
    tried: Floats

    @classmethod
    def of(cls, study: Study, cube: UnitCube) -> _History:
        # the trial asked for is in the study too, without parameters yet
        trials = [
            trial for trial in study.get_trials(deepcopy=False) if all(name in trial.params for name in cube.names)
        ]
        points = cube.encode([trial.params for trial in trials])
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        values = np.array([np.nan if trial.value is None else sign * trial.value for trial in trials], dtype=float)
        values[[trial.state != TrialState.COMPLETE for trial in trials]] = np.nan
        running = np.array([trial.state == TrialState.RUNNING for trial in trials], dtype=bool)
        order = np.lexsort((values, *points.T))
        points, values, running = points[order], values[order], running[order]
        usable = np.isfinite(values)
        return cls(points=points[usable], values=values[usable], running=points[running], tried=points)


def _informative(targets: Floats, rng: np.random.Generator, most: int) -> Any:
    """Choose trials: all of them, or the best third of `most` and a random rest."""
    if len(targets) <= most:
        return slice(None)
    ranked = np.argsort(targets, kind="stable")
    best = most // 3
    return np.concatenate((ranked[:best], rng.choice(ranked[best:], most - best, replace=False)))
