"""An MLflow client for many small writes: it fails in seconds, commits without waiting for the disk, prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.registry.connection import answering, connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

_RETRIES = 2
_REQUEST_TIMEOUT_S = 30


def tracking_client(tracking_uri: str) -> MlflowClient:
    """`connect`, and the settings that writing while a search runs needs.

    Raises:
        RetuneError: As `connect`.
    """
    _set_defaults()
    client = connect(tracking_uri)
    with answering(tracking_uri):
        _commit_without_fsync(client)
    return client


def _set_defaults() -> None:
    """Settings of MLflow's that no argument reaches, where the user's environment has none: for this process.

    A call to a dead server fails in seconds, not after the four minutes of MLflow's own retries (`TrialLog` has its
    own, off the critical path), and no run's address is printed amid a command's output.
    """
    from mlflow import environment_variables

    variables: Any = environment_variables  # MLflow's module, not typed
    for variable, value in (
        (variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES, _RETRIES),
        (variables.MLFLOW_HTTP_REQUEST_TIMEOUT, _REQUEST_TIMEOUT_S),
        (variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT, True),
    ):
        if not variable.is_set():
            variable.set(value)


def _commit_without_fsync(client: MlflowClient) -> None:
    """SQLite in WAL mode only: a kill loses nothing, a power cut the last commits, and the same command writes them.

    Measured on a busy disk: 27 of 67 ms a trial. One engine serves all MLflow stores of a process.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy import event

    store: Any = client._tracking_client.store  # noqa: SLF001  MLflow shows its engine nowhere else
    if not isinstance(store, SqlAlchemyStore) or store.engine.dialect.name != "sqlite":
        return
    with store.engine.connect() as connection:
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
            return
    if not event.contains(store.engine, "checkout", _relax):
        event.listen(store.engine, "checkout", _relax)


def _relax(connection: Any, _record: Any, _proxy: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
