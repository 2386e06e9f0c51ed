"""What every deployment target answers with, and is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A model version that answers requests.

    Attributes:
        target: Name of the target, such as `local`.
        url: Where rows are POSTed to: `http://HOST:PORT/invocations`, or InvokeEndpoint's own (signed) address.
        version: The model version that answers there.
        config: SageMaker's endpoint configuration; None elsewhere.
    """

    target: str
    url: str
    version: str
    config: str | None = None


class Target(Protocol):
    """Where versions of registered models are served. Saying something again changes nothing."""

    def deploy(self, model: str, version: str) -> Deployment:
        """Have a version answer; raises when it does not, and then what answered before goes on."""

    def find(self, model: str) -> Deployment | None:
        """What answers for the model now."""

    def stop(self, model: str) -> bool:
        """End it; whether there was anything."""
