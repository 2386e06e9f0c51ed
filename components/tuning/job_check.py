"""A created tuning job against its request: SageMaker's own SDK once billed Spot jobs on demand (peers' demand 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# In the request and not in what Describe tells.
_NOT_DESCRIBED = ("Tags",)


def differences(request: Mapping[str, Any], described: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a described job is not what the request said; what the service adds of its own is no difference.

    Returns:
        One `path: asked for X, got Y` each.
    """
    asked = {key: value for key, value in request.items() if key not in _NOT_DESCRIBED}
    return tuple(_differences(asked, described, ""))


def charged(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a TrainingJobDefinition is charged by: Spot or not, its instances, how long one may run and wait."""
    several = definition.get("HyperParameterTuningResourceConfig", {}).get("InstanceConfigs")
    instances = several or [definition.get("ResourceConfig", {})]
    return {
        "EnableManagedSpotTraining": bool(definition.get("EnableManagedSpotTraining")),
        "Instances": [f"{each.get('InstanceCount')} x {each.get('InstanceType')}" for each in instances],
        "StoppingCondition": dict(definition["StoppingCondition"]),
    }


def _differences(asked: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(asked, Mapping) and isinstance(got, Mapping):
        for key, value in asked.items():
            yield from _differences(value, got.get(key), f"{path}.{key}" if path else str(key))
    elif _is_list(asked) and _is_list(got):
        left, right = _ordered(asked), _ordered(got)
        if path.endswith("MetricDefinitions"):  # AMT adds the objective's own
            right = [each for each in right if each in left]
        if len(left) == len(right):
            for index, (one, other) in enumerate(zip(left, right, strict=True)):
                yield from _differences(one, other, f"{path}[{index}]")
        else:
            yield f"{path}: asked for {asked!r}, got {got!r}"
    elif asked != got:
        yield f"{path}: asked for {asked!r}, got {got!r}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _ordered(entries: Sequence[Any]) -> Sequence[Any]:
    """Lists of named things have no order of their own."""
    for name in ("Name", "ChannelName", "HyperParameterTuningJobName"):
        if entries and all(isinstance(entry, Mapping) and name in entry for entry in entries):
            return sorted(entries, key=lambda entry: str(entry[name]))
    return entries
