"""What every deployment target answers with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A model version that answers requests.

    Attributes:
        target: Name of the target, such as `local`.
        url: Where rows are POSTed to: `http://HOST:PORT/invocations`.
        version: The model version that answers there.
    """

    target: str
    url: str
    version: str
