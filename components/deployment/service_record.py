"""The file that says where a background service is: `$RETUNE_HOME/services/<name>.json`.

It is written before the service runs its first instruction and replaced by rename, so there is never a service
without a record. Owner-only, because it holds the service's nonce.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

State = Literal["starting", "ready", "stopped"]


@dataclass(frozen=True, kw_only=True)
class ServiceRecord:
    """A service as it was started.

    Attributes:
        name: Name of the service.
        state: `stopped` records stay: they hold the port to come back to.
        pid: Process id; also of its session and process group.
        start_time_s: When the kernel says that process began, seconds since the epoch. With the pid it names one
            process for good.
        url: `http://127.0.0.1:PORT`.
        nonce: Random text that only this start of the service knows.
        log: Path of its log.
        command: What was run.
        health_path: Answers 200 when the service is well.
        identifies_itself: Its health answers `identity`; a foreign server's does not.
        details: What the starter wants to find again; a change of it replaces the service.
        token: What its clients must bear; None lets everybody on this machine ask.
    """

    name: str
    state: State
    pid: int
    start_time_s: float
    url: str
    nonce: str = field(repr=False)
    log: str
    command: tuple[str, ...]
    health_path: str
    identifies_itself: bool
    details: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)

    @property
    def port(self) -> int:
        """TCP port."""
        return urlsplit(self.url).port or 0

    @property
    def identity(self) -> str:
        """What a service may say aloud to prove that it holds the nonce."""
        return identity_of(self.nonce)


def identity_of(nonce: str) -> str:
    """SHA-256 of a nonce, 64 hex digits. The nonce itself lets its holder command the service."""
    return hashlib.sha256(nonce.encode()).hexdigest()


def read_record(path: Path) -> ServiceRecord | None:
    """The record at a path; None when there is none, or one that cannot be made sense of."""
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        # records without a token are of versions that knew none
        known = {name: document[name] for name in (one.name for one in fields(ServiceRecord)) if name != "token"}
        known["token"] = document.get("token")
        record = ServiceRecord(**known | {"command": tuple(known["command"])})
        return record if int(record.pid) > 0 and record.port else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(path: Path, record: ServiceRecord) -> None:
    """Put the record in its place, whole or not at all. Raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(asdict(record), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
