"""A background service: how to start it, and the one that is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.deployment.service_record import ServiceRecord
from components.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~%-]{0,180}")


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """How to start a service.

    Attributes:
        name: File name of its record and log.
        command: The port to its program and arguments; the port is their only change between two starts.
        health_path: Path that answers 200 when it is well.
        environment: Added to the services' own; None takes a variable away.
        port: The only port that will do; None takes the recorded one, else one that is free.
        first_port: Where to look for a free port from; None takes any.
        start_timeout_s: How long it may take until it is well.
        identifies_itself: It writes a byte to file 3 when it is ready, and its health is a JSON object with `identity`
            as in its record. Of a foreign server the environment and the listening socket are compared.
        details: Kept in the record. Another `details` or command replaces a running service.
        token: Kept in the record too, for the service to ask its clients for; `details` must tell when it changes.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    health_path: str
    environment: Mapping[str, str | None] = field(default_factory=dict)
    port: int | None = None
    first_port: int | None = None
    start_timeout_s: float = 120.0
    identifies_itself: bool = False
    details: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(f"a service's name is a plain file name, got {self.name!r}")


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that is there.

    Attributes:
        name: Its name.
        url: `http://127.0.0.1:PORT`.
        pid: Of its session and process group.
        started: Whether this call started it.
        nonce: What commands it, where it takes commands. Not to be shown.
        log: Path of its log.
        details: As in its spec.
    """

    name: str
    url: str
    pid: int
    started: bool
    nonce: str = field(repr=False)
    log: Path
    details: Mapping[str, str]

    @classmethod
    def of(cls, record: ServiceRecord, *, started: bool = False) -> Service:
        """As its record says."""
        return cls(
            name=record.name,
            url=record.url,
            pid=record.pid,
            started=started,
            nonce=record.nonce,
            log=Path(record.log),
            details=record.details,
        )
