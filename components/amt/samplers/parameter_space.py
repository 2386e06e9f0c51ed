"""AMT's ParameterRanges in Optuna's terms and back: ranges to distributions, strings to values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Final

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

AUTO_LOGARITHMIC_RATIO: Final = 100.0


def resolved_scaling(scaling: str, low: float, high: float) -> str:
    """Choose the scale of an `Auto` range: Logarithmic when 0 < low and high / low >= 100, else Linear.

    AWS says only that Auto "starts from linear and tries to infer a log scale"; its rule is unpublished. Two orders of
    magnitude is where the upper tenth of a linear range would take 90 % of the trials away from the lower decade.
    """
    if scaling != "Auto":
        return scaling
    return "Logarithmic" if low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO else "Linear"


@dataclass(frozen=True)
class Continuous:
    """A continuous range, both ends included.

    Optuna has no reverse-logarithmic scale: there the value is v = 1 - x on a log scale, since -ln(1 - x) = -ln v. A linear range
    wider than the largest float is held at a quarter, so that high - low stays finite.
    """

    name: str
    low: float
    high: float
    scaling: str

    count = math.inf

    @cached_property
    def _shrink(self) -> float:
        return 1.0 if math.isfinite(self.high - self.low) else 0.25

    @cached_property
    def distribution(self) -> FloatDistribution:
        if self.scaling == "ReverseLogarithmic":
            return FloatDistribution(1 - self.high, 1 - self.low, log=True)
        if self.scaling == "Logarithmic":
            return FloatDistribution(self.low, self.high, log=True)
        return FloatDistribution(self.low * self._shrink, self.high * self._shrink)

    def parse(self, text: str) -> float:
        """Read AMT's string.

        Raises:
            ValueError: Not a number, or outside the range.
        """
        value = float(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} must be in [{self.low}, {self.high}], got {text}")
        return value

    def to_optuna(self, value: float) -> float:
        return 1 - value if self.scaling == "ReverseLogarithmic" else value * self._shrink

    def text(self, optuna_value: float) -> str:
        """Write AMT's string: the shortest decimal that reads back to the same float, as `repr` gives it."""
        value = 1 - optuna_value if self.scaling == "ReverseLogarithmic" else optuna_value / self._shrink
        return repr(float(min(max(value, self.low), self.high)))


@dataclass(frozen=True)
class Integer:
    """An integer range, both ends included; a logarithmic one is rounded after the logarithm is undone."""

    name: str
    low: int
    high: int
    scaling: str

    @property
    def count(self) -> float:
        return float(self.high - self.low + 1)

    @cached_property
    def distribution(self) -> IntDistribution:
        return IntDistribution(self.low, self.high, log=self.scaling == "Logarithmic")

    def parse(self, text: str) -> int:
        """Read AMT's string, `7` or `7.0`.

        Raises:
            ValueError: Not a whole number, or outside the range.
        """
        value = whole(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} must be in [{self.low}, {self.high}], got {text}")
        return value

    def to_optuna(self, value: int) -> int:
        return value

    def text(self, optuna_value: float) -> str:
        return str(min(max(int(optuna_value), self.low), self.high))


@dataclass(frozen=True)
class Categorical:
    """A set of strings without order."""

    name: str
    values: tuple[str, ...]

    @property
    def count(self) -> float:
        return float(len(self.values))

    @cached_property
    def distribution(self) -> CategoricalDistribution:
        return CategoricalDistribution(self.values)

    def parse(self, text: str) -> str:
        """Read AMT's string.

        Raises:
            ValueError: Not one of the values.
        """
        if text not in self.values:
            raise ValueError(f"{self.name} must be one of {list(self.values)}, got {text}")
        return text

    def to_optuna(self, value: str) -> str:
        return value

    def text(self, optuna_value: str) -> str:
        return optuna_value


Parameter = Continuous | Integer | Categorical
Configuration = tuple[float | int | str, ...]


@dataclass(frozen=True)
class ParameterSpace:
    """The tuned hyperparameters, sorted by name so that the order in the request changes nothing."""

    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, parameter_ranges: Mapping[str, Any]) -> ParameterSpace:
        """Read a request's `ParameterRanges`.

        Raises:
            ValueError: A bound is not a number.
        """
        parameters: list[Parameter] = []
        for part in parameter_ranges.get("ContinuousParameterRanges") or ():
            low, high = float(part["MinValue"]), float(part["MaxValue"])
            scaling = resolved_scaling(part.get("ScalingType") or "Auto", low, high)
            parameters.append(Continuous(part["Name"], low, high, scaling))
        for part in parameter_ranges.get("IntegerParameterRanges") or ():
            low, high = whole(part["MinValue"]), whole(part["MaxValue"])
            scaling = resolved_scaling(part.get("ScalingType") or "Auto", low, high)
            parameters.append(Integer(part["Name"], low, high, scaling))
        for part in parameter_ranges.get("CategoricalParameterRanges") or ():
            parameters.append(Categorical(part["Name"], tuple(part["Values"])))
        return cls(tuple(sorted(parameters, key=lambda parameter: parameter.name)))

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        return {parameter.name: parameter.distribution for parameter in self.parameters}

    @cached_property
    def combinations(self) -> float:
        return math.prod(parameter.count for parameter in self.parameters)

    def configuration(self, hyperparameters: Mapping[str, str]) -> Configuration | None:
        """Read a trial's strings; None when it is not of this space, as a parent's with other ranges may be."""
        try:
            return tuple(parameter.parse(hyperparameters[parameter.name]) for parameter in self.parameters)
        except (KeyError, ValueError):
            return None

    def to_optuna(self, configuration: Configuration) -> dict[str, Any]:
        return {
            parameter.name: parameter.to_optuna(value)  # type: ignore[arg-type]  # parse gave each its own type
            for parameter, value in zip(self.parameters, configuration, strict=True)
        }

    def texts(self, params: Mapping[str, Any]) -> dict[str, str]:
        """Write Optuna's values as AMT's strings, by name."""
        return {parameter.name: parameter.text(params[parameter.name]) for parameter in self.parameters}

    def every_configuration(self) -> Iterator[Configuration]:
        """Walk through a finite space, the last hyperparameter fastest."""
        axes: list[Sequence[float | int | str]] = []
        for parameter in self.parameters:
            if isinstance(parameter, Continuous):
                raise TypeError(f"a finite space must hold no continuous range, got {parameter.name}")
            axes.append(
                parameter.values if isinstance(parameter, Categorical) else range(parameter.low, parameter.high + 1)
            )
        return product(*axes)


def whole(text: str) -> int:
    """Read `7`, `7.0` or `7e2` as an integer; long digit strings exactly.

    Raises:
        ValueError: Not a whole number.
    """
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise ValueError(f"a whole number must be given, got {text}") from None
        return int(number)
