"""AMT's ParameterRanges as one space: configurations read from strings, written as strings, counted, listed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from optuna.distributions import BaseDistribution

from components.amt.samplers.parameter import (
    Categorical,
    Continuous,
    Integer,
    Parameter,
    resolved_scaling,
    whole_number,
)
from components.amt.samplers.sampler import Finished

Configuration = tuple[float | int | str, ...]


@dataclass(frozen=True)
class ParameterSpace:
    """The tuned hyperparameters, sorted by name so that their order in the request changes nothing."""

    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, parameter_ranges: Mapping[str, Any]) -> ParameterSpace:
        """Read a request's `ParameterRanges`; a missing ScalingType is Auto.

        Raises:
            ValueError: A bound is not a number.
        """
        parameters: list[Parameter] = []
        for part in parameter_ranges.get("ContinuousParameterRanges") or ():
            low, high = float(part["MinValue"]), float(part["MaxValue"])
            scaling = resolved_scaling(part.get("ScalingType") or "Auto", low, high)
            parameters.append(Continuous(name=part["Name"], low=low, high=high, scaling=scaling))
        for part in parameter_ranges.get("IntegerParameterRanges") or ():
            first, last = whole_number(part["MinValue"]), whole_number(part["MaxValue"])
            scaling = resolved_scaling(part.get("ScalingType") or "Auto", first, last)
            parameters.append(Integer(name=part["Name"], low=first, high=last, scaling=scaling))
        for part in parameter_ranges.get("CategoricalParameterRanges") or ():
            parameters.append(Categorical(name=part["Name"], values=tuple(part["Values"])))
        return cls(tuple(sorted(parameters, key=lambda parameter: parameter.name)))

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The space as Optuna's samplers see it."""
        return {parameter.name: parameter.distribution for parameter in self.parameters}

    @cached_property
    def combinations(self) -> float:
        """Number of configurations, infinite as soon as one range is continuous."""
        return math.prod(parameter.count for parameter in self.parameters)

    def configuration(self, hyperparameters: Mapping[str, str]) -> Configuration | None:
        """Read a trial's strings; None when it is not of this space, as a parent's with other ranges may be."""
        try:
            return tuple([parameter.parse(hyperparameters[parameter.name]) for parameter in self.parameters])
        except (KeyError, ValueError):
            return None

    def to_optuna(self, configuration: Configuration) -> dict[str, Any]:
        """Turn a configuration into Optuna's values, by name."""
        return {
            parameter.name: parameter.to_optuna(value)  # type: ignore[arg-type]  # each parsed its own
            for parameter, value in zip(self.parameters, configuration, strict=True)
        }

    def texts(self, params: Mapping[str, Any]) -> dict[str, str]:
        """Write Optuna's values as AMT's strings, by name."""
        return {parameter.name: parameter.text(params[parameter.name]) for parameter in self.parameters}

    def every_configuration(self) -> Iterator[Configuration]:
        """Walk through a finite space, the last hyperparameter fastest.

        Raises:
            TypeError: A range is continuous.
        """
        axes: list[Sequence[float | int | str]] = []
        for parameter in self.parameters:
            if isinstance(parameter, Continuous):
                raise TypeError(f"a finite space must hold no continuous range, got {parameter.name}")
            axes.append(parameter.every_value())
        return product(*axes)


def seen_configurations(
    space: ParameterSpace, finished: Sequence[Finished], running: Sequence[Mapping[str, str]]
) -> set[Configuration]:
    """Collect what must not be proposed again: all that ran or runs, failed trials included."""
    trials = (*(trial.hyperparameters for trial in finished), *running)
    return {seen for trial in trials if (seen := space.configuration(trial)) is not None}
