"""The truth about every tuning job: one SQLite file under the local AMT's home.

WAL with synchronous=FULL: a commit survives kill -9 and a power cut. It costs one fsync (4 ms measured), and a training
job needs about four commits, so the cheaper NORMAL would save nothing worth a lost job. Several processes may use one
home: SQLite's locks and a busy timeout make their writes take turns.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from components.amt import store_schema
from components.amt.records import TrainingJob, TuningJob, TuningStatus
from components.errors import Busy, CannotWrite, Damaged

_BUSY_TIMEOUT_S = 30.0
_DELETED = "~"  # in the name of no tuning job

_ASKED_TO_STOP = """SELECT training_job FROM stop_request
UNION SELECT t.name FROM training_job t JOIN tuning_job j ON t.tuning_job = j.name WHERE j.status = 'Stopping'"""
_JSON_COLUMNS = frozenset({"request", "tags", "tuned", "transitions", "metrics", "parents"})
_TUNING = tuple(field.name for field in fields(TuningJob))
_TRAINING = tuple(field.name for field in fields(TrainingJob))


class NameTaken(Exception):
    """A tuning job of this name, in whatever case, is there already."""


class AmtStore:
    """Tuning jobs and training jobs, durable.

    Args:
        path: The SQLite file; its folder is made.
        busy_timeout_s: How long other processes' writes are waited for.

    Raises:
        CannotWrite: Home or disk cannot be used. Every method may raise it.
        Busy: Another process writes for too long. Every method may raise it.
        Damaged: The file is no database.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._lock = threading.RLock()
        with _one_at_a_time(path.with_name("amt.init")), self._told():
            self._connection = sqlite3.connect(
                path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.row_factory = sqlite3.Row
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
                self._connection.execute("PRAGMA foreign_keys=ON")
                store_schema.apply(self._connection)
            except sqlite3.Error:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors in our words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise Busy(f"another process writes {self._path} for too long: try again ({error})") from error
            raise CannotWrite(f"the local AMT cannot write its record {self._path}: {error}") from error
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise Damaged(f"{self._path} is no usable record of tuning jobs: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside, or none; other processes wait. Nested uses join the outer one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            with self._told():
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise

    def _rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock, self._told():
            return self._connection.execute(sql, arguments).fetchall()

    def _tuning_jobs(self, condition: str, *arguments: Any) -> list[TuningJob]:
        sql = f"SELECT * FROM tuning_job WHERE {condition}"  # noqa: S608 - our own words
        return [TuningJob(**_decoded(row)) for row in self._rows(sql, arguments)]

    def add_tuning_job(self, job: TuningJob) -> None:
        """Record a new job.

        Raises:
            NameTaken: The name is in use.
        """
        try:
            with self.transaction():
                self._insert("tuning_job", _TUNING, asdict(job))
        except sqlite3.IntegrityError as error:
            raise NameTaken(job.name) from error

    def tuning_job(self, name: str) -> TuningJob | None:
        """The job of that name, in whatever case; None when there is none."""
        return next(iter(self._tuning_jobs("name = ?", name)), None)

    def tuning_jobs(self) -> list[TuningJob]:
        """All jobs by name, deleted ones left out."""
        return self._tuning_jobs("name NOT LIKE ? ORDER BY name", f"%{_DELETED}%")

    def unfinished_jobs(self) -> list[TuningJob]:
        """Jobs that have not ended, training jobs of their own among them."""
        return self._tuning_jobs("status IN ('InProgress', 'Stopping') ORDER BY created_s")

    def tuning_job_of(self, arn: str, created_s: float) -> TuningJob | None:
        """The job created then under that ARN, also when it has been deleted since."""
        return next(iter(self._tuning_jobs("arn = ? AND created_s = ?", arn, created_s)), None)

    def delete_tuning_job(self, name: str, *, expected: Sequence[TuningStatus]) -> str | None:
        """Take a job off its name if its status is one of `expected`; its training jobs stay.

        Returns:
            The name it is kept under, which no job can be created with; None when it was not deleted.
        """
        marks = ",".join("?" * len(expected))
        with self.transaction():
            row = self._connection.execute(
                f"SELECT name FROM tuning_job WHERE name = ? AND status IN ({marks})",  # noqa: S608 - only ? is put in
                (name, *expected),
            ).fetchone()
            if row is None:
                return None
            kept = f"{row['name']}{_DELETED}{secrets.token_hex(4)}"
            self._connection.execute("PRAGMA defer_foreign_keys=ON")
            self._connection.execute("UPDATE tuning_job SET name = ? WHERE name = ?", (kept, name))
            self._connection.execute("UPDATE training_job SET tuning_job = ? WHERE tuning_job = ?", (kept, name))
        return kept

    def move_tuning_job(
        self,
        name: str,
        *,
        expected: Sequence[TuningStatus],
        to: TuningStatus,
        at_s: float,
        ended_s: float | None = None,
        failure_reason: str | None = None,
    ) -> bool:
        """Change a job's status if it still is one of `expected`; whether it did."""
        marks = ",".join("?" * len(expected))
        with self.transaction():
            cursor = self._connection.execute(
                f"UPDATE tuning_job SET status = ?, modified_s = ?, ended_s = ?, failure_reason = ?"  # noqa: S608 - only ? is put in
                f" WHERE name = ? AND status IN ({marks})",
                (to, at_s, ended_s, failure_reason, name, *expected),
            )
            return cursor.rowcount == 1

    def add_runtime(self, name: str, seconds: float) -> None:
        """Count supervised seconds towards a job's MaxRuntimeInSeconds."""
        with self.transaction():
            self._connection.execute("UPDATE tuning_job SET runtime_s = runtime_s + ? WHERE name = ?", (seconds, name))

    # Training jobs

    def add_training_job(self, job: TrainingJob) -> None:
        """Record a new training job, before anything of it runs.

        Raises:
            NameTaken: The name is in use.
        """
        try:
            with self.transaction():
                self._insert("training_job", _TRAINING, asdict(job))
                self._touch(job)
        except sqlite3.IntegrityError as error:
            raise NameTaken(job.name) from error

    def save_training_job(self, job: TrainingJob) -> None:
        """Record a training job's new state."""
        columns = [name for name in _TRAINING if name != "name"]
        values = _encoded({name: getattr(job, name) for name in _TRAINING})
        with self.transaction():
            self._connection.execute(
                f"UPDATE training_job SET {', '.join(f'{name} = ?' for name in columns)} WHERE name = ?",  # noqa: S608 - our own column names
                [*(values[name] for name in columns), job.name],
            )
            self._touch(job)

    def training_job(self, name: str) -> TrainingJob | None:
        """The training job of that name; None when there is none."""
        rows = self._rows("SELECT * FROM training_job WHERE name = ?", (name,))
        return _training_job(rows[0]) if rows else None

    def training_jobs(self, tuning_job: str) -> list[TrainingJob]:
        """The training jobs of a tuning job by number."""
        rows = self._rows("SELECT * FROM training_job WHERE tuning_job = ? ORDER BY number", (tuning_job,))
        return [_training_job(row) for row in rows]

    def all_training_jobs(self) -> list[TrainingJob]:
        """Every training job there is, whoever started it."""
        return [_training_job(row) for row in self._rows("SELECT * FROM training_job")]

    def ask_to_stop(self, training_job: str) -> None:
        """Leave word for its supervisor that a training job is to be stopped."""
        with self.transaction():
            self._connection.execute("INSERT OR IGNORE INTO stop_request VALUES (?)", (training_job,))

    def asked_to_stop(self) -> frozenset[str]:
        """Names of training jobs that somebody asked to stop, alone or with their tuning job; ended ones among them."""
        return frozenset(row[0] for row in self._rows(_ASKED_TO_STOP))

    def _insert(self, table: str, columns: Sequence[str], values: dict[str, Any]) -> None:
        encoded = _encoded(values)
        self._connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({','.join('?' * len(columns))})",  # noqa: S608 - our own names
            [encoded[name] for name in columns],
        )

    def _touch(self, job: TrainingJob) -> None:
        self._connection.execute(
            "UPDATE tuning_job SET modified_s = MAX(modified_s, ?) WHERE name = ?", (job.modified_s, job.tuning_job)
        )


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Processes open a home in turns: SQLite does not wait while another switches the file to WAL, it fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise CannotWrite(f"the local AMT needs a home it can write to, got {path.parent}: {error}") from error
    with file:  # closing lets go
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _encoded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if name in _JSON_COLUMNS else int(value) if isinstance(value, bool) else value
        for name, value in values.items()
    }


def _decoded(row: sqlite3.Row) -> dict[str, Any]:
    return {name: json.loads(row[name]) if name in _JSON_COLUMNS else row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over values


def _training_job(row: sqlite3.Row) -> TrainingJob:
    values = _decoded(row)
    return TrainingJob(**{**values, "internal_error": bool(values["internal_error"])})
