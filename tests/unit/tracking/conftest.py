"""One real SQLite store for this folder (its schema takes seconds), and processes that start while other tests run."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tracking_cases import TrackingServer

from components.registry.connection import connect
from components.registry.tracking import RetrainingRun, open_run
from components.tuning.tuning_spec import ObjectiveSpec

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def tracking_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(scope="session")
def late_server(tracking_home: Path) -> Iterator[TrackingServer]:
    """An MLflow server's process that serves when it is told to."""
    with TrackingServer.launched(tracking_home / "served.db") as server:
        yield server


@pytest.fixture(scope="session")
def doomed(tracking_home: Path, tracking_uri: str) -> Iterator[subprocess.Popen[str]]:
    """A process that writes a run's first half and then waits to be killed."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "doomed_writer.py"), tracking_uri, str(tracking_home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[2],
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="session", autouse=True)
def _started_early(late_server: TrackingServer, doomed: subprocess.Popen[str]) -> None:
    """Both import MLflow for seconds while the other tests run."""


@pytest.fixture(scope="session")
def tracking_uri(tracking_home: Path) -> str:
    uri = f"sqlite:///{tracking_home / 'mlflow.db'}"
    connect(uri)
    return uri


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=tracking_uri)


@pytest.fixture
def reopen(tracking_uri: str, tracking_home: Path) -> Callable[..., RetrainingRun]:
    """Open the run of one digest, again and again; another digest for each test."""
    return partial(
        open_run,
        tracking_uri=tracking_uri,
        experiment="digits",
        artifact_root=str(tracking_home / "artifacts"),
        run_digest=secrets.token_hex(32),
        run_name="digits",
        objective=ObjectiveSpec(metric="validation:accuracy", type="maximize"),
        params={"tuning.max_jobs": "50"},
        tags={"retune.model": "digits"},
    )


@pytest.fixture
def run(reopen: Callable[..., RetrainingRun]) -> RetrainingRun:
    return reopen()
