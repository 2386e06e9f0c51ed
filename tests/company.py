"""What a company runs beside a clone: PostgreSQL, MLflow on it, a Prefect server, workers; each its own process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.command import REPO, Retune, environment_of
from tests.postgres import postgres

BIN = Path(sys.executable).parent
HEARTBEAT_S = 30


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def kill_family(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and all that it has started; return when they are gone."""
    everyone = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in everyone:
        with suppress(psutil.NoSuchProcess):  # it has just ended by itself
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
            bad = [run for run in runs if run["state_type"] in {"FAILED", "CRASHED"}]
            assert not [run for run in bad if run["state_name"] != "Silent"], bad  # that is the way to another start
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
                with suppress(psutil.NoSuchProcess):
                    each.kill()


def event_of(api: str, name: str, resource: str) -> dict[str, Any]:
    """Ask until the server shows the event of that name about that resource: it writes them down in batches."""
    asked = {"filter": {"event": {"name": [name]}, "resource": {"id": [resource]}}}
    while not (found := httpx.post(f"{api}/events/filter", json=asked).raise_for_status().json()["events"]):
        time.sleep(0.5)  # nothing to wait on
    (event,) = found
    return dict(event)


def answers(url: str) -> None:
    """Ask until a service answers."""
    while True:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)  # nothing to wait on


@contextmanager
def company_in(folder: Path) -> Iterator[Company]:
    """Everything up, `prefect.yaml` deployed, no worker yet."""
    tracking, server = free_port(), free_port()
    environment = environment_of(
        folder / "home",
        PWD=str(REPO),  # as a shell has it: prefect.yaml writes it into the deployments
        PREFECT_API_URL=f"http://127.0.0.1:{server}/api",
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{tracking}",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY=str(HEARTBEAT_S),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
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
                    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
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
