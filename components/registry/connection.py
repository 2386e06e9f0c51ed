"""An MLflow client that answers, or an error that says which server does not and why.

MLflow itself tries an unreachable server for minutes and leaves a half-made SQLite schema behind when it is killed
while making it. So a server is knocked at first, and a new SQLite file is made beside its place and renamed into it.
"""

from __future__ import annotations

import fcntl
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from components.errors import Busy, CannotWrite, Damaged, InvalidInput, NotFound, Refused, RetuneError, Unavailable
from components.registry.quiet import quiet_mlflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

KNOCK_TIMEOUT_S = 5.0
_DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# First match wins. SQLAlchemy's and MLflow's texts, because MLflow reduces every cause to a few codes.
_CAUSES: tuple[tuple[str, type[RetuneError]], ...] = (
    (r"database is locked", Busy),
    (r"readonly database|unable to open database file|database or disk is full|disk I/O error", CannotWrite),
    (r"No space left on device|Disk quota exceeded|Read-only file system", CannotWrite),
    (r"not a database|malformed", Damaged),
    (r"out-of-date database schema", InvalidInput),
    (r"unsupported URI|Could not parse SQLAlchemy URL|Can't load plugin|filesystem tracking backend", InvalidInput),
)
_CODES: dict[str, type[RetuneError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "PERMISSION_DENIED": Refused,
    "UNAUTHENTICATED": Refused,
    "INVALID_PARAMETER_VALUE": InvalidInput,
    "RESOURCE_ALREADY_EXISTS": InvalidInput,
}


def connect(tracking_uri: str) -> MlflowClient:
    """A client whose server has answered once; runs, models and the registry behind the same URI.

    Args:
        tracking_uri: `sqlite:///…` (made on first use, 3-8 s), `postgresql://…` or an MLflow server's address.

    Raises:
        Unavailable: Nothing answers there.
        CannotWrite: The SQLite file or its folder cannot be written.
        Damaged: The SQLite file is none.
        InvalidInput: MLflow knows no such URI, or the database's schema is another MLflow's.
    """
    quiet_mlflow()
    with answering(tracking_uri):
        if tracking_uri.startswith("sqlite:"):
            _make_sqlite(tracking_uri)
        else:
            _knock(tracking_uri)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        client.get_experiment_by_name("Default")
    return client


def redacted(uri: str) -> str:
    """A URI as it may be shown: user, password and query left out."""
    return re.sub(r"\?.*$", "?***", re.sub(r"//[^/@]*@", "//***@", uri))


@contextmanager
def answering(tracking_uri: str) -> Iterator[None]:
    """Translate what MLflow and what lies below it raise into our errors, in one line and without secrets.

    Raises:
        Unavailable: The default: the server did not answer, or not with sense.
        NotFound: MLflow's RESOURCE_DOES_NOT_EXIST.
        Refused: MLflow's PERMISSION_DENIED and UNAUTHENTICATED.
        InvalidInput: MLflow's INVALID_PARAMETER_VALUE; a URI it does not know.
        Busy: SQLite's lock is held by another process.
        CannotWrite: Disk full, no permission.
        Damaged: Not a SQLite database.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except RetuneError:
        raise
    except (MlflowException, SQLAlchemyError, OSError) as error:
        text = redacted(str(error).strip().partition("\n")[0])
        message = f"MLflow at {redacted(tracking_uri)}: {text or type(error).__name__}"
        for pattern, cause in _CAUSES:
            if re.search(pattern, str(error)):
                raise cause(message) from error
        if isinstance(error, (PermissionError, NotADirectoryError, FileNotFoundError, FileExistsError)):
            raise CannotWrite(message) from error
        raise _CODES.get(getattr(error, "error_code", ""), Unavailable)(message) from error


def _knock(tracking_uri: str) -> None:
    """Any answer will do, also 401: only silence is fatal here."""
    parts = urlsplit(tracking_uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme in ("http", "https"):
        import requests

        try:
            requests.get(f"{tracking_uri.rstrip('/')}/health", timeout=KNOCK_TIMEOUT_S).close()
        except requests.exceptions.RequestException as error:
            raise Unavailable(
                f"no MLflow server answers at {redacted(tracking_uri)} ({type(error).__name__}): "
                "start it, or mend MLFLOW_TRACKING_URI"
            ) from None
    elif scheme in _DATABASE_PORTS and parts.hostname:
        address = (parts.hostname, parts.port or _DATABASE_PORTS[scheme])
        try:
            socket.create_connection(address, timeout=KNOCK_TIMEOUT_S).close()
        except OSError as error:
            raise Unavailable(
                f"no database answers at {redacted(tracking_uri)} ({error.strerror or error}): "
                "start it, or mend MLFLOW_TRACKING_URI"
            ) from None


def _make_sqlite(tracking_uri: str) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy.engine import make_url

    place = make_url(tracking_uri).database
    if not place or place == ":memory:":
        raise InvalidInput(f"a SQLite tracking URI names a file (sqlite:////path/mlflow.db), got {tracking_uri!r}")
    path = Path(place)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return
        draft = path.with_name(f"{path.name}.draft")
        for leftover in path.parent.glob(f"{draft.name}*"):
            leftover.unlink()
        artifacts = str(path.parent / "mlflow-artifacts")
        store = SqlAlchemyStore(f"sqlite:///{draft}", artifacts)  # type: ignore[no-untyped-call]  # MLflow's
        # Kept in the file: readers (the UI) and the one writer do not wait for each other.
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        store.engine.dispose()
        draft.rename(path)
