"""What the tuning loop sees of a search strategy: one method, pure, in AMT's strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

STRATEGIES: Final = ("Bayesian", "Random", "Grid", "Hyperband")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A trial that has ended.

    Attributes:
        hyperparameters: The tuned values as AMT's strings, by name.
        objective: The final objective value as reported, not negated for Maximize. None when the trial failed or
            emitted no objective; None, NaN and infinities never enter a model, and the configuration is not proposed
            again.
    """

    hyperparameters: Mapping[str, str]
    objective: float | None


@dataclass(frozen=True, kw_only=True)
class ParentJob:
    """The trials of a warm start's parent.

    Attributes:
        finished: Its ended trials, with a value for every hyperparameter that is tuned now, also one that was static
            in the parent.
        identical: Whether the warm start is of type IdenticalDataAndAlgorithm: then its trials are as good as one's
            own. Otherwise (TransferLearning) they come from another task.
    """

    finished: Sequence[Finished]
    identical: bool


class Sampler(Protocol):
    """A search strategy.

    `propose` is a pure function of its arguments and the seed given to `make_sampler`: a fresh object, after a crash,
    gives the same answer. What an implementation keeps between calls may only save time.
    """

    def propose(
        self, *, finished: Sequence[Finished], running: Sequence[Mapping[str, str]], number: int
    ) -> dict[str, str] | None:
        """Choose the next configuration.

        Args:
            finished: Every ended trial of this search, in any order.
            running: Hyperparameters of the trials proposed earlier and not ended, in any order.
            number: 1-based count of the trial to be proposed; the same for the same trial after a crash.

        Returns:
            A value for every tuned hyperparameter: integers as `7`, floats as the shortest decimal that reads back
            to the same float, never outside the range, categories as given. None when the space is finite and every
            configuration has been tried or is running.
        """
        ...


def make_sampler(
    strategy: str,
    parameter_ranges: Mapping[str, Any],
    *,
    maximize: bool,
    seed: int,
    parents: Sequence[ParentJob] = (),
) -> Sampler:
    """Build the sampler of a tuning job.

    Args:
        strategy: One of `STRATEGIES`, AMT's words.
        parameter_ranges: `ParameterRanges` of the request (bounds as strings), already validated.
        maximize: Whether larger objective values are better.
        seed: The job's RandomSeed, or one drawn once and stored with the job.
        parents: Of a warm start; AMT has it for Bayesian and Random, the others take no notice.

    Raises:
        ValueError: The strategy is none of `STRATEGIES`, or a range is not one.
    """
    from components.amt.samplers.parameter_space import ParameterSpace

    space = ParameterSpace.of(parameter_ranges)
    if strategy == "Grid":
        from components.amt.samplers.grid import GridSearch

        return GridSearch(space)
    if strategy == "Hyperband":
        from components.amt.samplers.hyperband import hyperband_search

        return hyperband_search(space, seed=seed)
    if strategy == "Random":
        from components.amt.samplers.random import RandomSearch
        from components.amt.samplers.warm_started import warm_started

        return warm_started(RandomSearch(space, seed=seed), space, parents, maximize=maximize)
    if strategy == "Bayesian":
        from components.amt.samplers.bayesian import bayesian_search
        from components.amt.samplers.warm_started import warm_started

        transferred = [parent for parent in parents if not parent.identical]
        search = bayesian_search(space, maximize=maximize, seed=seed, transferred=transferred)
        return warm_started(search, space, parents, maximize=maximize)
    raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, got {strategy}")


def combinations(parameter_ranges: Mapping[str, Any]) -> float:
    """Count the configurations of a space: the product of its ranges, infinite as soon as one is continuous."""
    from components.amt.samplers.parameter_space import ParameterSpace

    return ParameterSpace.of(parameter_ranges).combinations


def trials_of_another_space(
    parameter_ranges: Mapping[str, Any], trials: Sequence[Finished], *, maximize: bool
) -> tuple[Finished, ...]:
    """Read trials of a search over other hyperparameters as trials of this space: see `foreign_trials`."""
    from components.amt.samplers.foreign_trials import translated

    return translated(parameter_ranges, trials, maximize=maximize)
