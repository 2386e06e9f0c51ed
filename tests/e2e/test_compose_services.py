"""The services of infra/compose, whose very commands run here natively, on a PostgreSQL server: there is no Docker."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import psycopg2
import pytest
from ruamel.yaml import YAML

from components.deployment.local_services import prefect_server
from tests.command import REPO, environment_of
from tests.postgres import postgres

COMPOSE = REPO / "infra" / "compose"
SERVICES: Mapping[str, Any] = YAML(typ="safe").load((COMPOSE / "compose.yaml").read_text())["services"]
PORTS = {"mlflow": "5000", "prefect": "4200", "amt": "8765"}
START_S = 240.0


class Natively:
    """The containers' world on this machine: other ports, one folder, one PostgreSQL server.

    Args:
        folder: In place of the volumes.
        database: `USER@HOST:PORT` of PostgreSQL.
    """

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self.ports = {name: _free_port() for name in PORTS}
        self._database = database

    def text(self, text: str) -> str:
        """A command's or variable's text as it is here."""
        text = text.replace("retune:${POSTGRES_PASSWORD}@postgres:5432", self._database)
        for name, port in PORTS.items():
            text = re.sub(rf"\b{name}:{port}\b", f"127.0.0.1:{self.ports[name]}", text)
            text = re.sub(rf"\b{port}\b", str(self.ports[name]), text)
        text = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", text)
        return text.replace("0.0.0.0", "127.0.0.1").replace("/data", str(self._folder))

    def command(self, words: list[str]) -> list[str]:
        """A container's command, its program of this environment."""
        program, *rest = (self.text(str(word)) for word in words)
        return [str(Path(sys.executable).with_name(program)), *rest]

    def environment(self, service: str) -> dict[str, str]:
        """A container's, as the image and the file set it."""
        image = dict(re.findall(r"^(?:ENV |    )([A-Z_]+)=(\S+)", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE))
        own = {name: str(value) for name, value in SERVICES[service].get("environment", {}).items()}
        told = {name: self.text(value) for name, value in {**image, **own}.items()}
        return {**environment_of(self._folder / service), **told, "RETUNE_HOME": str(self._folder / service)}

    @contextmanager
    def running(self, service: str) -> Iterator[subprocess.Popen[str]]:
        """A service until the block ends, its log in a file."""
        with (self._folder / f"{service}.log").open("w") as log:
            process = subprocess.Popen(
                self.command(SERVICES[service]["command"]),
                cwd=REPO,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def healthy(self, service: str, process: subprocess.Popen[str]) -> None:
        """Ask as the container's health check does, until it is well."""
        kind, *words = SERVICES[service]["healthcheck"]["test"]
        assert kind == "CMD"
        deadline = time.monotonic() + START_S
        while subprocess.run(self.command(words), capture_output=True, check=False).returncode != 0:
            assert process.poll() is None, self.log(service)
            assert time.monotonic() < deadline, self.log(service)

    def once(self, service: str) -> None:
        """A service that ends."""
        done = subprocess.run(
            self.command(SERVICES[service]["command"]),
            cwd=REPO,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def says(self, service: str, wanted: str) -> None:
        """Wait for a line in a log."""
        deadline = time.monotonic() + START_S
        with (self._folder / f"{service}.log").open() as log:
            while wanted not in _line(log):
                assert time.monotonic() < deadline, self.log(service)

    def log(self, service: str) -> str:
        """What a service has said last."""
        return (self._folder / f"{service}.log").read_text()[-3000:]


def _line(log: IO[str]) -> str:
    line = log.readline()
    if not line:
        time.sleep(0.2)  # a file tells nobody that it has grown
    return line


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """PostgreSQL with the databases that the first start of the container makes."""
    made = re.findall(r"^CREATE DATABASE (\w+);$", (COMPOSE / "databases.sql").read_text(), re.MULTILINE)
    with postgres(*made) as address:
        yield address


def tables(database: str, name: str) -> set[str]:
    """Tables of a database."""
    connection = psycopg2.connect(f"postgresql://{database}/{name}")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
            return {row[0] for row in cursor.fetchall()}
    finally:
        connection.close()


@pytest.mark.slow
def test_the_services_start_healthy_on_postgresql_and_a_worker_takes_runs(database: str, tmp_path: Path) -> None:
    """MLflow and Prefect keep their state in PostgreSQL, the deployments are there, a worker waits for their runs."""
    here = Natively(tmp_path, database)
    with ExitStack() as stack:
        mlflow = stack.enter_context(here.running("mlflow"))
        prefect = stack.enter_context(here.running("prefect"))
        here.healthy("mlflow", mlflow)
        here.healthy("prefect", prefect)
        here.once("work-pool")
        here.once("deploy")
        stack.enter_context(here.running("worker"))
        here.says("worker", "started!")

        api = f"http://127.0.0.1:{here.ports['prefect']}/api"
        deployment = httpx.get(f"{api}/deployments/name/retrain/manual").raise_for_status().json()
        assert deployment["work_pool_name"] == "local"
        assert "deployment" in tables(database, "prefect")
        assert "registered_models" in tables(database, "mlflow")


def test_the_amt_endpoint_listens_where_the_port_is_published(tmp_path: Path) -> None:
    """It answers with SageMaker's refusal of a request that is not signed: nobody gets in without its keys."""
    here = Natively(tmp_path, "unused@127.0.0.1:1")
    with here.running("amt"):
        here.says("amt", f":{here.ports['amt']}")
        target = {"X-Amz-Target": "SageMaker.ListHyperParameterTuningJobs"}
        answer = httpx.post(f"http://127.0.0.1:{here.ports['amt']}/", headers=target, content=b"{}")
        assert answer.status_code in (400, 403)


def test_all_that_is_published_is_on_loopback_and_nothing_is_privileged() -> None:
    """No service but PostgreSQL asks who one is, so none is reachable from elsewhere; containers give up all rights."""
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    own = {name: service for name, service in SERVICES.items() if service["image"] == "retune"}

    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)
    assert set(SERVICES) - set(own) == {"postgres"}
    assert all(service["cap_drop"] == ["ALL"] and "privileged" not in service for service in own.values())
    assert "USER retune" in (COMPOSE / "Dockerfile").read_text()


def test_the_prefect_server_keeps_its_holds_where_they_outlive_it() -> None:
    """As the server that `retune up` starts: below its home, which is a volume."""
    name = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
    service = SERVICES["prefect"]
    assert service["environment"][name] == prefect_server(Path("/data")).environment[name]
    assert service["volumes"] == ["prefect:/data"]


def test_the_model_server_is_started_as_the_target_local_starts_it() -> None:
    """The same module with the same options; its champion comes from the tracking server."""
    from components.deployment.model_server.__main__ import _parser

    _, flag, module, *options = SERVICES["model-server"]["command"]
    assert (flag, module) == ("-m", "components.deployment.model_server")
    parsed = _parser().parse_args([str(option) for option in options])
    assert (parsed.port, parsed.alias) == (8080, "champion")
