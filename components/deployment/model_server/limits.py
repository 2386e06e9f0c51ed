"""What one client may take of a model server: bytes, seconds, places."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of every request.

    Attributes:
        max_body_bytes: A larger body is refused with 413.
        max_in_flight: Requests that are read or scored at once; more are refused with 503 and `Retry-After`.
        header_timeout_s: From a request's first byte, or a connection's begin, to its last header; then it is closed.
        body_timeout_s: For the whole body; then 408.
        keep_alive_s: An idle connection is closed after this.
        finish_within_s: Requests that run when the server is told to stop are finished within this.
    """

    max_body_bytes: int = 16 * 1024 * 1024
    max_in_flight: int = 64
    header_timeout_s: float = 10.0
    body_timeout_s: float = 30.0
    keep_alive_s: int = 30
    finish_within_s: int = 10

    def arguments(self) -> Sequence[str]:
        """As `read_limits` reads them; none where all is as usual."""
        usual = Limits()
        changed = [one.name for one in fields(self) if getattr(self, one.name) != getattr(usual, one.name)]
        return [text for name in changed for text in (_option(name), str(getattr(self, name)))]


def add_limits(parser: argparse.ArgumentParser) -> None:
    """An option for each limit."""
    for one in fields(Limits):
        kind = float if one.type == "float" else int
        parser.add_argument(_option(one.name), type=kind, default=one.default)


def read_limits(options: argparse.Namespace) -> Limits:
    """The limits that were asked for."""
    return Limits(**{one.name: getattr(options, one.name) for one in fields(Limits)})


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
