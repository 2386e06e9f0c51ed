"""The hold of a deployed run on its model: made by whoever is first, and given back whatever becomes of the server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from components.deployment.local_services import prefect_server
from flows.deployed import one_run_of
from tests.command import REPO, environment_of
from tests.company import answers, free_port, kill_family

HOLD = "import sys; from flows.deployed import one_run_of\nwith one_run_of(sys.argv[1]): print('held')"


def holder(model: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """A process that holds a model once, for no time."""
    command = [sys.executable, "-c", HOLD, model]
    return subprocess.Popen(command, cwd=REPO, env=dict(environment), stdout=subprocess.PIPE, text=True)


@contextmanager
def served(home: Path, port: int) -> Iterator[None]:
    """The Prefect server that `retune up` starts, killed at the end."""
    spec = prefect_server(home)
    told = {name: value for name, value in {**os.environ, **spec.environment}.items() if value is not None}
    server = subprocess.Popen(spec.command(port), env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answers(f"http://127.0.0.1:{port}/api/health")
        yield
    finally:
        kill_family(server)


def test_the_first_runs_of_a_model_may_start_at_the_same_moment(prefect_api: str) -> None:
    """A model's limit is made by its first run: of several that start at once none fails because another made it."""
    together = threading.Barrier(4)

    def hold(_: int) -> str:
        with temporary_settings({PREFECT_API_URL: prefect_api}):
            together.wait()
            with one_run_of("never seen before"):
                return "held"

    with ThreadPoolExecutor(together.parties) as runs:
        assert list(runs.map(hold, range(together.parties))) == ["held"] * together.parties


@pytest.mark.slow
def test_a_model_is_free_again_after_the_server_was_killed(tmp_path: Path) -> None:
    """`kill -9` of the server while a run holds a model: what it held is given back to the new one."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    with temporary_settings({PREFECT_API_URL: api}), ExitStack() as hold:
        with served(tmp_path, port):
            hold.enter_context(one_run_of("model"))
        with served(tmp_path, port):
            hold.close()
            next_run = holder("model", environment_of(tmp_path / "home", PREFECT_API_URL=api))
            try:
                assert next_run.communicate(timeout=120)[0] == "held\n"
            finally:
                next_run.kill()
