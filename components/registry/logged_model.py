"""Files in MLflow: a model folder logged once, and fetched again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from components.errors import NotFound

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel


def log_once(
    client: MlflowClient,
    folder: Path,
    *,
    name: str,
    run_id: str,
    kind: str,
    tags: Mapping[str, str],
    same: Mapping[str, str],
) -> LoggedModel:
    """The logged model with the tags `same`, complete: made if there is none, filled if an upload was cut off.

    By the client and not by `log_model`: that needs MLflow's process-wide tracking URI and active run.

    Args:
        client: From `connect`.
        folder: What to upload.
        name: Shown by MLflow.
        run_id: Run it belongs to; its experiment keeps the files.
        kind: MLflow's model type, for its search.
        tags: All tags, `same` among them.
        same: What makes two calls the same.
    """
    from mlflow.entities import LoggedModelStatus

    experiment = client.get_run(run_id).info.experiment_id
    wanted = " AND ".join(f"tags.`{key}` = '{value}'" for key, value in same.items())
    found = client.search_logged_models([experiment], filter_string=wanted)
    logged = (
        found[0]
        if found
        else client.create_logged_model(experiment, name=name, source_run_id=run_id, tags=dict(tags), model_type=kind)
    )
    if logged.status != LoggedModelStatus.READY:
        client.log_model_artifacts(logged.model_id, str(folder))
        logged = client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    return logged


def fetch(uri: str, into: Path, *, tracking_uri: str) -> Path:
    """A folder with the files of an artifact URI: where they are, when that is this machine, else fetched.

    Raises:
        NotFound: There are none.
    """
    from mlflow.artifacts import download_artifacts

    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path) if parts.scheme else uri)
    else:
        into.mkdir(parents=True, exist_ok=True)
        folder = Path(download_artifacts(artifact_uri=uri, dst_path=str(into), tracking_uri=tracking_uri))
    if not folder.is_dir():
        raise NotFound(f"a model's files must be at {uri}, got nothing there")
    return folder
