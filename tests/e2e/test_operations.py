"""Operations as a company has them: PostgreSQL, MLflow on it, a Prefect server and a worker, each a process."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import psutil
import pytest

from tests.command import REPO, Retune, environment_of
from tests.postgres import postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

BIN = Path(sys.executable).parent
HEARTBEAT_S, SILENCE_S = 30, 75


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def kill_family(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and all that it has started; return when they are gone."""
    everyone = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in everyone:
        each.kill()
    process.wait()
    psutil.wait_procs(everyone, timeout=20)


@dataclass(frozen=True, kw_only=True)
class Company:
    """Services that somebody else runs, and a clone that uses them.

    Attributes:
        retune: The command there.
        api: Of the Prefect server.
        folder: Where logs go.
    """

    retune: Retune
    api: str
    folder: Path

    def prefect(self, *arguments: str) -> str:
        """Run `prefect` to its end; what it printed."""
        done = subprocess.run(
            [BIN / "prefect", "--no-prompt", *arguments],
            cwd=REPO,
            env=dict(self.retune.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process worker of the pool `local`, until the block ends."""
        with service(
            [BIN / "prefect", "worker", "start", "--pool", "local"], self.retune.environment, self.folder
        ) as started:
            yield started

    def flow_runs(self, deployment: str) -> list[dict[str, Any]]:
        """Flow runs of a deployment."""
        asked = {"deployments": {"name": {"any_": [deployment]}}}
        found = httpx.post(f"{self.api}/flow_runs/filter", json=asked).raise_for_status().json()
        return [run for run in found if run["state_name"] != "Scheduled" or not run["auto_scheduled"]]

    def wait_for(self, deployment: str, number: int, state: str) -> list[dict[str, Any]]:
        """Ask until so many runs of a deployment are in that state."""
        while True:
            runs = self.flow_runs(deployment)
            assert not [run for run in runs if run["state_type"] in {"FAILED", "CRASHED"}], runs
            if len([run for run in runs if run["state_type"] == state]) >= number:
                return runs
            time.sleep(0.5)  # nothing to wait on


@contextmanager
def service(command: list[Any], environment: Any, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{Path(command[0]).name}-{command[1]}.log").open("ab") as log:
        started = subprocess.Popen(command, cwd=REPO, env=dict(environment), stdout=log, stderr=log, process_group=0)
    try:
        yield started
    finally:
        if started.poll() is None:
            family = psutil.Process(started.pid).children(recursive=True)
            os.killpg(started.pid, signal.SIGTERM)
            try:
                started.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
            for each in family:
                if each.is_running():
                    each.kill()


def answers(url: str) -> None:
    """Ask until a service answers."""
    while True:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)  # nothing to wait on


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Everything up, `prefect.yaml` deployed, no worker yet."""
    folder = tmp_path_factory.mktemp("company")
    tracking, server = free_port(), free_port()
    environment = environment_of(
        folder / "home",
        PWD=str(REPO),  # as a shell has it: prefect.yaml writes it into the deployments
        PREFECT_API_URL=f"http://127.0.0.1:{server}/api",
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{tracking}",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY=str(HEARTBEAT_S),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        MLFLOW_DISABLE_TELEMETRY="true",
    )
    with ExitStack() as services:
        database = services.enter_context(postgres("mlflow", "prefect"))
        services.enter_context(
            service(
                [
                    *(BIN / "mlflow", "server", "--port", str(tracking), "--workers", "1"),
                    *("--backend-store-uri", f"postgresql://{database}/mlflow"),
                    *("--artifacts-destination", str(folder / "artifacts")),
                ],
                environment,
                folder,
            )
        )
        services.enter_context(
            service(
                [BIN / "prefect", "server", "start", "--port", str(server)],
                {
                    **environment,
                    "PREFECT_API_DATABASE_CONNECTION_URL": f"postgresql+asyncpg://{database}/prefect",
                    "PREFECT_HOME": str(folder / "prefect"),
                },
                folder,
            )
        )
        answers(f"http://127.0.0.1:{tracking}/health")
        answers(f"http://127.0.0.1:{server}/api/health")
        company = Company(
            retune=Retune(home=folder / "home", cwd=REPO, environment=environment),
            api=environment["PREFECT_API_URL"],
            folder=folder,
        )
        company.prefect("work-pool", "create", "local", "--type", "process")
        company.prefect("deploy", "--all")
        yield company
        company.retune("down")


def test_a_deployment_run_by_hand_ends_in_a_champion(company: Company) -> None:
    """`prefect deployment run retrain/manual` on a worker, with MLflow and Prefect on PostgreSQL, makes a champion."""
    with company.worker():
        company.prefect(
            *("deployment", "run", "retrain/manual", "--watch", "-p", "spec=flows/specs/digits.yaml"),
            *("-p", "engine=local", "-p", "max_jobs=4", "-p", "deploy=false"),
        )
    assert company.flow_runs("manual")[0]["state_type"] == "COMPLETED"
    assert company.retune.ok("lineage", "digits")["champion"] == "1"


def test_data_that_change_twice_are_searched_once(company: Company) -> None:
    """Two events about the same data are two runs: one searches, the other finds what it found; others start none."""
    installed = company.retune.ok("trigger", "install", "flows/specs/abalone.yaml", "--no-deploy", "--max-jobs", "4")
    assert installed["watches"] == ["retune.data.abalone"]
    with company.worker():
        for _ in range(2):
            company.retune.ok("trigger", "fire", "flows/specs/abalone.yaml")
        company.retune.ok("trigger", "fire", "flows/specs/digits.yaml")
        runs = company.wait_for("on-data-change", 2, "COMPLETED")
    assert [run["parameters"]["spec"] for run in runs] == ["flows/specs/abalone.yaml"] * 2
    (job,) = [job for job in company.retune.ok("jobs")["jobs"] if job["model"] == "abalone"]
    assert job["trials"]["completed"] == 4


def test_a_run_whose_worker_is_killed_goes_on(company: Company) -> None:
    """After `kill -9` of the worker and all it started, a new worker finishes the same flow run and tuning job."""
    code = f"from flows.triggers import install_resume; install_resume({SILENCE_S})"
    subprocess.run([sys.executable, "-c", code], cwd=REPO, env=dict(company.retune.environment), check=True)
    with company.worker() as first:
        run = ("deployment", "run", "retrain/manual", "-p", "spec=flows/specs/digits.yaml", "-p", "max_jobs=12")
        company.prefect(*run, "-p", "mode=tune", "-p", "deploy=false")
        while not (job := _running(company)) or job["trials"]["completed"] < 2:
            pass  # asking takes its time
        kill_family(first)
    left = company.retune.ok("trials", job["name"])["trials"]
    ended = {trial["training_job"] for trial in left if trial["status"] == "Completed"}
    with company.worker():
        runs = company.wait_for("manual", 2, "COMPLETED")
    (again,) = [run for run in runs if run["parameters"].get("mode") == "tune"]
    assert again["run_count"] == 2
    trials = company.retune.ok("trials", job["name"])["trials"]
    assert [trial["status"] for trial in trials] == ["Completed"] * 12
    assert ended <= {trial["training_job"] for trial in trials}
    assert len(company.retune.ok("lineage", "digits")["versions"]) == 2


def _running(company: Company) -> Any:
    jobs = company.retune.ok("jobs")["jobs"]
    return next((job for job in jobs if job["model"] == "digits" and job["status"] == "InProgress"), None)


class _Webhook(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    told: ClassVar[queue.Queue[dict[str, Any]]] = queue.Queue()

    def do_POST(self) -> None:
        self.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


def test_somebody_is_told_of_promotions_and_failures(company: Company) -> None:
    """One automation tells a notification block what became of a model, and why."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "from prefect.blocks.notifications import CustomWebhookNotificationBlock as Block; "
        f"Block(name='ops', url='http://127.0.0.1:{server.server_port}', allow_private_urls=True, "
        "json_data={'subject': '{{subject}}', 'body': '{{body}}'}).save('ops')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPO, env=dict(company.retune.environment), check=True)
    try:
        company.retune.ok("trigger", "notify", "custom-webhook/ops")
        company.retune.ok("run", "flows/specs/digits.yaml", "--max-jobs", "2", "--mode", "tune", "--no-deploy")
        said = _Webhook.told.get(timeout=120)
        assert said["subject"] in {"retune.promoted: digits", "retune.rejected: digits"}
        assert "reason: " in said["body"]

        failing = company.retune(
            *("run", "flows/specs/digits.yaml", "--no-deploy", "--mode", "tune", "--max-jobs", "1"),
            *("--set", "training.hyperparameters.num_class=2"),
        )
        assert failing.code == 70, failing.err
        assert _Webhook.told.get(timeout=120)["subject"] == "retune.failed: digits"
    finally:
        server.shutdown()


def test_a_deployment_takes_no_code_from_its_parameters(company: Company) -> None:
    """A spec from elsewhere, or an override that names code, fails the run before anything is read from it."""
    elsewhere = company.folder / "evil.yaml"
    elsewhere.write_text((REPO / "flows/specs/digits.yaml").read_text())
    asked = replace(company.retune, environment={**company.retune.environment})
    with company.worker():
        for parameters in (
            {"spec": str(elsewhere)},
            {"spec": "flows/specs/digits.yaml", "overrides": ["training.entry_point=evil.py"]},
        ):
            deployment = httpx.get(f"{company.api}/deployments/name/retrain/manual").json()["id"]
            made = httpx.post(
                f"{company.api}/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
            ).raise_for_status()
            url = f"{company.api}/flow_runs/{made.json()['id']}"
            while (state := httpx.get(url).json()["state"])["type"] not in {"FAILED", "COMPLETED", "CRASHED"}:
                time.sleep(0.5)  # nothing to wait on
            assert state["type"] == "FAILED"
            assert "of a flow deployment must" in state["message"]
    assert len(asked.ok("lineage", "digits")["versions"]) == 2


def test_a_search_in_the_cloud_holds_no_worker(company: Company, account: dict[str, str]) -> None:
    """The run that starts it ends at once; `retrain/collect` looks now and then, and goes on when it has ended."""
    retune = replace(company.retune, environment={**company.retune.environment, **account})
    abroad = replace(company, retune=retune)
    abroad.prefect("deploy", "--all")
    started = ("deployment", "run", "retrain/manual", "--watch", "-p", "spec=flows/specs/digits.yaml")
    with abroad.worker():
        abroad.prefect(
            *(*started, "-p", "engine=sagemaker", "-p", "mode=tune", "-p", "max_jobs=4", "-p", "deploy=false"),
            *("-p", "wait=false", "-p", "look_again_s=4"),
        )
        (job,) = [job for job in retune.ok("jobs", "--engine", "sagemaker")["jobs"] if job["model"] == "digits"]
        assert {run["parameters"]["job"] for run in abroad.flow_runs("collect")} == {job["name"]}
        abroad.wait_for("collect", len(abroad.flow_runs("collect")), "COMPLETED")
        while job["name"] not in (lineage := retune("lineage", "digits", "--json")).out:
            assert not [run for run in abroad.flow_runs("collect") if run["state_type"] in {"FAILED", "CRASHED"}]
    assert [version["tuning_job"] for version in lineage.document["versions"] if version["engine"] == "sagemaker"] == [
        job["name"]
    ]
