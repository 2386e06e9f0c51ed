"""Two records of the scenario, field by field: what one has and the other has not, or has otherwise.

Times, numbers and what is chance are compared by their kind; texts, enums, codes, lists and sequences by what they say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InvalidInput, NotFound
from tests.aws.requests import TUNED

ABOUT = "about"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
# Which of a tuning job's training jobs is the best one is chance.
_NUMBERED = re.compile(r"-[0-9]{3,}-<random>")
_NAMES = ("Name", "ChannelName", "Key", "MetricName", "TrainingJobName", "HyperParameterTuningJobName")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference.

    Attributes:
        document: Which call.
        path: Which field; empty for the whole document.
        kind: `only left`, `only right`, `type`, `value`, `length`, `sequence`, `outcome` or `not recorded`.
        left: What one has.
        right: What the other has.
    """

    document: str
    path: str
    kind: str
    left: str
    right: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A comparison.

    Attributes:
        documents: How many there were, on either side.
        fields: How many values were held against each other.
        differences: By document.
    """

    documents: int
    fields: int
    differences: tuple[Difference, ...]


def compare(left: Path, right: Path) -> Compared:
    """Two folders of documents.

    Raises:
        NotFound: One of them holds none.
        InvalidInput: They are of different scenarios.
    """
    mine, theirs = _documents(left), _documents(right)
    runs = [side.get(ABOUT, {}).get("run") for side in (mine, theirs)]
    if runs[0] != runs[1]:
        raise InvalidInput(f"both records must be of one scenario, take and instance type, got {runs[0]} and {runs[1]}")
    names = sorted((mine.keys() | theirs.keys()) - {ABOUT})
    walk = _Walk()
    for name in names:
        walk.document = name
        walk.documents(mine.get(name), theirs.get(name))
    return Compared(documents=len(names), fields=walk.fields, differences=tuple(walk.found))


def about(folder: Path) -> Mapping[str, Any]:
    """What a record says of itself."""
    return _documents(folder).get(ABOUT, {})


class _Walk:
    """One pass over pairs of documents."""

    def __init__(self) -> None:
        self.document = ""
        self.fields = 0
        self.found: list[Difference] = []

    def documents(self, left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> None:
        """The same call on both sides."""
        if left is None or right is None or "missed" in left or "missed" in right:
            if not (left is not None and right is not None and "missed" in left and "missed" in right):
                self._differ("", "not recorded", *(_state(side) for side in (left, right)))
        elif "sampled" in left and "sampled" in right:
            self._sampled(left["sampled"], right["sampled"])
        elif ("error" in left) != ("error" in right):
            self._differ("", "outcome", *(_outcome(side) for side in (left, right)))
        else:
            self._value("http_status", left.get("http_status"), right.get("http_status"), exact=True)
            part = "error" if "error" in left else "answer"
            self._any(part, left.get(part), right.get(part))

    def _sampled(self, left: Sequence[str], right: Sequence[str]) -> None:
        """Statuses seen from outside: a short one may be missed, so one must be a part of the other, in order."""
        self.fields += 1
        if not (_is_part(left, right) or _is_part(right, left)):
            self._differ("", "sequence", " → ".join(left), " → ".join(right))

    def _any(self, path: str, left: Any, right: Any) -> None:
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            self._mappings(path, left, right)
        elif isinstance(left, list) and isinstance(right, list):
            self._lists(path, left, right)
        else:
            self._value(path, left, right, exact=False)

    def _mappings(self, path: str, left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
        for key in [*left, *(key for key in right if key not in left)]:
            below = f"{path}.{key}"
            if key in left and key in right:
                self._any(below, left[key], right[key])
            elif key in left:
                self._differ(below, "only left", _shown(left[key]), "")
            else:
                self._differ(below, "only right", "", _shown(right[key]))

    def _lists(self, path: str, left: list[Any], right: list[Any]) -> None:
        if path.endswith("SecondaryStatusTransitions"):
            mine, theirs = ([row.get("Status", "") for row in rows] for rows in (left, right))
            if mine != theirs:
                self.fields += 1
                self._differ(path, "sequence", " → ".join(mine), " → ".join(theirs))
                return
        name = _name_of([*left, *right])
        if name in ("Name", "ChannelName", "Key", "MetricName"):
            self._mappings(path, *({f"[{row[name]}]": row for row in rows} for rows in (left, right)))
            return
        if name is not None:
            left, right = (sorted(rows, key=lambda row: str(row[name])) for rows in (left, right))
        if len(left) != len(right):
            self._differ(path, "length", f"{len(left)}: {_shown(left)}", f"{len(right)}: {_shown(right)}")
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            self._any(f"{path}[{index}]", one, other)

    def _value(self, path: str, left: Any, right: Any, *, exact: bool) -> None:
        self.fields += 1
        mine, theirs = _kind(left), _kind(right)
        if mine != theirs:
            self._differ(path, "type", f"{mine}: {_shown(left)}", f"{theirs}: {_shown(right)}")
        elif not exact and (mine in ("time", "integer", "number") or _is_chance(path)):
            return
        elif _plain(left) != _plain(right):
            self._differ(path, "value", _shown(left), _shown(right))

    def _differ(self, path: str, kind: str, left: str, right: str) -> None:
        self.found.append(Difference(document=self.document, path=path, kind=kind, left=left, right=right))


def _documents(folder: Path) -> dict[str, Mapping[str, Any]]:
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise NotFound(f"a record is a folder of JSON documents, got none in {folder}: `record` or `local` makes one")
    return found


def _name_of(rows: Sequence[Any]) -> str | None:
    """The member that names the rows of a list; None for a list without order of its own names."""
    if not all(isinstance(row, Mapping) for row in rows):
        return None
    return next((name for name in _NAMES if rows and all(name in row for row in rows)), None)


def _is_part(short: Sequence[str], long: Sequence[str]) -> bool:
    rest = iter(long)
    return bool(short) and all(status in rest for status in short) and short[-1] == long[-1]


def _is_chance(path: str) -> bool:
    parts = path.split(".")
    return len(parts) > 1 and parts[-2] in ("TunedHyperParameters", "HyperParameters") and parts[-1] in TUNED


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "time" if _TIME.fullmatch(value) else "text"
    return "object" if isinstance(value, Mapping) else "list"


def _plain(value: Any) -> Any:
    return _NUMBERED.sub("-<number>-<random>", value) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:297]}..."


def _state(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "not there"
    return str(side.get("missed", "recorded"))


def _outcome(side: Mapping[str, Any]) -> str:
    error = side.get("error")
    return "taken" if error is None else f"refused, {error['code']}: {error['message']}"
