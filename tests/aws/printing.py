"""A comparison as a table for people, and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.aws.comparison import Compared

_PIPED_COLUMNS = 160


def as_json(compared: Compared, left: Mapping[str, Any], right: Mapping[str, Any]) -> str:
    """One JSON document."""
    document = {"left": left, "right": right, **asdict(compared)}
    return json.dumps(document, indent=1, ensure_ascii=False)


def print_table(compared: Compared, left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    """The differences, a row each, and what was compared."""
    console = Console(width=None if sys.stdout.isatty() else _PIPED_COLUMNS)
    titles = _titles(left, right)
    if compared.differences:
        table = Table(show_lines=True)
        for title in ("call", "field", "difference", *titles):
            table.add_column(escape(title), overflow="fold")
        for one in compared.differences:
            table.add_row(*map(escape, (one.document, one.path, one.kind, one.left, one.right)))
        console.print(table)
    console.print(
        f"{titles[0]} and {titles[1]}: {compared.documents} calls, {compared.fields} values compared, "
        f"{len(compared.differences)} differences",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _titles(left: Mapping[str, Any], right: Mapping[str, Any]) -> tuple[str, str]:
    mine, theirs = (str(side.get("service", "a record")) for side in (left, right))
    return (mine, theirs) if mine != theirs else (f"{mine} (left)", f"{theirs} (right)")
