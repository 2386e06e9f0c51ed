"""Bars: what a measurement must reach, and whether it did. A missing row is a failed bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One measured value against its limit.

    Attributes:
        name: What was measured; begins with the letter of its benchmark.
        value: The measurement; NaN when it could not be made, which fails.
        limit: What it is held against.
        at_most: Whether the value may not be above the limit; otherwise not below it.
    """

    name: str
    value: float
    limit: float
    at_most: bool

    @property
    def held(self) -> bool:
        """Whether the value is on the right side of the limit."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @classmethod
    def upper(cls, name: str, value: float, limit: float) -> Bar:
        """A value that may not be above its limit."""
        return cls(name=name, value=value, limit=limit, at_most=True)

    @classmethod
    def lower(cls, name: str, value: float, limit: float) -> Bar:
        """A value that may not be below its limit."""
        return cls(name=name, value=value, limit=limit, at_most=False)


def print_bars(bars: Sequence[Bar]) -> None:
    """The closing table."""
    table = Table("measured", "value", "bar", "", title="bars")
    for bar in bars:
        value = "missing" if math.isnan(bar.value) else f"{bar.value:.3g}"
        table.add_row(
            bar.name, value, f"{'<=' if bar.at_most else '>='} {bar.limit:.3g}", "held" if bar.held else "MISSED"
        )
    Console().print(table)
