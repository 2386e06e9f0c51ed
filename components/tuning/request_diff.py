"""Two tuning or training requests beside each other: what a run changes against the one before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Named after the run, or derived from the rest: different in every request, and nobody's decision.
_EVERY_RUN_S_OWN = (
    "HyperParameterTuningJobName",
    "TrainingJobName",
    "Tags",
    "WarmStartConfig",
    "CheckpointConfig",
    "TrainingJobDefinition.CheckpointConfig",
)
_NAMES = ("Name", "ChannelName", "InstanceType")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One place where the requests differ; None is absence.

    Attributes:
        path: Keys joined by dots, entries of lists by their name in brackets.
        before: In the earlier request.
        after: In the later one.
    """

    path: str
    before: Any
    after: Any

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"path": self.path, "before": self.before, "after": self.after}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Where two requests of one kind differ, by path."""
    old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
    return tuple(
        Change(path=path, before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and not path.startswith(_EVERY_RUN_S_OWN)
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and any(_name_of(each) for each in value):
        for each in value:
            yield from _leaves(each, f"{path}[{_name_of(each)}]")
    else:
        yield path, value


def _name_of(entry: Any) -> str | None:
    names = [str(entry[name]) for name in _NAMES if name in entry] if isinstance(entry, Mapping) else []
    return names[0] if names else None
