"""Ranges and scales of the search space, to and from AMT's strings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from components.spec_part import Items, Pair, SpecPart

Scaling = Literal["linear", "logarithmic", "reverse_logarithmic", "auto"]

_MOST_CATEGORIES = 30  # AMT's limit

AMT_SCALING: Mapping[str, str] = {
    "linear": "Linear",
    "logarithmic": "Logarithmic",
    "reverse_logarithmic": "ReverseLogarithmic",
    "auto": "Auto",
}


class HyperparameterRange(SpecPart):
    """One of `continuous: [low, high]`, `integer: [low, high]`, `categorical: [values]`, with a scaling.

    Bounds are inclusive. `scaling` is AMT's ScalingType in snake case; domains as the AWS page "How Hyperparameter
    Tuning Works" states them: logarithmic needs low > 0, reverse logarithmic is for continuous ranges in [0, 1).
    """

    continuous: Pair[float] | None = None
    integer: Pair[int] | None = None
    categorical: Items[str | int | float] | None = None
    scaling: Scaling | None = None

    @model_validator(mode="after")
    def _laws(self) -> HyperparameterRange:
        given = [kind for kind in ("continuous", "integer", "categorical") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of continuous, integer, categorical must be given, got {given or 'none'}")
        if self.categorical is not None:
            self._check_categories(self.categorical)
        else:
            bounds = self.continuous if self.integer is None else self.integer
            if bounds is not None:
                self._check_bounds(bounds)
        return self

    @property
    def bounds_as_text(self) -> tuple[str, ...]:
        """Lowest and highest value, or all categories, as AMT's strings."""
        return tuple(str(value) for value in self.categorical or self.integer or self.continuous or ())

    def _check_categories(self, values: tuple[str | int | float, ...]) -> None:
        if self.scaling is not None:
            raise ValueError(f"categorical has no scaling, got {self.scaling}")
        if not 1 <= len(values) <= _MOST_CATEGORIES:
            raise ValueError(f"1 to 30 categories must be given, got {len(values)}")
        if len({str(value) for value in values}) != len(values):
            raise ValueError(f"categories must differ, got {list(values)}")

    def _check_bounds(self, bounds: tuple[float, float]) -> None:
        low, high = bounds
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"bounds must be finite, got {list(bounds)}")
        if not low < high:
            raise ValueError(f"low < high must hold, got {list(bounds)}")
        if self.scaling == "logarithmic" and low <= 0:
            raise ValueError(f"logarithmic scaling needs low > 0, got {list(bounds)}")
        if self.scaling == "reverse_logarithmic":
            if self.integer is not None:
                raise ValueError("reverse_logarithmic scaling is for continuous ranges, got integer")
            if not (low >= 0 and high < 1):
                raise ValueError(f"reverse_logarithmic scaling needs 0 <= low and high < 1, got {list(bounds)}")


def to_parameter_ranges(space: Mapping[str, HyperparameterRange]) -> dict[str, list[dict[str, Any]]]:
    """AMT's ParameterRanges: bounds as strings, integers as `7`, floats in shortest round-trip form.

    Returns:
        The three lists, each sorted by name; a list without entries is left out.
    """
    ranges: dict[str, list[dict[str, Any]]] = {}
    for name, part in sorted(space.items()):
        if part.categorical is not None:
            entry = {"Name": name, "Values": [str(value) for value in part.categorical]}
            ranges.setdefault("CategoricalParameterRanges", []).append(entry)
            continue
        kind, bounds = ("Integer", part.integer) if part.integer is not None else ("Continuous", part.continuous)
        if bounds is not None:
            entry = {
                "Name": name,
                "MinValue": str(bounds[0]),
                "MaxValue": str(bounds[1]),
                "ScalingType": AMT_SCALING[part.scaling or "auto"],
            }
            ranges.setdefault(f"{kind}ParameterRanges", []).append(entry)
    return ranges
