"""The line with an endpoint at its end: refused by price, made, updated over a kill, back over a kill, deleted."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.registry.mlflow_registry import Registry
from tests.command import Retune
from tests.endpoint_rig import client_of
from tests.sagemaker_hosting import Hosting, hosting_on

BUCKET = "ml-bucket"
MODEL = "wine"
PATIENCE_S = 240


@pytest.fixture
def hosting(aws_endpoint: str) -> Iterator[Hosting]:
    """An account with a bucket."""
    with hosting_on(aws_endpoint) as made:
        client_of(made, "s3").create_bucket(Bucket=BUCKET)
        yield made


@pytest.fixture
def account(hosting: Hosting) -> dict[str, str]:
    """The environment of somebody who has it."""
    return {
        "AWS_ENDPOINT_URL": hosting.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "RETUNE_BUCKET": BUCKET,
        "RETUNE_ROLE_ARN": "arn:aws:iam::123456789012:role/retune",
        "RETUNE_POLL_S": "0.2",
    }


def standing(retune: Retune, hosting: Hosting) -> tuple[str, str, list[str]]:
    """The champion, what the endpoint serves, and the history of champions."""
    registry = Registry(tracking_uri=f"sqlite:///{retune.home / 'mlflow.db'}", model=MODEL)
    champion = registry.champion()
    assert champion is not None
    config = client_of(hosting, "sagemaker").describe_endpoint(EndpointName=MODEL)["EndpointConfigName"]
    history = [f"{entry.kind} {entry.version}" for entry in registry.history()]
    return str(champion.version), config.split("-")[1], history


def killed_while_updating(retune: Retune, hosting: Hosting, *arguments: str, **account: str) -> None:
    """Start a command, kill -9 it in the middle of its UpdateEndpoint, and let the update go on."""
    hosting.updating.clear()
    hosting.held.set()
    process = retune.start(*arguments, **account)
    try:
        assert hosting.updating.wait(PATIENCE_S), process.communicate(timeout=5)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    hosting.held.clear()


def test_the_endpoint_alias_and_history_agree_whatever_is_cut_off(
    retune: Retune, write_spec: Callable[..., Path], hosting: Hosting, account: dict[str, str]
) -> None:
    """Too dear is refused first; answers that are not the model's leave endpoint and champion as they were; after
    kill -9 in an update, in a rollback and in a promotion by hand the next command ends what was begun.
    """  # noqa: D205  one paragraph
    deployment: dict[str, Any] = {"target": "sagemaker", "shift": {"bake_s": 0}, "alarms": []}
    tuning = {
        "objective": {"metric": "validation:mlogloss", "type": "minimize"},
        "strategy": "random",
        "seed": 1,
        "max_jobs": 1,
        "max_parallel_jobs": 1,
        "space": {"eta": {"continuous": [0.2, 0.3]}},
    }
    weak = {"objective": "multi:softprob", "num_class": 3, "num_round": 1, "max_depth": 1}
    spec = str(write_spec(name=MODEL, deployment=deployment, tuning=tuning, training={"hyperparameters": weak}))
    dear = retune("run", spec, "--set", "deployment.instance.count=2", **account)
    assert dear.code == 77
    assert "max_endpoint_usd_per_month of 100.00 USD a month, got 167.90 USD" in dear.err
    assert not retune.home.joinpath("mlflow.db").exists()
    assert client_of(hosting, "sagemaker").list_endpoints()["Endpoints"] == []
    plan = retune.ok("plan", spec, **account)
    assert plan["endpoint_usd_per_month"] == 83.95

    first = retune.ok("run", spec, **account)
    assert first["deployment"]["target"] == "sagemaker"
    assert first["deployment"]["url"].endswith(f"/endpoints/{MODEL}/invocations")
    assert standing(retune, hosting) == ("1", "1", ["promote 1"])

    better = ("run", spec, "--set", "training.hyperparameters.num_round=30")
    better += ("--set", "training.hyperparameters.max_depth=4")
    hosting.spoilt.set()
    spoilt = retune(*better, **account)
    assert (spoilt.code, "failed its smoke test" in spoilt.err) == (76, True), spoilt.err
    assert standing(retune, hosting) == ("1", "1", ["promote 1"])
    hosting.spoilt.clear()

    killed_while_updating(retune, hosting, *better, **account)
    champion, _, history = standing(retune, hosting)
    assert (champion, history) == ("1", ["promote 1"]), "the champion changes after the endpoint"
    second = retune.ok(*better, **account)
    assert (second["model_version"], second["promoted"]) == ("2", True)
    assert standing(retune, hosting) == ("2", "2", ["promote 1", "promote 2"])

    killed_while_updating(retune, hosting, "rollback", MODEL, **account)
    back = retune.ok("rollback", MODEL, **account)
    assert (back["version"], back["deployment"]["version"]) == ("1", "1")
    assert standing(retune, hosting) == ("1", "1", ["promote 1", "promote 2", "rollback 1"])

    again = ("promote", MODEL, "2", "--reason", "the incident is over")
    killed_while_updating(retune, hosting, *again, **account)
    champion, _, history = standing(retune, hosting)
    assert (champion, history[-1]) == ("1", "rollback 1"), "the champion changes after the endpoint"
    promoted = retune.ok(*again, **account)
    assert (promoted["version"], promoted["deployment"]["version"]) == ("2", "2")
    assert standing(retune, hosting) == ("2", "2", ["promote 1", "promote 2", "rollback 1", "promote 2"])

    assert retune.ok("down", "--endpoint", MODEL, **account)["services"][0]["state"] == "deleted"
    assert client_of(hosting, "sagemaker").list_endpoints()["Endpoints"] == []
    assert retune("down", "--endpoint", MODEL, **account).code == 66
