"""Spec fields that are designed and not built yet: refused by name when set, never ignored.

A field leaves this table in the commit that builds it.
"""

from __future__ import annotations

from typing import Any

# Path of the field -> the values that mean "off", which may be written out.
_OFF: dict[str, tuple[Any, ...]] = {
    "tuning.stop_when.converged": (False,),
}


def later_breaches(document: dict[str, Any]) -> list[str]:
    """Name every field of a later version that is set, and take the ones written as off out of `document`."""
    breaches = []
    for path, off in _OFF.items():
        place, key = _place_of(document, path)
        if place is None or key not in place:
            continue
        value = place.pop(key)
        if value not in off:
            choice = f" or set it to {_yaml(off[0])}" if off else ""
            breaches.append(f"{path}: not available in this version; leave it out{choice}, got {value!r}")
    tuning = document.get("tuning")
    if isinstance(tuning, dict) and tuning.get("stop_when") == {}:
        tuning.pop("stop_when")
    return breaches


def _place_of(document: dict[str, Any], path: str) -> tuple[dict[str, Any] | None, str]:
    *folders, key = path.split(".")
    place: Any = document
    for folder in folders:
        place = place.get(folder) if isinstance(place, dict) else None
    return (place if isinstance(place, dict) else None), key


def _yaml(value: Any) -> str:
    return {None: "null", False: "false"}.get(value, str(value)) if not isinstance(value, (list, dict)) else str(value)
