"""Start, death and end of a model server."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from components.deployment.services import Services
from components.deployment.targets.local_server import LocalServer
from components.errors import Busy, Unavailable
from components.naming import model_service
from tests.e2e.tiny_models import NAME, PATIENCE_S, TinyRegistry, ask


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> TinyRegistry:
    """A registered model with one version and no champion yet."""
    registry = TinyRegistry.create(tmp_path_factory.mktemp("mlflow"))
    registry.add(1)
    return registry


@pytest.fixture
def target(registry: TinyRegistry, tmp_path: Path) -> Iterator[LocalServer]:
    """Model servers on a home that the test alone has, ended with it."""
    services = Services(folder=tmp_path / "home" / "services", environment=dict(os.environ))
    yield LocalServer(services=services, tracking_uri=registry.uri)
    services.stop_all()


def test_a_model_without_champion_has_no_server(target: LocalServer) -> None:
    """The start fails with the reason, and nothing is left running."""
    with pytest.raises(Unavailable, match=r"ended while it started.* must have the alias 'champion', none has"):
        target.deploy(NAME, "1")

    assert target.find(NAME) is None
    assert target.services.running() == ()


def test_a_busy_port_names_its_holder_at_once(registry: TinyRegistry, target: LocalServer) -> None:
    """An explicit port that is taken is refused before anything is started."""
    registry.point("1")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(Busy, match=f"port {port} must be free, held by pid {os.getpid()}"):
            target.deploy(NAME, "1", port=port)

    assert target.services.recorded() == ()


def test_a_server_is_replaced_when_killed_and_finishes_when_stopped(
    registry: TinyRegistry, target: LocalServer, tmp_path: Path
) -> None:
    """Kill -9, deploy again: same port, another process. A stop lets the running request end and leaves nothing."""
    registry.point("1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first = target.deploy(NAME, "1", port=port)
    killed = replace(target, alias="another").start(NAME).pid  # as `retune up`, which knows no spec
    psutil.Process(killed).kill()
    second = target.deploy(NAME, "1")
    service = target.services.find(model_service(NAME))

    assert first == second
    assert urlsplit(second.url).port == port
    assert service is not None
    assert service.pid != killed

    started, go = tmp_path / "started", tmp_path / "go"
    os.mkfifo(started)
    os.mkfifo(go)
    body = json.dumps({"dataframe_records": [{"age": 1, "job": f"wait {started} {go}"}]}).encode()
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(ask, second.url, body)
        started.read_text()  # the model has the request
        stopped = pool.submit(target.stop, NAME)
        while True:  # until the server takes no more requests: it was told
            try:
                socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
            except (ConnectionRefusedError, ConnectionResetError):  # reset: refused while it was being taken
                break
        go.write_text("")
        status, answer, _ = asked.result(PATIENCE_S)

        assert stopped.result(PATIENCE_S)
    assert (status, answer["model_version"]) == (200, "1")
    assert target.services.running() == ()
    assert target.find(NAME) is None
    assert not target.stop(NAME)
