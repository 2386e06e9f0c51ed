"""Random search: independent draws, uniform in the scaled space (AWS, "How Hyperparameter Tuning Works")."""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence
from typing import Final

import numpy as np
from optuna import Study
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection

from components.amt.samplers.parameter_space import Configuration, ParameterSpace, seen_configurations
from components.amt.samplers.sampler import Finished

DRAWS: Final = 64
ENUMERABLE: Final = 200_000


class RandomSearch:
    """AMT's Random strategy.

    Trial k has a random stream of its own, seeded by (seed, k), and takes the first draw that none of the trials before
    it has. Those are the same k - 1 configurations however many run in parallel and in whatever order they end, so the
    same seed always gives the same sequence, also where a finite space makes draws collide.
    """

    def __init__(self, space: ParameterSpace, *, seed: int) -> None:
        self._space = space
        self._seed = seed

    def propose(
        self, *, finished: Sequence[Finished], running: Sequence[Mapping[str, str]], number: int
    ) -> dict[str, str] | None:
        """See `Sampler.propose`."""
        return draw_unseen(self._space, seen_configurations(self._space, finished, running), (self._seed, number))


def draw_unseen(space: ParameterSpace, seen: set[Configuration], seed: tuple[int, ...]) -> dict[str, str] | None:
    """Draw one configuration that is not in `seen`; None when nothing is left.

    Rejection first. When a finite space is nearly used up, one of those left over is chosen, each as likely as another.
    """
    if len(seen) >= space.combinations:
        return None
    sequence = np.random.SeedSequence(seed)
    study = quiet_study(InMemoryStorage(), RandomSampler(seed=int(sequence.generate_state(1)[0])))
    texts = space.texts(study.ask(space.distributions).params)
    for _ in range(DRAWS):
        if space.configuration(texts) not in seen:
            return texts
        texts = space.texts(study.ask(space.distributions).params)
    if space.combinations > ENUMERABLE:
        return texts  # only a range of a few neighbouring floats comes here; it counts as infinite, so it may repeat
    return _one_left(space, seen, np.random.default_rng(sequence))


def quiet_study(storage: InMemoryStorage, sampler: BaseSampler, *, maximize: bool = False) -> Study:
    """Open a study in memory without the line that Optuna logs to stderr for each; its log level is left alone."""
    logger = logging.getLogger(InMemoryStorage.__module__)
    logger.addFilter(_nothing)
    try:
        direction = StudyDirection.MAXIMIZE if maximize else StudyDirection.MINIMIZE
        storage.create_new_study([direction], study_name="tuning-job")
    finally:
        logger.removeFilter(_nothing)
    return Study("tuning-job", storage, sampler)


def _nothing(record: logging.LogRecord) -> bool:
    del record
    return False


def _one_left(space: ParameterSpace, seen: Container[Configuration], rng: np.random.Generator) -> dict[str, str]:
    left = [configuration for configuration in space.every_configuration() if configuration not in seen]
    chosen = left[int(rng.integers(len(left)))]
    return space.texts(space.to_optuna(chosen))
