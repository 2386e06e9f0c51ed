"""Rules of ParameterRanges: names, bounds, scaling domains, categories, and the size of the space.

Sources: API reference of ParameterRanges, developer guide "Define Hyperparameter Ranges" and "Hyperparameter Scaling".
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

MOST_RANGES = 30
# The service itself adds this one to the static ones.
OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
_INTEGER = re.compile(r"[-+]?[0-9]{1,19}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LARGEST_INTEGER = 2**63 - 1

Range = Mapping[str, Any]


def tuned_names(ranges: Mapping[str, Any]) -> list[str]:
    """The names of all ranges and auto parameters, in the order of the request."""
    kinds = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges", "AutoParameters")
    return [entry["Name"] for kind in kinds for entry in ranges.get(kind) or ()]


def refusals(ranges: Mapping[str, Any], *, static: Mapping[str, str]) -> Iterator[str]:
    """Every rule that the ranges of one training job definition break, as AWS's or our own sentence.

    Args:
        ranges: ParameterRanges that satisfy the service model.
        static: StaticHyperParameters of the same definition.
    """
    names = tuned_names(ranges)
    searched = len(names) - len(ranges.get("AutoParameters") or ())
    if searched > MOST_RANGES:
        yield f"A tuning job searches at most {MOST_RANGES} hyperparameters, got {searched}."
    for name, times in Counter(names).items():
        if times > 1:
            yield f"Hyperparameter names must be unique, got [{name}] {times} times in the parameter ranges."
        if name in static:
            yield f"Hyperparameter [{name}] must be either tuned or static, got it in both."
        if name in ("", OBJECTIVE_HYPERPARAMETER):
            yield f"A tuned hyperparameter needs a name of its own, got [{name}]."
    for entry in ranges.get("IntegerParameterRanges") or ():
        yield from _numbers(entry, "integer", _integer)
    for entry in ranges.get("ContinuousParameterRanges") or ():
        yield from _numbers(entry, "continuous", _number)
    for entry in ranges.get("CategoricalParameterRanges") or ():
        twice = sorted(value for value, times in Counter(entry["Values"]).items() if times > 1)
        if twice:
            yield f"The values of categorical hyperparameter [{entry['Name']}] must differ, got {twice} twice."


def _integer(text: str) -> int | None:
    value = int(text) if _INTEGER.fullmatch(text) else None
    return value if value is not None and abs(value) <= _LARGEST_INTEGER else None


def _number(text: str) -> float | None:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None


def _numbers(entry: Range, kind: str, parse: Any) -> Iterator[str]:
    name, texts = entry["Name"], (entry["MinValue"], entry["MaxValue"])
    low, high = parse(texts[0]), parse(texts[1])
    shown = f"[{texts[0][:40]}, {texts[1][:40]}]"
    if low is None or high is None:
        wanted = "whole numbers of 64 bits" if kind == "integer" else "finite numbers"
        yield f"The bounds of {kind} hyperparameter [{name}] must be {wanted}, got {shown}."
        return
    if not low < high:
        yield f"MinValue < MaxValue must hold for {kind} hyperparameter [{name}], got {shown}."
        return
    scaling = entry.get("ScalingType", "Auto")
    if scaling == "Logarithmic" and low <= 0:
        yield f"Logarithmic scaling of hyperparameter [{name}] needs a range above 0, got {shown}."
    if scaling == "ReverseLogarithmic":
        if kind == "integer":
            yield f"ReverseLogarithmic scaling is for continuous hyperparameters only, got integer [{name}]."
        elif not (low >= 0 and high < 1):
            yield f"ReverseLogarithmic scaling of hyperparameter [{name}] needs 0 <= x < 1.0, got {shown}."


def space_size(ranges: Mapping[str, Any]) -> float:
    """Number of distinct combinations of valid ranges; infinite as soon as one of them is continuous."""
    if ranges.get("ContinuousParameterRanges"):
        return math.inf
    size = 1.0
    for entry in ranges.get("IntegerParameterRanges") or ():
        size *= int(entry["MaxValue"]) - int(entry["MinValue"]) + 1
    for entry in ranges.get("CategoricalParameterRanges") or ():
        size *= len(entry["Values"])
    return size
