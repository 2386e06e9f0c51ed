"""kill -9 in the middle of a change of the champion: the next command finishes it; alias, log and server agree."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import requests
from test_promotion_by_hand import BETTER, DIABETES

from components.deployment.local_services import mlflow_ui
from components.deployment.services import Services
from components.registry.mlflow_registry import Registry
from tests.command import REPO, Retune, environment_of
from tests.holding_proxy import HoldingProxy, holding_proxy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MODEL = "killed"
When = Literal["before", "after"]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[HoldingProxy]:
    """An MLflow server of the test's own behind a proxy that can stop a client at one call."""
    folder = tmp_path / "mlflow"
    folder.mkdir()
    services = Services(folder=folder / "services", environment=environment_of(folder, PYTHONPATH=str(REPO)))
    server = services.ensure(
        mlflow_ui(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", artifact_root=folder / "artifacts")
    )
    try:
        with holding_proxy(server.url) as between:
            yield between
    finally:
        services.stop_all()


@pytest.fixture
def tracked(retune: Retune, proxy: HoldingProxy) -> Iterator[Retune]:
    """`retune` with the tracking server behind the proxy."""
    command = replace(retune, environment={**retune.environment, "MLFLOW_TRACKING_URI": proxy.url})
    yield command
    command("down")


def killed_at(proxy: HoldingProxy, tracked: Retune, path: str, saying: str, when: When, *arguments: str) -> None:
    """Run a command until it makes this call of MLflow, and SIGKILL it there."""
    with proxy.hold(lambda name: name.endswith(path), arrived=when == "after", saying=saying) as call:
        process: subprocess.Popen[str] = tracked.start(*arguments)
        try:
            call.wait_for(process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == -signal.SIGKILL


def state(proxy: HoldingProxy) -> tuple[int | None, list[tuple[str, int]]]:
    """Who has the alias, and the log."""
    registry = Registry(tracking_uri=proxy.url, model=MODEL)
    champion = registry.champion()
    return None if champion is None else champion.version, [(each.kind, each.version) for each in registry.history()]


def served(url: str) -> str:
    """The version that the model's server answers with."""
    return str(requests.get(url.replace("invocations", "health"), timeout=60).json()["model_version"])


def test_a_change_of_the_champion_killed_anywhere_is_finished_once(
    tracked: Retune, proxy: HoldingProxy, write_spec: Callable[..., Path]
) -> None:
    """A run, a rollback and a promotion, each killed at another call: the next command finishes each, and only once."""
    spec = str(write_spec(**{**DIABETES, "name": MODEL}))
    url = tracked.ok("run", spec)["deployment"]["url"]
    log = [("promote", 1)]
    assert (state(proxy), served(url)) == ((1, log), "1")

    # A run, its version registered and not compared yet: nobody may serve it so.
    killed_at(proxy, tracked, "/registered-models/alias", "challenger", "before", "run", spec, *BETTER)
    early = tracked("promote", MODEL, "2", "--reason", "impatience")
    assert (early.code, "was not compared with the champion yet" in early.err) == (77, True)

    # A run, its entry in the log and the alias not moved.
    killed_at(proxy, tracked, "/registered-models/alias", "champion", "before", "run", spec, *BETTER)
    log += [("promote", 2)]
    assert state(proxy) == (1, log)
    result = tracked.ok("run", spec, *BETTER)
    assert (result["model_version"], result["champion"], result["deployment"]["version"]) == ("2", "2", "2")
    assert (state(proxy), served(url)) == ((2, log), "2")

    # A rollback, the same: given again it does not go one further.
    killed_at(proxy, tracked, "/registered-models/alias", "champion", "before", "rollback", MODEL)
    log += [("rollback", 1)]
    assert state(proxy) == (2, log)
    back = tracked.ok("rollback", MODEL)
    assert (back["version"], back["from_version"]) == ("1", "2")
    assert (state(proxy), served(url)) == ((1, log), "1")

    # A promotion before its entry is written: nothing has happened, and a run leaves it so.
    killed_at(
        proxy, tracked, "/registered-models/set-tag", "again", "before", "promote", MODEL, "2", "--reason", "again"
    )
    assert tracked.ok("run", spec)["champion"] == "1"
    assert (state(proxy), served(url)) == ((1, log), "1")

    # With the alias moved and nothing deployed: a run that trains nothing deploys it.
    killed_at(
        proxy, tracked, "/registered-models/alias", "champion", "after", "promote", MODEL, "2", "--reason", "again"
    )
    log += [("promote", 2)]
    assert state(proxy) == (2, log)
    rested = tracked.ok("run", spec, "--mode", "skip")
    assert (rested["champion"], rested["deployment"]["version"]) == ("2", "2")
    assert (state(proxy), served(url)) == ((2, log), "2")

    # A rollback with the alias moved: given again it swaps the server and does not go one further.
    killed_at(proxy, tracked, "/registered-models/alias", "champion", "after", "rollback", MODEL)
    log += [("rollback", 1)]
    assert state(proxy) == (1, log)
    back = tracked.ok("rollback", MODEL)
    assert (back["version"], back["from_version"], back["deployment"]["version"]) == ("1", "2", "1")
    assert (state(proxy), served(url)) == ((1, log), "1")

    # A promotion that is deployed and not closed: given again it is the same one, and only then one too many.
    again = ("promote", MODEL, "2", "--reason", "again")
    killed_at(proxy, tracked, "/registered-models/set-tag", "promotions_done", "before", *again)
    log += [("promote", 2)]
    assert (state(proxy), served(url)) == ((2, log), "2")
    assert tracked.ok(*again)["version"] == "2"
    assert tracked(*again).code == 77
    assert (state(proxy), served(url)) == ((2, log), "2")
