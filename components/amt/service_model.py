"""A document against botocore's bundled service model: what the service checks and the client does not.

botocore's own client checks required members, Python types and minimum values before it sends a request. Maximum
values and lengths, patterns and enums are left to the service (measured, botocore 1.44), so the local AMT checks all
of it, here, for requests and for its own answers.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

_SHOWN_CHARACTERS = 80
# A longer string breaks its length limit anyway; patterns are not run over megabytes.
_LONGEST_MATCHED = 8192
_MOST_ITEMS = 1000
_LONGEST_TIME = 64

# Java's classes that Python's `re` lacks. `\w` is letters, numbers and `_`; in the service's patterns the three
# always stand together, so `\p{L}` and `\p{N}` may both become `\w` inside a class.
_JAVA_CLASSES: Mapping[str, str] = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{Alnum}": "a-zA-Z0-9",
}

# Integers on the wire are Java's, whatever limits a member has of its own.
_BITS: Mapping[str, int] = {"integer": 31, "long": 63}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (dt.datetime, int, float, str),
    "blob": (bytes, bytearray),
}


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One law of the service model that a document breaks.

    Attributes:
        path: Member names, list indices from 0 and map keys, from the top.
        law: What must hold, in AWS's words where AWS has some.
        value: What was found; never shown at more than 80 characters.
    """

    path: tuple[str | int, ...]
    law: str
    value: object = None

    def __str__(self) -> str:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).lstrip(".")
        return f"{place}: {self.law}, got {_shown(self.value)}"

    def in_aws_words(self) -> str:
        """The sentence AWS writes: lower-case members, list items as `.1.member`."""
        steps = (f"{step + 1}.member" if isinstance(step, int) else step[:1].lower() + step[1:] for step in self.path)
        value = "null" if self.value is None else f"'{_shown(self.value, quote=False)}'"
        return f"Value {value} at '{'.'.join(steps)}' failed to satisfy constraint: {self.law}"


def _shown(value: object, *, quote: bool = True) -> str:
    text = repr(value) if quote else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


@functools.cache
def _service() -> ServiceModel:
    # The bundled data only: what a user keeps under ~/.aws/models must not change the answer.
    loader = Loader([Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model("sagemaker", "service-2"), "sagemaker")


def input_shape(operation: str) -> Shape | None:
    """The shape of an operation's request; None when it takes none.

    Raises:
        OperationNotFoundError: The service has no such operation.
    """
    return _service().operation_model(operation).input_shape


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str] | None:
    flags = re.NOFLAG if r"\p{L}" in pattern else re.ASCII  # Java's \w, \d and \s are ASCII
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern, flags)
    except re.error:  # a Java construct Python lacks: not checked here (none in the operations of tuning jobs)
        return None


def breaches(
    operation: str, document: Mapping[str, Any], *, output: bool = False, most: int | None = None
) -> list[Breach]:
    """Every law of the service model that a request or an answer breaks, in document order.

    Args:
        operation: API name, such as `CreateHyperParameterTuningJob`.
        document: The request, or the answer without regard to `ResponseMetadata`.
        output: Whether `document` is an answer. Unknown members are looked for in requests only: clients drop them
            from answers.
        most: Stop after so many.

    Raises:
        OperationNotFoundError: The service has no such operation.
    """
    model = _service().operation_model(operation)
    shape = model.output_shape if output else model.input_shape
    if shape is None:  # Stop and Delete answer with nothing
        return []
    return list(itertools.islice(_walk(shape, document, (), output=output), most))


def _walk(shape: Shape, value: object, path: tuple[str | int, ...], *, output: bool) -> Iterator[Breach]:
    allowed = _TYPES.get(shape.type_name, (object,))
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        yield Breach(path=path, law=f"Member must be a {shape.type_name}", value=value)
    elif isinstance(shape, StructureShape) and isinstance(value, Mapping):
        yield from _structure(shape, value, path, output=output)
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        yield from _size(shape, value, len(value), path)
        for key, item in value.items():
            yield from _walk(shape.key, key, (*path, str(key)), output=output)
            yield from _walk(shape.value, item, (*path, str(key)), output=output)
    elif isinstance(shape, ListShape) and isinstance(value, list | tuple):
        yield from _size(shape, value, len(value), path)
        # A longer list breaks its length limit anyway: nobody has to wait for half a million items.
        for index, item in enumerate(value[:_MOST_ITEMS]):
            yield from _walk(shape.member, item, (*path, index), output=output)
    elif isinstance(value, str) and shape.type_name == "string":
        yield from _string(shape, value, path)
    elif isinstance(value, int | float) and shape.type_name in ("integer", "long", "float", "double"):
        yield from _range(shape, value, value, path, "value")
    elif isinstance(value, str) and shape.type_name == "timestamp" and not _is_time(value):
        yield Breach(path=path, law="Member must be a timestamp in ISO 8601 or RFC 822 form", value=value)


def _is_time(text: str) -> bool:
    if len(text) > _LONGEST_TIME:
        return False
    try:
        parse_timestamp(text).timestamp()
    except (ValueError, OverflowError, RuntimeError, OSError):
        return False
    return True


def _structure(
    shape: StructureShape, value: Mapping[str, object], path: tuple[str | int, ...], *, output: bool
) -> Iterator[Breach]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield Breach(path=(*path, name), law="Member must not be null")
    for name, item in value.items():
        member = shape.members.get(name)
        if member is not None:
            if item is not None:
                yield from _walk(member, item, (*path, name), output=output)
        elif not output:
            law = f"Unknown member, must be one of: {', '.join(shape.members)}"
            yield Breach(path=(*path, str(name)), law=law, value=item)


def _string(shape: Shape, value: str, path: tuple[str | int, ...]) -> Iterator[Breach]:
    yield from _size(shape, value, len(value), path)
    pattern = shape.metadata.get("pattern")
    if pattern is not None and len(value) <= _LONGEST_MATCHED:
        compiled = _pattern(pattern)
        if compiled is not None and compiled.fullmatch(value) is None:
            law = f"Member must satisfy regular expression pattern: {pattern}"
            yield Breach(path=path, law=law, value=value)
    values = shape.metadata.get("enum")
    if values is not None and value not in values:
        yield Breach(path=path, law=f"Member must satisfy enum value set: [{_enum_text(values)}]", value=value)


def _enum_text(values: list[str]) -> str:
    text = ", ".join(values)
    return text if len(text) <= 10 * _SHOWN_CHARACTERS else text[: 10 * _SHOWN_CHARACTERS] + ", ..."


def _size(shape: Shape, value: object, length: int, path: tuple[str | int, ...]) -> Iterator[Breach]:
    yield from _range(shape, value, length, path, "length")


def _range(shape: Shape, value: object, measure: float, path: tuple[str | int, ...], noun: str) -> Iterator[Breach]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    bits = _BITS.get(shape.type_name)
    if bits is not None:
        low = -(2**bits) if low is None else low
        high = 2**bits - 1 if high is None else high
    if high is not None and not measure <= high:
        yield Breach(path=path, law=f"Member must have {noun} less than or equal to {high}", value=value)
    if low is not None and not measure >= low:
        yield Breach(path=path, law=f"Member must have {noun} greater than or equal to {low}", value=value)
