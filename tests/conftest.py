"""A clean environment for every test, moto's AWS for those that ask, and no process left behind by any."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

FOREIGN = ("AWS_", "BOTO_", "MLFLOW_", "PREFECT_", "RETUNE_", "SAGEMAKER_", "SM_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
MARK = "TEST_SESSION_OF_RETUNE"


def pytest_configure() -> None:
    """Forget the machine's own accounts, servers and proxies before anything is imported that reads them."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.lower() in PROXIES:
            del os.environ[name]
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "DO_NOT_TRACK": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "OMP_NUM_THREADS": "1",  # two workers on two cores: more threads only wait for each other
            MARK: uuid.uuid4().hex,
        }
    )


def _started_here(process: psutil.Process, temporary: str) -> str | None:
    """Command line of a process that carries this session's mark, or works in its temporary folder; else None."""
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return None
        command, environment = process.cmdline(), process.environ()
        places = (*command, process.cwd(), *environment.values())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    ours = environment.get(MARK) == os.environ[MARK] or any(temporary in place for place in places)
    return " ".join(command)[:200] if ours else None


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever the tests started has ended when they have; leftovers are named, ended, and fail the session."""
    yield
    temporary = str(tmp_path_factory.getbasetemp())
    seen = {one: command for one in psutil.process_iter() if (command := _started_here(one, temporary)) is not None}
    _, left = psutil.wait_procs(list(seen), timeout=5)
    for one in left:
        one.kill()
    assert not left, "processes outlived the tests that started them:\n" + "\n".join(
        f"{one.pid}: {seen[one]}" for one in left
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `$RETUNE_HOME` that this test alone has; not made yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("RETUNE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def _moto() -> Iterator[ThreadedMotoServer]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def aws_endpoint(_moto: ThreadedMotoServer) -> str:
    """URL of moto's server (real HTTP, every AWS service), emptied for this test: a client's `endpoint_url`."""
    import httpx

    host, port = _moto.get_host_and_port()
    httpx.post(f"http://{host}:{port}/moto-api/reset").raise_for_status()
    return f"http://{host}:{port}"
