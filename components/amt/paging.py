"""Sorted pages with opaque tokens, as AWS's list calls have them.

A token holds the place after the last row, not a row number: what is added meanwhile neither repeats nor hides a row.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
Key = tuple[float | str, str]

_DEFAULT_ROWS = 10


class BadToken(Exception):
    """A NextToken this service did not give out, or gave to another query."""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """Rows of one answer, and the token of the next; None at the end."""

    rows: Sequence[Row]
    next_token: str | None


def page_of(rows: Sequence[Row], *, key: Callable[[Row], Key], query: Mapping[str, Any]) -> Page[Row]:
    """The page a list request asks for.

    Args:
        rows: All that match.
        key: What they are sorted by, and their name.
        query: The request: SortOrder, MaxResults, NextToken and the filters.

    Raises:
        BadToken: NextToken is not one of this query.
    """
    descending = query.get("SortOrder", "Ascending") == "Descending"
    ordered = sorted(rows, key=key, reverse=descending)
    fingerprint = _fingerprint(query)
    token = query.get("NextToken")
    if token is not None:
        after = _decode(token, fingerprint)
        try:
            ordered = [row for row in ordered if (key(row) < after if descending else key(row) > after)]
        except TypeError as error:
            raise BadToken(token) from error
    size = query.get("MaxResults", _DEFAULT_ROWS)
    page = ordered[:size]
    more = len(ordered) > len(page)
    return Page(rows=page, next_token=_encode(key(page[-1]), fingerprint) if more else None)


def _fingerprint(query: Mapping[str, Any]) -> str:
    filters = {name: str(value) for name, value in query.items() if name not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]


def _encode(key: Key, fingerprint: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([fingerprint, *key]).encode()).decode()


def _decode(token: str, fingerprint: str) -> Key:
    try:
        given, value, name = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadToken(token) from error
    if given != fingerprint or not isinstance(name, str) or not isinstance(value, float | int | str):
        raise BadToken(token)
    return value, name
