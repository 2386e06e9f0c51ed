"""The foreign servers retune keeps on this machine: how to start them lean, and nothing else of them."""

from __future__ import annotations

import sys
from pathlib import Path

from components.deployment.loopback import HOST
from components.deployment.service_spec import ServiceSpec

PREFECT = "prefect"
# In memory, its default, whoever holds a limit while the server ends holds it for ever.
_LEASES = "prefect.server.concurrency.lease_storage.filesystem"
MLFLOW = "mlflow"


def prefect_server(home: Path) -> ServiceSpec:
    """A Prefect server with a SQLite database under its own home; API at `<url>/api`.

    Scheduler, late runs and triggers stay on: flow deployments need them.

    Args:
        home: PREFECT_HOME.
    """
    return ServiceSpec(
        name=PREFECT,
        command=lambda port: (
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", HOST, "--port", str(port), "--log-level", "WARNING"),
        ),
        health_path="/api/health",
        environment={
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": _LEASES,
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_UI_API_URL": "/api",  # else its pages ask port 4200, wherever it listens
            # a server that was told of another server would send its own flow runs there
            "PREFECT_API_URL": None,
            "PREFECT_API_KEY": None,
            "PREFECT_PROFILE": None,
            "PREFECT_PROFILES_PATH": None,
        },
        start_timeout_s=180,
    )


def mlflow_ui(*, tracking_uri: str, artifact_root: Path) -> ServiceSpec:
    """MLflow's web page and API over the database that runs are written to directly.

    Args:
        tracking_uri: `sqlite:////path/mlflow.db`.
        artifact_root: Folder of artifacts.
    """
    return ServiceSpec(
        name=MLFLOW,
        command=lambda port: (
            *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", tracking_uri, "--uvicorn-opts", "--no-access-log"),
            *("--default-artifact-root", str(artifact_root), "--artifacts-destination", str(artifact_root)),
        ),
        health_path="/health",
        environment={
            # its job runner is eight more processes, and half a minute more to stop
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
            "MLFLOW_TRACKING_URI": None,
        },
        start_timeout_s=300,
    )
