"""The ledger: what each tuning job may cost and did cost, by month, so that runs at the same time share one cap.

A job's row is reserved in one transaction before the job is created, in the UTC month of that moment, and replaced by
what it came to at its end. A run that dies in between leaves its reservation: until Describe says that the job has
ended, its money counts as spent.

    SqliteLedger    one machine: a file under the home, WAL
    S3Ledger        shared (CI, several machines): one JSON object, replaced only when it is still the one that was read
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

from components.errors import Busy, CannotWrite
from components.storage.s3_document import S3Document

_TRIES = 30
_BUSY_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One tuning job's money.

    Attributes:
        job: Tuning job.
        model: Model it is for.
        month: UTC month of its creation, `2026-11`.
        reserved_usd: What it may cost at the worst.
        spent_usd: What it came to; None until it has ended.
        at_s: When it was reserved, seconds since the epoch.
        region: Where the job is: only there its end can be seen.
        usd_per_s: Of one training job.
    """

    job: str
    model: str
    month: str
    reserved_usd: float
    spent_usd: float | None
    at_s: float
    region: str
    usd_per_s: float

    @property
    def counts_usd(self) -> float:
        """What it takes of its month's cap."""
        return self.reserved_usd if self.spent_usd is None else self.spent_usd


_COLUMNS = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a job reserves for; the attributes are those of its `Entry`."""

    job: str
    model: str
    at_s: float
    region: str
    usd_per_s: float


# What others take of the month -> what is to be reserved. Raises Refused when there is not enough left.
Wanted = Callable[[float], float]


class Ledger(Protocol):
    """Rows by job; every method is one transaction."""

    def reserve(self, order: Order, wanted: Wanted) -> Entry:
        """Reserve for a job about to be created; what it had reserved before is replaced, in its first month.

        Raises:
            Refused: From `wanted`; nothing is reserved then.
            Busy: Others hold the ledger all the time.
        """

    def settle(self, job: str, spent_usd: float) -> None:
        """Write what a job came to. The same again changes nothing; a job without a row is none of ours."""

    def entries(self, month: str | None = None) -> tuple[Entry, ...]:
        """Rows of a month, or all, by month and job."""


def month_of(at_s: float) -> str:
    """UTC month of a moment, `2026-11`."""
    return time.strftime("%Y-%m", time.gmtime(at_s))


def total_usd(entries: Sequence[Entry], month: str) -> float:
    """What a month's rows take of its cap."""
    return sum(entry.counts_usd for entry in entries if entry.month == month)


def _reserved(entries: Sequence[Entry], order: Order, wanted: Wanted) -> Entry:
    before = next((entry for entry in entries if entry.job == order.job), None)
    month = month_of(order.at_s) if before is None else before.month
    others = total_usd([entry for entry in entries if entry.job != order.job], month)
    return Entry(**asdict(order), month=month, reserved_usd=wanted(others), spent_usd=None)


class SqliteLedger:
    """The ledger of one machine.

    Args:
        path: Its file; made when it is first written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def reserve(self, order: Order, wanted: Wanted) -> Entry:
        """See `Ledger.reserve`."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            entry = _reserved(list(_rows(database)), order, wanted)
            database.execute(
                f"INSERT OR REPLACE INTO entry ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{c}' for c in _COLUMNS)})",  # noqa: S608  names of our own
                asdict(entry),
            )
            database.execute("COMMIT")
            return entry

    def settle(self, job: str, spent_usd: float) -> None:
        """See `Ledger.settle`."""
        with self._open() as database:
            database.execute("UPDATE entry SET spent_usd = ? WHERE job = ?", (spent_usd, job))

    def entries(self, month: str | None = None) -> tuple[Entry, ...]:
        """See `Ledger.entries`."""
        if not self._path.exists():
            return ()
        with self._open() as database:
            return tuple(entry for entry in _rows(database) if month in (None, entry.month))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise CannotWrite(f"the ledger {self._path} must be writable, got: {error}") from error
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS entry (job TEXT PRIMARY KEY, model TEXT NOT NULL, month TEXT NOT NULL, "
                "reserved_usd REAL NOT NULL, spent_usd REAL, at_s REAL NOT NULL, region TEXT NOT NULL, "
                "usd_per_s REAL NOT NULL)"
            )
            yield database
        except sqlite3.OperationalError as error:
            raise Busy(f"the ledger {self._path} is held by others, got: {error}; run again") from error
        finally:
            database.close()  # what was not committed is undone


def _rows(database: sqlite3.Connection) -> Iterator[Entry]:
    columns = ", ".join(_COLUMNS)
    for row in database.execute(f"SELECT {columns} FROM entry ORDER BY month, job"):  # noqa: S608  names of our own
        yield Entry(**dict(zip(_COLUMNS, row, strict=True)))


class S3Ledger:
    """The ledger of several machines.

    Args:
        document: The object it is kept in.
        pause: Waits so many seconds between two tries.
    """

    def __init__(self, document: S3Document, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._document = document
        self._pause = pause

    def reserve(self, order: Order, wanted: Wanted) -> Entry:
        """See `Ledger.reserve`."""
        made: list[Entry] = []

        def change(entries: list[Entry]) -> list[Entry]:
            entry = _reserved(entries, order, wanted)
            made.append(entry)
            return [*(each for each in entries if each.job != order.job), entry]

        self._change(change)
        return made[-1]

    def settle(self, job: str, spent_usd: float) -> None:
        """See `Ledger.settle`."""
        self._change(
            lambda entries: [replace(entry, spent_usd=spent_usd) if entry.job == job else entry for entry in entries]
        )

    def entries(self, month: str | None = None) -> tuple[Entry, ...]:
        """See `Ledger.entries`."""
        content, _ = self._document.read()
        return tuple(entry for entry in _parsed(content) if month in (None, entry.month))

    def _change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        for attempt in range(_TRIES):
            content, version = self._document.read()
            before = _parsed(content)
            after = sorted(change(before), key=lambda entry: (entry.month, entry.job))
            if after == before:
                return
            text = json.dumps({"entries": [asdict(entry) for entry in after]}, indent=1)
            if self._document.replace(text.encode(), version):
                return
            self._pause(random.uniform(0, min(2.0, 0.05 * 2**attempt)))  # noqa: S311  to spread writers, not to hide
        raise Busy(f"the shared ledger was changed by others {_TRIES} times in a row; run again")


def _parsed(content: bytes | None) -> list[Entry]:
    document: Mapping[str, Any] = json.loads(content) if content else {"entries": []}
    return [Entry(**entry) for entry in document["entries"]]
