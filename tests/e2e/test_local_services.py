"""The foreign servers retune keeps: a real Prefect server and a real MLflow UI."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from components.deployment import loopback
from components.deployment.local_services import mlflow_ui, prefect_server
from components.deployment.services import Services

pytestmark = pytest.mark.slow


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The services of a home that the test alone has, ended with it."""
    misled = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    services = Services(folder=tmp_path / "home" / "services", environment={**os.environ, **misled})
    yield services
    services.stop_all()


def test_a_prefect_server_is_kept_with_its_schedules(services: Services, tmp_path: Path) -> None:
    """It starts on a home of its own, schedules flow deployments, is used again, and ends whole."""
    spec = prefect_server(tmp_path / "home" / "prefect")
    started = services.ensure(spec)
    again = services.ensure(spec)
    status, settings = loopback.exchange("GET", f"{again.url}/api/admin/settings", timeout_s=30)
    kept = json.loads(settings)["server"]

    assert (started.started, again.started, started.pid) == (True, False, again.pid)
    assert status == 200
    assert kept["services"]["scheduler"]["enabled"]
    assert kept["services"]["late_runs"]["enabled"]
    assert not kept["analytics_enabled"]
    assert (tmp_path / "home" / "prefect" / "prefect.db").exists()

    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
    assert services.stop(spec.name)
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def test_an_mlflow_ui_shows_what_was_written_to_the_database(services: Services, tmp_path: Path) -> None:
    """It serves the SQLite file that runs are written to directly, without a job runner, and ends whole."""
    from components.registry.connection import connect

    uri = f"sqlite:///{tmp_path / 'home' / 'mlflow.db'}"
    connect(uri).create_experiment("wine")
    started = services.ensure(mlflow_ui(tracking_uri=uri, artifact_root=tmp_path / "home" / "mlflow-artifacts"))
    status, found = loopback.exchange(
        "GET", f"{started.url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=wine", timeout_s=30
    )

    assert (status, json.loads(found)["experiment"]["name"]) == (200, "wine")
    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
    assert not any("huey" in " ".join(one.cmdline()) for one in family)
    assert services.stop(started.name)
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
