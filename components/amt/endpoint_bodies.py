"""Bodies of SageMaker's wire protocol, JSON 1.1 (amt.md 0): requests read by botocore's service model, answers written.

What cannot be read as the model's types is a SerializationException, as AWS's servers answer; whether the values obey
the model's limits is not asked here. Whatever a client sends ends as a request or as that error: nothing is left that
could trip the code behind it (depth, huge numbers, surrogates without a partner).
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

# The deepest request of the model has nine levels.
_DEEPEST = 64
_INTEGERS = ("integer", "long")
_NUMBERS = ("float", "double")
_NOT_JSON: Mapping[type, str] = {
    bool: "BOOLEAN_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    str: "STRING_VALUE",
    list: "a list",
    dict: "a structure or map",
    type(None): "NULL_VALUE",
}


class NotReadable(Exception):
    """A body that is no request; the text is for the client."""


def read_request(body: bytes, shape: Shape | None) -> dict[str, Any]:
    """A request, its members as LocalAmt takes them: null members left out, integral numbers as int.

    Args:
        body: As sent.
        shape: The operation's input.

    Raises:
        NotReadable: It is not strict JSON in UTF-8, nested too deeply, or its types are not the model's.
    """
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise NotReadable("the body is not valid UTF-8") from error
    except RecursionError as error:
        raise NotReadable("the body is nested too deeply") from error
    except ValueError as error:
        raise NotReadable(f"the body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise NotReadable(f"Start of structure or map expected, found {_kind(document)}")
    _check_values(document)
    return document if shape is None else _read(shape, document, "")


def write_answer(answer: Mapping[str, Any]) -> bytes:
    """An answer's body: timestamps as epoch seconds with milliseconds.

    Raises:
        ValueError: A number that JSON does not have.
    """
    return json.dumps(answer, default=_epoch_s, allow_nan=False, separators=(",", ":")).encode()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _check_values(document: Any) -> None:
    """Refuse what is JSON, yet no value a server could hold; without recursion."""
    level = [document]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
                below += value  # its keys
            elif isinstance(value, list):
                below += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise NotReadable("a number is too large")
            elif isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise NotReadable("an integer has more than 64 bits")
            elif isinstance(value, str) and not _is_text(value):
                raise NotReadable("a string holds half of a surrogate pair")
        if not below:
            return
        level = below
    raise NotReadable("the body is nested too deeply")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            raise _mismatch(value, "Start of structure or map", path)
        return {
            name: _read(shape.members[name], member, _step(path, name)) if name in shape.members else member
            for name, member in value.items()
            if member is not None  # to AWS such a member is not there
        }
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise _mismatch(value, "Start of structure or map", path)
        return {key: _read(shape.value, item, _step(path, key)) for key, item in value.items()}
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _mismatch(value, "Start of list", path)
        return [_read(shape.member, item, f"{path}[{index}]") for index, item in enumerate(value)]
    return _scalar(shape.type_name, value, path)


def _scalar(kind: str, value: Any, path: str) -> Any:
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "string" and isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind in _INTEGERS and value == int(value):
            return int(value)
        if kind in _NUMBERS or kind == "timestamp":
            return value
    if kind == "timestamp" and isinstance(value, str):
        return value  # its form is a matter of the model's laws
    raise _mismatch(value, f"{'an' if kind == 'integer' else 'a'} {kind.capitalize()}", path)


def _step(path: str, name: str) -> str:
    return f"{path}.{name[:80]}" if path else name[:80]


def _mismatch(value: Any, wanted: str, path: str) -> NotReadable:
    place = f" at {path}" if path else ""
    if wanted.startswith("Start"):
        return NotReadable(f"{wanted} expected{place}, found {_kind(value)}")
    return NotReadable(f"{_kind(value)} can not be converted to {wanted}{place}")


def _kind(value: Any) -> str:
    return _NOT_JSON.get(type(value), type(value).__name__)


def _epoch_s(value: Any) -> float:
    if isinstance(value, dt.datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"an answer holds what JSON does not have: {type(value).__name__}")
