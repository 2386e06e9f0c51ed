"""Rows to come."""

from __future__ import annotations

from tests.parity.row import Part

PARTS: tuple[Part, ...] = ()
