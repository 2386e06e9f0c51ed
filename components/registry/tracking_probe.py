"""An MLflow server tried out: its version beside the client's, and an artifact written, read and removed again."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from components.errors import Damaged, InvalidInput, Refused
from components.registry.connection import KNOCK_TIMEOUT_S, answering, redacted

if TYPE_CHECKING:
    from mlflow import MlflowClient

_CONTENT = "retune doctor"
_FILE = "probe.txt"
_OK, _UNAUTHENTICATED, _FORBIDDEN = 200, 401, 403
_LEGEND = {
    _UNAUTHENTICATED: "who you are is not known there: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
    "MLFLOW_TRACKING_TOKEN",
    _FORBIDDEN: "you are known there and not allowed: ask its owner for the right to read and write experiments",
}


def is_server(tracking_uri: str) -> bool:
    """Whether it is a server's address and not a database's."""
    return urlsplit(tracking_uri).scheme in ("http", "https")


def require_access(tracking_uri: str) -> None:
    """See that the server takes the caller's credentials.

    Raises:
        Refused: 401 or 403, told apart.
        Unavailable: Nothing answers.
    """
    with answering(tracking_uri):
        status = _get(tracking_uri, "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default").status_code
    if status in _LEGEND:
        raise Refused(f"MLflow at {redacted(tracking_uri)} answers {status}: {_LEGEND[status]}")


def server_version(tracking_uri: str) -> str | None:
    """What the server says of itself; None when it does not. Raises Unavailable."""
    with answering(tracking_uri):
        answer = _get(tracking_uri, "/version")
    text: str = answer.text.strip()
    return text if answer.status_code == _OK and text[:1].isdigit() else None


def require_version(found: str, *, client: str) -> str | None:
    """What is to be said of a server's version beside the client's; None for nothing.

    Raises:
        InvalidInput: An older major version, which lacks what the client asks for.
    """
    mine, theirs = (int(version.partition(".")[0]) for version in (client, found))
    if theirs < mine:
        raise InvalidInput(
            f"MLflow's server must be of the client's major version, {client}, got {found}: upgrade the server"
        )
    if theirs > mine:
        return f"the server is MLflow {found}, newer than the client's {client}: upgrade retune's environment soon"
    return None


def artifact_root(client: MlflowClient, experiment: str) -> str | None:
    """Where an experiment's artifacts go; of one that is not there yet, where the server's default ones go."""
    for name in (experiment, "Default"):
        found = client.get_experiment_by_name(name)
        if found is not None and found.lifecycle_stage == "active":
            return str(found.artifact_location)
    return None


def write_artifact(location: str, *, tracking_uri: str) -> bool:
    """Write an artifact below a location, read it back and remove it; whether it could be removed.

    Raises:
        Refused: 401 or 403, or the store behind it refuses.
        Unavailable: Nothing answers, or not with sense.
        Damaged: Something else came back.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder = f"retune-doctor-{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as scratch, answering(tracking_uri):
        path = Path(scratch) / _FILE
        path.write_text(_CONTENT)
        repository: Any = get_artifact_repository(location, tracking_uri=tracking_uri)
        try:
            repository.log_artifact(str(path), artifact_path=folder)
            there = Path(repository.download_artifacts(f"{folder}/{_FILE}", str(scratch)))
            content = there.read_text()
        except (MlflowException, OSError) as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status in _LEGEND:
                raise Refused(f"artifacts at {redacted(location)}: {status}: {_LEGEND[status]}") from error
            raise
        if content != _CONTENT:
            raise Damaged(f"an artifact at {redacted(location)} must come back as written, got another")
        try:
            repository.delete_artifacts(folder)
        except Exception:  # noqa: BLE001  each kind of store has errors of its own; what stays is told
            return False
    return True


def _get(tracking_uri: str, path: str) -> Any:
    from mlflow.tracking._tracking_service import utils
    from mlflow.utils import rest_utils

    credentials, web = cast(Any, utils), cast(Any, rest_utils)  # MLflow's, not typed
    host = credentials.get_default_host_creds(tracking_uri)
    return web.http_request(host, path, "GET", timeout=KNOCK_TIMEOUT_S, max_retries=0, raise_on_status=False)
