"""One tuned hyperparameter: AMT's range and strings on one side, Optuna's distribution and values on the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

AUTO_LOGARITHMIC_RATIO: Final = 100.0


def resolved_scaling(scaling: str, low: float, high: float) -> str:
    """Choose the scale of an `Auto` range: Logarithmic when 0 < low and high / low >= 100, else Linear.

    AWS says only that Auto "starts from linear and tries to infer a log scale"; its rule is unpublished. On a linear
    scale over two orders of magnitude nine trials in ten would go to the upper one.
    """
    if scaling != "Auto":
        return scaling
    return "Logarithmic" if low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO else "Linear"


def whole_number(text: str) -> int:
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


@dataclass(frozen=True, kw_only=True)
class Continuous:
    """A continuous range, both ends included.

    Optuna has no reverse-logarithmic scale: there its value is v = 1 - x on a log scale, since -ln(1 - x) = -ln v. A
    linear range wider than the largest float is held at a quarter, so that high - low stays finite.

    Attributes:
        scaling: Linear, Logarithmic or ReverseLogarithmic.
    """

    name: str
    low: float
    high: float
    scaling: str

    count: ClassVar[float] = math.inf

    @cached_property
    def distribution(self) -> FloatDistribution:
        """The range as Optuna's samplers see it."""
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
        """Turn a parsed value into Optuna's."""
        return 1 - value if self.scaling == "ReverseLogarithmic" else value * self._shrink

    def text(self, optuna_value: float) -> str:
        """Write AMT's string: the shortest decimal that reads back to the same float, as `repr` gives it."""
        value = 1 - optuna_value if self.scaling == "ReverseLogarithmic" else optuna_value / self._shrink
        return repr(float(min(max(value, self.low), self.high)))

    @cached_property
    def _shrink(self) -> float:
        return 1.0 if self.scaling != "Linear" or math.isfinite(self.high - self.low) else 0.25


@dataclass(frozen=True, kw_only=True)
class Integer:
    """An integer range, both ends included; on a logarithmic scale it is rounded after the logarithm is undone.

    Attributes:
        scaling: Linear or Logarithmic.
    """

    name: str
    low: int
    high: int
    scaling: str

    @property
    def count(self) -> float:
        """How many values there are."""
        return float(self.high - self.low + 1)

    @cached_property
    def distribution(self) -> IntDistribution:
        """The range as Optuna's samplers see it."""
        return IntDistribution(self.low, self.high, log=self.scaling == "Logarithmic")

    def parse(self, text: str) -> int:
        """Read AMT's string, `7` or `7.0`.

        Raises:
            ValueError: Not a whole number, or outside the range.
        """
        value = whole_number(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} must be in [{self.low}, {self.high}], got {text}")
        return value

    def to_optuna(self, value: int) -> int:
        """Turn a parsed value into Optuna's."""
        return value

    def text(self, optuna_value: float) -> str:
        """Write AMT's string."""
        return str(min(max(int(optuna_value), self.low), self.high))

    def every_value(self) -> Sequence[int]:
        """List the values, in order."""
        return range(self.low, self.high + 1)


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """A set of strings without order."""

    name: str
    values: tuple[str, ...]

    @property
    def count(self) -> float:
        """How many values there are."""
        return float(len(self.values))

    @cached_property
    def distribution(self) -> CategoricalDistribution:
        """The set as Optuna's samplers see it."""
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
        """Turn a parsed value into Optuna's."""
        return value

    def text(self, optuna_value: str) -> str:
        """Write AMT's string, exactly as given."""
        return optuna_value

    def every_value(self) -> Sequence[str]:
        """List the values, in the order given."""
        return self.values


Parameter = Continuous | Integer | Categorical
