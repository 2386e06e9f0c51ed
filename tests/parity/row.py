"""One row of the parity table: what AWS does, whether the local AMT does the same, and the tests that show it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """A behaviour of Amazon SageMaker Automatic Model Tuning that a client can see.

    Attributes:
        aws: What AWS does, one sentence.
        tests: Node ids without parameters, or with them in brackets; each must pass.
        differs: What happens here instead, and why; empty when it is the same.
    """

    aws: str
    tests: tuple[str, ...] = ()
    differs: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of one subject."""

    title: str
    rows: tuple[Row, ...]


def tests(file: str, *names: str) -> tuple[str, ...]:
    """Node ids of tests of one file, or of one class (`file.py::TestClass`) below `tests/`."""
    return tuple(f"tests/{file}::{name}" for name in names)
