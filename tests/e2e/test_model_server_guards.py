"""What the model server asks of its clients, and what one of them may take: token, bytes, seconds, places."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from components.deployment.model_server.limits import Limits
from components.deployment.services import Services
from components.deployment.targets.local_server import LocalServer
from components.naming import model_service
from tests.e2e.tiny_models import NAME, PATIENCE_S, ROW_BODY, TinyRegistry, ask

LIMITS = Limits(max_body_bytes=1000, max_in_flight=2, header_timeout_s=3.0, body_timeout_s=3.0)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> TinyRegistry:
    registry = TinyRegistry.create(tmp_path_factory.mktemp("mlflow"))
    registry.add(1)
    registry.add(2)
    registry.point("1")
    return registry


@pytest.fixture(scope="module")
def target(registry: TinyRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with narrow limits that asks for a token made for it."""
    services = Services(folder=tmp_path_factory.mktemp("home") / "services", environment=dict(os.environ))
    yield LocalServer(services=services, tracking_uri=registry.uri, token="auto", limits=LIMITS)
    services.stop_all()


@pytest.fixture
def url(target: LocalServer, registry: TinyRegistry) -> str:
    registry.point("1")
    return target.deploy(NAME, "1").url


@pytest.fixture
def bearer(target: LocalServer, url: str) -> dict[str, str]:
    assert url
    record = target.services.record(model_service(NAME))
    assert record is not None
    return {"Authorization": f"Bearer {record.token}"}


def test_only_the_token_scores(url: str, bearer: dict[str, str], target: LocalServer) -> None:
    """Without it 401, with another 403; health and readiness are open, metrics are not; nothing shows the token."""
    token = bearer["Authorization"].removeprefix("Bearer ")
    path = target.services.record_path(model_service(NAME))
    log = path.with_suffix(".log")
    service = target.services.find(model_service(NAME))
    assert service is not None

    assert len(token) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ask(url)[0] == 401
    assert ask(url)[2]["www-authenticate"] == "Bearer"
    assert ask(url, headers={"Authorization": "Bearer guessed"})[0] == 403
    assert ask(url, headers={"Authorization": f"Bearer {service.nonce}"})[0] == 403
    assert ask(url, headers=bearer)[:2] == (
        200,
        {"predictions": [{"prediction": 1, "job": "admin"}], "model_version": "1"},
    )
    for place, status in (("/health", 200), ("/ready", 200), ("/ping", 200), ("/metrics", 401)):
        assert ask(url.replace("/invocations", place), method="GET")[0] == status
    assert token not in log.read_text()
    assert token not in " ".join(psutil.Process(service.pid).cmdline())
    assert token not in repr(target.services.record(model_service(NAME)))


def test_what_takes_too_long_or_too_much_is_ended(url: str, bearer: dict[str, str]) -> None:
    """A body too large is 413, one that does not come 408; headers that do not come end the connection."""
    place = urlsplit(url)
    head = f"POST {place.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer['Authorization']}\r\n"
    address = (place.hostname, place.port)
    with (
        socket.create_connection(address, timeout=PATIENCE_S) as silent,
        socket.create_connection(address, timeout=PATIENCE_S) as slow_head,
        socket.create_connection(address, timeout=PATIENCE_S) as slow_body,
    ):
        slow_head.sendall(head.encode())
        slow_body.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 90\r\n\r\n{{".encode())

        assert ask(url, b" " * 1001, headers=bearer)[0] == 413
        assert ask(url, headers=bearer)[0] == 200
        assert slow_body.makefile("rb").read().startswith(b"HTTP/1.1 408")
        assert slow_head.recv(1) == b""
        assert silent.recv(1) == b""


def test_too_many_at_once_are_sent_away(url: str, bearer: dict[str, str], tmp_path: Path) -> None:
    """While as many run as may, others get 503 with `Retry-After`, and readiness says so; those that run end."""
    ready = url.replace("/invocations", "/ready")
    gates = [(tmp_path / f"started-{number}", tmp_path / f"go-{number}") for number in range(LIMITS.max_in_flight)]
    with ThreadPoolExecutor(LIMITS.max_in_flight) as pool:
        asked = []
        for started, go in gates:
            os.mkfifo(started)
            os.mkfifo(go)
            body = json.dumps({"dataframe_records": [{"age": 1, "job": f"wait {started} {go}"}]}).encode()
            asked.append(pool.submit(ask, url, body, headers=bearer))
            started.read_text()  # the model has the request
        status, answer, headers = ask(url, headers=bearer)
        not_ready = ask(ready, method="GET")[0]
        well = ask(url.replace("/invocations", "/health"), method="GET")[0]
        for _, go in gates:
            go.write_text("")
        answers = [one.result(PATIENCE_S)[0] for one in asked]

    assert (status, answer["error_code"], headers["retry-after"]) == (503, "TEMPORARILY_UNAVAILABLE", "1")
    assert (not_ready, well) == (503, 200)
    assert answers == [200] * LIMITS.max_in_flight
    assert ask(ready, method="GET")[0] == 200


def test_requests_and_swaps_are_counted(
    url: str, bearer: dict[str, str], target: LocalServer, registry: TinyRegistry
) -> None:
    """Prometheus' text: requests by status, a latency histogram that adds up, the version that serves, and swaps."""

    def counted() -> dict[str, float]:
        _, text, headers = ask(url.replace("/invocations", "/metrics"), method="GET", headers=bearer)
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        samples = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r'[a-z_]+(\{([a-z_]+="[^"]*",?)+\})?', name) for name, _ in samples), text
        return {name: float(value) for name, value in samples}

    before = counted()
    bodies = [ROW_BODY, ROW_BODY, b'{"dataframe_records": [{"age": "old", "job": "a"}]}']
    statuses = [ask(url, body, headers=bearer)[0] for body in bodies]
    registry.point("2")
    target.deploy(NAME, "2")
    after = counted()

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert statuses == [200, 200, 400]
    assert grown('retune_requests_total{status="200"}') == 2
    assert grown('retune_requests_total{status="400"}') == 1
    assert grown("retune_request_seconds_count") == grown('retune_request_seconds_bucket{le="+Inf"}') == 3
    assert grown("retune_request_seconds_sum") > 0
    assert grown("retune_swaps_total") == 1
    assert after[f'retune_model_info{{model="{NAME}",version="2"}}'] == 1
    assert (after["retune_requests_in_flight"], after["retune_swap_failing"]) == (0, 0)


def test_a_made_token_stays_and_a_given_one_replaces_it(
    url: str, bearer: dict[str, str], target: LocalServer, registry: TinyRegistry
) -> None:
    """A restart keeps the token clients have; a token given from outside takes its place, on the same port; a command
    that knows of none leaves it, and only `off` lets everybody ask.
    """  # noqa: D205  one paragraph
    registry.point("1")
    target.stop(NAME)
    assert target.deploy(NAME, "1").url == url
    assert ask(url, headers=bearer)[0] == 200

    given = replace(target, token="a-token-of-the-house")
    assert given.deploy(NAME, "1").url == url
    assert ask(url, headers=bearer)[0] == 403
    assert ask(url, headers={"Authorization": "Bearer a-token-of-the-house"})[0] == 200

    assert replace(target, token=None).deploy(NAME, "1").url == url
    assert ask(url)[0] == 401
    assert replace(target, token="off").deploy(NAME, "1").url == url
    assert ask(url)[0] == 200
