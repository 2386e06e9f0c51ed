"""Errors of libraries and machine -> the error tree."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from components.errors import CannotWrite, Damaged, Unavailable
from flows.failures import translate


def test_a_full_disk_is_told_as_such() -> None:
    """ENOSPC, wherever it came up, is CannotWrite with what to do."""
    with pytest.raises(OSError, match="No space left") as caught, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")

    known = translate(caught.value)

    assert isinstance(known, CannotWrite)
    assert "the disk is full" in str(known)


def test_a_database_that_cannot_be_opened_is_told_as_such(tmp_path: Path) -> None:
    """SQLite's own words become CannotWrite."""
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(tmp_path / "no" / "folder" / "x.db").execute("create table t (a)")

    assert isinstance(translate(caught.value), CannotWrite)


def test_the_cause_of_a_wrapped_error_is_found() -> None:
    """A library that wraps our error does not hide it."""
    outer = RuntimeError("task failed")
    outer.__cause__ = Damaged("half an archive")

    assert str(translate(outer)) == "half an archive"


def test_an_aws_endpoint_that_does_not_answer_is_retryable() -> None:
    """A connection error of botocore is Unavailable."""
    from botocore.exceptions import EndpointConnectionError

    known = translate(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"))

    assert isinstance(known, Unavailable)
    assert known.retryable


def test_a_bug_stays_a_bug() -> None:
    """What is not in the tree is not dressed up as the user's fault."""
    assert translate(KeyError("x")) is None
