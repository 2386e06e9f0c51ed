"""The parity table as a page."""

from __future__ import annotations

from tests.parity import clients, container, endings, life, requests, search, spot, training_jobs, wire
from tests.parity.row import Part, Row

PARTS: tuple[Part, ...] = (
    *wire.PARTS,
    *requests.PARTS,
    *life.PARTS,
    *container.PARTS,
    *endings.PARTS,
    *search.PARTS,
    *spot.PARTS,
    *training_jobs.PARTS,
    *clients.PARTS,
)

_HEAD = """# Parity with Amazon SageMaker Automatic Model Tuning

<!-- Written by `python -m tests.parity` from the rows in tests/parity/; a test holds the two together. -->

What a client of AMT can see, row by row: what AWS does, whether the local AMT does the same, and the tests that show
it. `make check` runs exactly these tests and fails unless each passes; a row without one must say what differs and why.

**Parity is derived from AWS's documentation, botocore's service model and published responses. It is not yet verified
live, against AWS itself** ([its owner can, with one command](../how-to/verify-on-aws.md)). Where AWS publishes nothing,
the row says what is done here.
"""


def rows() -> list[Row]:
    """All rows, in order."""
    return [row for part in PARTS for row in part.rows]


def named_tests() -> set[str]:
    """Every test a row names."""
    return {name for row in rows() for name in row.tests}


def page() -> str:
    """The page's text."""
    differing = sum(bool(row.differs) for row in rows())
    counts = f"{len(rows())} rows, {len(rows()) - differing} the same, {differing} that differ."
    return "\n".join([_HEAD, counts, *(_section(part) for part in PARTS)])


def _section(part: Part) -> str:
    lines = [f"\n## {part.title}\n", "| AWS | Here | Shown by |", "|---|---|---|"]
    lines += [f"| {_cell(row.aws)} | {_here(row)} | {_shown(row)} |" for row in part.rows]
    return "\n".join(lines)


def _here(row: Row) -> str:
    return f"**differs**: {_cell(row.differs)}" if row.differs else "same"


def _shown(row: Row) -> str:
    return "<br>".join(f"`{name.removeprefix('tests/')}`" for name in row.tests).replace("|", "\\|") or "-"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
