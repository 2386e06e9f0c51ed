"""Requests to SageMaker's API, valid and broken, drawn by hypothesis from botocore's shapes.

Most start from a request that is valid and have one to three places changed; some are drawn whole from the shapes; some
are no JSON, or JSON that no client of AWS sends.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st

from components.amt.service_model import input_shape

# Replaced when the request is sent: by the last NextToken, or a training job, that the server told.
TOKEN, TRIAL = "@token", "@trial"
NAMES = (
    "fuzz",
    "FUZZ",
    "run-1",
    "run-2",
    "one",
    "one-1",
    "nobody",
    "a" * 32,
    "a" * 33,
    "-a",
    "a/b",
    "../../x",
    "a b",
    "ä",
    "",
)
STRINGS: tuple[str, ...] = (
    *NAMES,
    TOKEN,
    TRIAL,
    "0",
    "1",
    "-1",
    "0.5",
    "1e999",
    "nan",
    "Infinity",
    "1_0",
    "٣",
    "True",
    "s3://bucket/data/train/",
    "s3://bucket/../x",
    "s3://bucket//x",
    "s3://",
    "s3:///x",
    "s3://bucket/\x00",
    "https://bucket/x",
    "arn:aws:iam::111122223333:role/Tuning",
    "arn:aws:sagemaker:us-east-1:111122223333:hyper-parameter-tuning-job/fuzz",
    "(a+)+$",
    "(",
    "(?P<x>a)",
    "\x00",
    "\n",
    "\U0001f600" * 3,
    "$(id)",
    "%s%n",
    "x" * 256,
    "x" * 257,
    "x" * 3000,
    "2024-01-01T00:00:00Z",
    "2024",
    "99999999999999999999",
    "sagemaker_program",
    "_tuning_objective_metric",
)
JUNK: tuple[Any, ...] = (None, True, False, 0, 1, -1, 1.5, 2**31, -(2**63), 1e308, "", "x", [], {}, [None], {"": None})
# As text: Python's json would write some of it otherwise.
BROKEN: tuple[str, ...] = (
    "",
    " ",
    "{",
    "}",
    "null",
    "1",
    '"x"',
    "[]",
    "[{}]",
    '{"a":1,"a":2}',
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":-Infinity}',
    '{"a":1e400}',
    '{"a":' + "9" * 5000 + "}",
    '{"a":"\\ud800"}',
    '{"\\udfff":1}',
    '{"a":01}',
    '{"a":1,}',
    "{'a':1}",
    '{"a":"\x01"}',
    "{}x",
    "\ufeff{}",
    "[" * 100_000,
    '{"a":' * 2000 + "1" + "}" * 2000,
    '{"a":' + "[" * 500 + "]" * 500 + "}",
    "x" * 3_000_000,
)
WRONG_HEADERS: tuple[Mapping[str, str | None], ...] = (
    {"X-Amz-Target": None},
    {"X-Amz-Target": "SageMaker.CreateModel"},
    {"X-Amz-Target": "SageMaker."},
    {"X-Amz-Target": "DescribeTrainingJob"},
    {"X-Amz-Target": "SageMaker.__class__"},
    {"X-Amz-Target": "SageMaker.Close"},
    {"Content-Type": None},
    {"Content-Type": "text/plain"},
    {"Content-Encoding": "gzip"},
    {"X-Amz-Content-SHA256": "0" * 64},
)


@dataclass(frozen=True)
class Generated:
    """One request.

    Attributes:
        operation: API name.
        document: What it says; None when `body` is no document.
        body: What is sent instead.
        headers: Headers that differ from a client's; None leaves one out.
        number: Tells requests apart that say the same: hypothesis sends nothing twice.
    """

    operation: str
    document: Any = None
    body: bytes | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    number: int = 0


@functools.cache
def value_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Values for a place of the model: mostly of its type, around its limits."""
    return st.one_of(*[_typed(shape)] * 4, st.sampled_from(JUNK))


@functools.cache
def _typed(shape: Shape) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one per type of the model
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if isinstance(shape, StructureShape):
        return _structure(shape)
    if isinstance(shape, ListShape):
        return st.lists(value_of(shape.member), max_size=3) | _long_list(shape)
    if isinstance(shape, MapShape):
        return st.dictionaries(_typed(shape.key).filter(_hashable), value_of(shape.value), max_size=3)
    if shape.type_name == "string":
        enum = shape.metadata.get("enum")
        return st.sampled_from(enum) if enum else st.sampled_from(STRINGS) | st.text(max_size=40)
    if shape.type_name == "boolean":
        return st.booleans()
    if shape.type_name == "timestamp":
        return st.sampled_from([0, 1704067200, 1704067200.5, 1e300, -1e12, 10**18, "2024-01-01", "never", "9" * 400])
    edges = [edge + step for edge in (low, high) if edge is not None for step in (-1, 0, 1)]
    numbers = [0, 1, 2, -1, 120, 86400, 2**31 - 1, 2**31, 2**63, 0.5, -0.0, 1.0, *edges]
    return st.sampled_from(numbers)


