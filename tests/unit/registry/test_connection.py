from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from components.errors import Busy, CannotWrite, Damaged, InvalidInput, NotFound, RetuneError, Unavailable
from components.registry.connection import answering, connect, redacted
from components.registry.experiments import ensure_experiment
from components.registry.mlflow_registry import Registry
from components.registry.registry_spec import RegistrySpec


@pytest.mark.parametrize(
    ("uri", "error", "told"),
    [
        ("http://me:secret@127.0.0.1:9", Unavailable, r"http://\*\*\*@127\.0\.0\.1:9 \(ConnectionError\)"),
        ("postgresql://me:secret@127.0.0.1:9/db", Unavailable, r"postgresql://\*\*\*@127\.0\.0\.1:9/db \(.*refused"),
        ("sqlite:////proc/nowhere/mlflow.db", CannotWrite, "/proc/nowhere"),
        ("sqlite://", InvalidInput, "names a file"),
        ("ftp://somewhere", InvalidInput, "unsupported URI"),
    ],
)
def test_a_server_that_does_not_answer_is_named(uri: str, error: type[RetuneError], told: str) -> None:
    """One line with the URI, no password, and no minutes of retries."""
    with pytest.raises(error, match=told) as caught:
        connect(uri)

    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    """A SQLite URI that leads to something else is refused, and the file is left alone."""
    path = tmp_path / "mlflow.db"
    path.write_text("not a database, but long enough to look like a header of one" * 4)

    with pytest.raises(Damaged, match="not a database"):
        connect(f"sqlite:///{path}")

    assert path.read_text().startswith("not a database")


def test_a_new_store_is_made_once_and_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Two at once on an empty home: one schema, whole from the first moment it has its name; nothing is printed."""
    home = tmp_path / "new home"
    home.mkdir()
    (home / "mlflow.db.draft").write_text("of a process that was killed")
    uri = f"sqlite:///{home / 'mlflow.db'}"
    with ThreadPoolExecutor(2) as pool:
        clients = list(pool.map(connect, (uri, uri)))

    assert [client.get_experiment_by_name("Default").experiment_id for client in clients] == ["0", "0"]
    assert {path.name for path in home.iterdir()} >= {"mlflow.db", "mlflow.db.lock"}
    assert not list(home.glob("*.draft*"))
    assert capfd.readouterr() == ("", "")
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_experiment_is_made_once_where_it_is_told(mlflow_client: MlflowClient, tmp_path: Path) -> None:
    """Threads that ask at once get one experiment, its artifacts below the root; a later root changes nothing."""
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: ensure_experiment(mlflow_client, "made/once", str(tmp_path)), range(4)))

    (experiment_id,) = found
    assert ensure_experiment(mlflow_client, "made/once", "/elsewhere") == experiment_id
    location = Path(mlflow_client.get_experiment(experiment_id).artifact_location)
    assert location.parent == tmp_path
    assert location.name.startswith("made-once-")


def test_a_deleted_experiment_is_not_revived(mlflow_client: MlflowClient, tmp_path: Path) -> None:
    """Its name is taken; the message says how to restore it."""
    experiment_id = ensure_experiment(mlflow_client, "deleted", str(tmp_path))
    mlflow_client.delete_experiment(experiment_id)

    with pytest.raises(InvalidInput, match=f"experiments restore --experiment-id {experiment_id}"):
        ensure_experiment(mlflow_client, "deleted", str(tmp_path))


def test_mlflows_errors_become_ours(mlflow_client: MlflowClient, registry_uri: str) -> None:
    """What is not there is NotFound; a locked database is Busy; a disk error is CannotWrite."""
    with pytest.raises(NotFound), answering(registry_uri):
        mlflow_client.get_run("0" * 32)
    for text, error in (("database is locked", Busy), ("attempt to write a readonly database", CannotWrite)):
        with pytest.raises(error, match=text), answering(registry_uri):
            raise OSError(text)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://user:pass@host/path", "https://***@host/path"),
        ("https://host/path?token=1", "https://host/path?***"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
    ],
)
def test_uris_are_shown_without_secrets(uri: str, shown: str) -> None:
    """User, password and query are left out."""
    assert redacted(uri) == shown


def test_names_come_from_the_spec(registry_uri: str) -> None:
    """The registered model is named as the registry part says, else as the spec; a name MLflow cannot hold is told."""
    spec = RegistrySpec(champion="live", input_example="none")
    registry = Registry.of(spec, tracking_uri=registry_uri, name="digits")

    assert (registry.model, registry.input_example, registry.champion()) == ("digits", False, None)
    assert Registry.of(RegistrySpec(model="other"), tracking_uri=registry_uri, name="digits").model == "other"
    with pytest.raises(InvalidInput, match="name has 1-250 characters"):
        Registry(tracking_uri=registry_uri, model="a/b")
