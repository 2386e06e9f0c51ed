"""What the doctor sees of MLflow, Prefect and the ledger: real servers, and fronts that keep callers out."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from components.deployment.loopback import HOST
from components.deployment.service_spec import ServiceSpec
from components.deployment.services import Services
from tests.aws_account import BUCKET, Account
from tests.front import Asked, Told, in_front_of

MLFLOW = importlib.metadata.version("mlflow")
PREFECT = importlib.metadata.version("prefect")
PASSWORD = "open sesame"
BASIC = f"Basic {base64.b64encode(f'ci:{PASSWORD}'.encode()).decode()}"


def server_spec(folder: Path, *options: str) -> ServiceSpec:
    return ServiceSpec(
        name=folder.name,
        command=lambda port: (
            *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", *options),
        ),
        health_path="/health",
        environment={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_TRACKING_URI": None},
        start_timeout_s=240,
    )


@pytest.fixture(scope="module")
def mlflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(scope="module")
def mlflow_url(mlflow_folder: Path) -> Iterator[str]:
    """A real MLflow server that takes artifacts itself."""
    services = Services(folder=mlflow_folder / "services", environment=os.environ)
    options = ("--artifacts-destination", str(mlflow_folder / "artifacts"))
    yield services.ensure(server_spec(mlflow_folder, *options)).url
    services.stop_all()


def locked(asked: Asked) -> Told | None:
    """401 without a name, 403 with the wrong one."""
    given = asked.headers.get("Authorization")
    if asked.path.startswith("/health") or given == BASIC:
        return None
    return Told(status=401 if given is None else 403, body=b"go away", content_type="text/plain")


def read_only(asked: Asked) -> Told | None:
    """Artifacts may be written, and none removed."""
    return Told(status=403, body=b"no", content_type="text/plain") if asked.method == "DELETE" else None


def no_writing(asked: Asked) -> Told | None:
    """Artifacts may not even be written."""
    return Told(status=403, body=b"no", content_type="text/plain") if asked.method == "PUT" else None


def saying(path: str, version: str) -> Callable[[Asked], Told | None]:
    """A server of another version."""
    return lambda asked: Told(status=200, body=version.encode()) if asked.path == path else None


def test_an_mlflow_server_in_order_is_ok(mlflow_url: str, mlflow_folder: Path, examined: Callable[..., Any]) -> None:
    """It answers, its version is told, and an artifact went there and back and is gone."""
    findings, code = examined(environment={"MLFLOW_TRACKING_URI": mlflow_url})

    assert (findings["MLflow"]["status"], code) == ("ok", 0)
    assert findings["MLflow version"]["says"] == f"server {MLFLOW}, client {MLFLOW}"
    assert findings["artifacts"]["status"] == "ok"
    assert "was written to mlflow-artifacts:/0" in findings["artifacts"]["says"]
    assert [path for path in (mlflow_folder / "artifacts").rglob("*") if path.is_file()] == []


def test_an_mlflow_server_that_keeps_callers_out_fails(mlflow_url: str, examined: Callable[..., Any]) -> None:
    """401 and 403 are told apart, with what to set; with the password all is well, and it is shown nowhere."""
    with in_front_of(mlflow_url, locked) as front:
        unknown, code = examined(environment={"MLFLOW_TRACKING_URI": front.url})
        wrong, _ = examined(environment={"MLFLOW_TRACKING_USERNAME": "ci", "MLFLOW_TRACKING_PASSWORD": "guess"})
        known, _ = examined(environment={"MLFLOW_TRACKING_PASSWORD": PASSWORD})

    assert (unknown["MLflow"]["status"], code) == ("failed", 77)
    assert "answers 401: who you are is not known there: set MLFLOW_TRACKING_USERNAME" in unknown["MLflow"]["says"]
    assert unknown["artifacts"]["says"] == "not looked at: MLflow must be right first"
    assert "answers 403: you are known there and not allowed" in wrong["MLflow"]["says"]
    assert [known[name]["status"] for name in ("MLflow", "MLflow version", "artifacts")] == ["ok", "ok", "ok"]
    assert PASSWORD not in json.dumps(known)


def test_artifacts_that_cannot_be_written_fail(mlflow_url: str, examined: Callable[..., Any]) -> None:
    """A refusal to write is a failure; a refusal to remove a warning that says what is left."""
    with in_front_of(mlflow_url, no_writing) as front:
        mute, code = examined(environment={"MLFLOW_TRACKING_URI": front.url})
    with in_front_of(mlflow_url, read_only) as front:
        kept, well = examined(environment={"MLFLOW_TRACKING_URI": front.url})

    assert (mute["artifacts"]["status"], code) == ("failed", 77)
    assert "403" in mute["artifacts"]["says"]
    assert (kept["artifacts"]["status"], well) == ("warning", 0)
    assert "may not be removed" in kept["artifacts"]["says"]


@pytest.mark.parametrize(("version", "status"), [("2.22.0", "failed"), ("99.0.1", "warning"), ("<html>", "warning")])
def test_an_mlflow_of_another_major_is_told(
    version: str, status: str, mlflow_url: str, examined: Callable[..., Any]
) -> None:
    """An older one lacks what the client asks for; a newer one, and one that does not say, may do."""
    with in_front_of(mlflow_url, saying("/version", version)) as front:
        findings, _ = examined(environment={"MLFLOW_TRACKING_URI": front.url})

    assert findings["MLflow version"]["status"] == status
    assert MLFLOW in findings["MLflow version"]["says"]


def test_servers_that_are_not_there_fail(examined: Callable[..., Any]) -> None:
    """Nothing listens: both are named within seconds, without the password in the address; exit code 69."""
    findings, code = examined(
        environment={
            "MLFLOW_TRACKING_URI": "http://ci:secret@127.0.0.1:9",
            "PREFECT_API_URL": "http://ci:secret@127.0.0.1:9/api",
        }
    )

    assert (findings["MLflow"]["status"], findings["Prefect"]["status"], code) == ("failed", "failed", 69)
    assert "no Prefect server answers" in findings["Prefect"]["says"]
    assert "secret" not in json.dumps(findings)


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (Told(status=200, body=f'"{PREFECT}"'.encode()), "ok", f"server {PREFECT}"),
        (Told(status=200, body=b'"2.20.1"'), "failed", "major version"),
        (Told(status=200, body=b'"3.0.1"'), "warning", "older than the client's"),
        (Told(status=401, body=b"{}"), "failed", "set PREFECT_API_AUTH_STRING"),
        (Told(status=404, body=b"{}"), "failed", "must be a Prefect API's"),
        (Told(status=200, body=b"<html>"), "failed", "names no version"),
    ],
)
def test_a_prefect_server_is_asked_for_its_version(
    answer: Told, status: str, says: str, examined: Callable[..., Any]
) -> None:
    """Another major, an older one, one that keeps callers out, and what is none at all."""
    with in_front_of("http://127.0.0.1:9", lambda _: answer) as front:
        findings, _ = examined(environment={"PREFECT_API_URL": f"{front.url}/api"})

    assert findings["Prefect"]["status"] == status
    assert says in findings["Prefect"]["says"]


def test_a_ledger_that_goes_away_is_a_warning(account: Account, examined: Callable[..., Any], tmp_path: Path) -> None:
    """On a CI runner SQLite under the home holds no monthly cap; a shared one does, and is tried without a trace."""
    environment = account.furnish() | {"GITHUB_ACTIONS": "true"}
    alone, code = examined("sagemaker", environment=environment)
    (tmp_path / "retune.toml").write_text(f'[budget]\nledger = "s3://{BUCKET}/team/ledger.json"\n')
    shared, _ = examined("sagemaker")
    (tmp_path / "retune.toml").write_text('[budget]\nledger = "s3://nowhere/ledger.json"\n')
    lost, failed_code = examined("sagemaker")

    assert (alone["ledger"]["status"], code) == ("warning", 0)
    assert "GITHUB_ACTIONS says that this machine goes away" in alone["ledger"]["says"]
    assert (alone["MLflow"]["status"], "MLFLOW_TRACKING_URI" in alone["MLflow"]["says"]) == ("warning", True)
    assert (shared["ledger"]["status"], shared["ledger"]["says"]) == ("ok", "0 jobs; shared, and can be written")
    assert boto3.client("s3", endpoint_url=account.url).list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert (lost["ledger"]["status"], failed_code) == ("failed", 69)