def _hashable(value: Any) -> bool:
    return isinstance(value, str)


def _long_list(shape: ListShape) -> st.SearchStrategy[Any]:
    length = (shape.metadata.get("max") or 40) + 1
    return value_of(shape.member).map(lambda item: [item] * min(length, 101))


@functools.cache
def _structure(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    names = list(shape.members)
    if not names:
        return st.just({})
    optional = st.lists(st.sampled_from(names), unique=True, max_size=3)

    @st.composite
    def build(draw: st.DrawFn) -> dict[str, Any]:
        chosen = [*shape.required_members, *(name for name in draw(optional) if name not in shape.required_members)]
        return {name: draw(value_of(shape.members[name])) for name in chosen}

    return build()


@functools.cache
def _shape(operation: str) -> Shape:
    shape = input_shape(operation)
    assert shape is not None
    return shape


@dataclass(frozen=True)
class _Place:
    """Somewhere in a document: a member, an item or an entry, there or missing."""

    holder: Any
    key: Any
    shape: Shape | None

    def put(self, value: Any) -> None:
        self.holder[self.key] = copy.deepcopy(value)  # a later change must not reach what it was drawn from

    def drop(self) -> None:
        if isinstance(self.holder, dict):
            self.holder.pop(self.key, None)
        else:
            del self.holder[self.key]


def _places(shape: Shape | None, value: Any) -> Iterator[_Place]:
    if isinstance(value, dict):
        missing: list[str] = ["new", ""] if isinstance(shape, MapShape) else []
        if isinstance(shape, StructureShape):
            missing = [name for name in shape.members if name not in value]
        for name in [*value, *missing]:
            yield _Place(value, name, _member(shape, name))
        for name in list(value):
            yield from _places(_member(shape, name), value[name])
    elif isinstance(value, list):
        item = shape.member if isinstance(shape, ListShape) else None
        for index in range(len(value)):
            yield _Place(value, index, item)
            yield from _places(item, value[index])


def _member(shape: Shape | None, name: str) -> Shape | None:
    if isinstance(shape, StructureShape):
        return shape.members.get(name)
    return shape.value if isinstance(shape, MapShape) else None


_CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["put", "put", "put", "put", "drop", "junk", "unknown"])),
    min_size=1,
    max_size=3,
)
_KINDS = st.sampled_from([*["changed"] * 10, *["drawn"] * 4, *["valid"] * 4, "broken", "headers"])


@st.composite
def generated(draw: st.DrawFn, bases: Mapping[str, list[Any]]) -> Generated:
    """A request of one of the operations of `bases`, which hold valid requests of each."""
    operations = [name for name in sorted(bases) for _ in range(4 if name.startswith("CreateHyper") else 1)]
    operation = draw(st.sampled_from(operations))
    kind = draw(_KINDS)
    shape = _shape(operation)
    if kind == "broken":
        return Generated(operation, body=draw(st.sampled_from(BROKEN)).encode("utf-8", "surrogatepass"))
    if kind == "drawn":
        return Generated(operation, draw(value_of(shape)))
    document = copy.deepcopy(draw(st.sampled_from(bases[operation])))
    if kind == "headers":
        return Generated(operation, document, headers=draw(st.sampled_from(WRONG_HEADERS)))
    if kind == "changed":
        for choice, how in draw(_CHANGES):
            places = list(_places(shape, document))
            if not places:
                break
            place = places[choice % len(places)]
            if how == "drop":
                place.drop()
            elif how == "unknown":
                holder = place.holder if isinstance(place.holder, dict) else document
                holder[draw(st.sampled_from(["Unknown", "self", "operation", "name"]))] = 1
            elif how == "junk" or place.shape is None:
                place.put(draw(st.sampled_from(JUNK)))
            else:
                place.put(draw(value_of(place.shape)))
    return Generated(operation, document, number=draw(st.integers(0, 2**32)))


def as_body(request: Generated, *, token: str, trial: str) -> bytes:
    """What is sent."""
    if request.body is not None:
        return request.body
    text = json.dumps(request.document)
    return text.replace(json.dumps(TOKEN), json.dumps(token)).replace(json.dumps(TRIAL), json.dumps(trial)).encode()
