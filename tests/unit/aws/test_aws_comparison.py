"""Two records held against each other: what counts as a difference, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import InvalidInput, NotFound
from tests.aws.comparison import Difference, compare

Write = Callable[..., Path]


@pytest.fixture
def record(tmp_path: Path) -> Write:
    """Write a record; its documents by name."""

    def write(name: str, run: str = "parity-1", **documents: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for document, content in {"about": {"run": run}, **documents}.items():
            (folder / f"{document}.json").write_text(json.dumps(content))
        return folder

    return write


def taken(**answer: Any) -> dict[str, Any]:
    """A call that was answered."""
    return {"http_status": 200, "answer": answer}


def refused(code: str, message: str) -> dict[str, Any]:
    """A call that was refused."""
    return {"http_status": 400, "error": {"code": code, "message": message}}


def between(record: Write, left: Any, right: Any) -> list[Difference]:
    """Differences of two records of one call."""
    return list(compare(record("left", call=left), record("right", call=right)).differences)


@pytest.mark.parametrize(
    ("left", "right", "kind", "path"),
    [
        (taken(A=1), taken(), "only left", "answer.A"),
        (taken(), taken(A={"B": 1}), "only right", "answer.A"),
        (taken(A="1"), taken(A=1), "type", "answer.A"),
        (taken(A=1), taken(A=1.0), "type", "answer.A"),
        (taken(A="2026-01-01T00:00:00.000+00:00"), taken(A="soon"), "type", "answer.A"),
        (taken(Status="Stopped"), taken(Status="Completed"), "value", "answer.Status"),
        (taken(Spot=True), taken(Spot=False), "value", "answer.Spot"),
        (taken(A=["x"]), taken(A=["x", "y"]), "length", "answer.A"),
        (taken(M=[{"Name": "a"}, {"Name": "b"}]), taken(M=[{"Name": "b"}]), "only left", "answer.M.[a]"),
        (
            taken(SecondaryStatusTransitions=[{"Status": "Starting"}, {"Status": "Training"}]),
            taken(SecondaryStatusTransitions=[{"Status": "Training"}]),
            "sequence",
            "answer.SecondaryStatusTransitions",
        ),
        ({"sampled": ["InProgress", "Stopped"]}, {"sampled": ["InProgress", "Completed"]}, "sequence", ""),
        (taken(), refused("ResourceInUse", "taken"), "outcome", ""),
        (refused("A", "x"), refused("B", "x"), "value", "error.code"),
        (refused("A", "x"), refused("A", "y"), "value", "error.message"),
        ({**taken(), "http_status": 201}, taken(), "value", "http_status"),
        ({"missed": "too late"}, taken(), "not recorded", ""),
        (taken(TunedHyperParameters={"eta": "0.1"}), taken(TunedHyperParameters={}), "only left", None),
        (taken(HyperParameters={"num_round": "3"}), taken(HyperParameters={"num_round": "4"}), "value", None),
    ],
)
def test_a_difference_is_told_by_its_kind_and_its_field(
    record: Write, left: Any, right: Any, kind: str, path: str | None
) -> None:
    """Fields on one side only, types, enums, lengths, sequences, codes and messages are differences, one each."""
    (found,) = between(record, left, right)
    assert (found.document, found.kind) == ("call", kind)
    assert path in (None, found.path)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (taken(At="2026-01-01T00:00:00.000+00:00"), taken(At="2027-02-03T04:05:06.789+00:00")),
        (taken(Seconds=1, Value=0.5), taken(Seconds=193, Value=0.25)),
        (taken(TunedHyperParameters={"booster": "dart"}), taken(TunedHyperParameters={"booster": "gbtree"})),
        (taken(Best="parity-1-first-001-<random>"), taken(Best="parity-1-first-002-<random>")),
        (taken(M=[{"Name": "a"}, {"Name": "b"}]), taken(M=[{"Name": "b"}, {"Name": "a"}])),
        ({"sampled": ["InProgress", "Stopping", "Stopped"]}, {"sampled": ["InProgress", "Stopped"]}),
    ],
)
def test_what_chance_and_the_clock_decide_is_no_difference(record: Write, left: Any, right: Any) -> None:
    """Times, numbers, tuned values, the order of named things, and a status too short to be seen, may be others."""
    assert between(record, left, right) == []


def test_a_call_that_only_one_record_has_is_a_difference(record: Write) -> None:
    """A document that is missing on one side is not passed over."""
    compared = compare(record("left", one=taken(), two=taken()), record("right", one=taken()))
    (found,) = compared.differences
    assert (found.document, found.kind, found.left, found.right) == ("two", "not recorded", "recorded", "not there")
    assert compared.documents == 2


def test_records_of_two_scenarios_are_not_compared(record: Write, tmp_path: Path) -> None:
    """Another take, scenario or instance type, or a folder without a record, is refused."""
    left = record("left", call=taken())
    with pytest.raises(InvalidInput, match="of one scenario, take and instance type, got parity-1 and parity-2"):
        compare(left, record("right", run="parity-2", call=taken()))
    with pytest.raises(NotFound, match="got none in"):
        compare(left, tmp_path / "nothing")
