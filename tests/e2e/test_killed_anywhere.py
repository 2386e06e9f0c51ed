"""SIGKILL of a run in the cloud at eight of its stages, each shown to have landed there, then the same command."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.naming import promotion_tag
from components.tuning.ledger import SqliteLedger
from tests.amt_endpoint import Serving
from tests.command import Retune, kill
from tests.holding_proxy import HoldingProxy, holding_proxy

pytestmark = pytest.mark.slow

MODEL = "anywhere"
MLFLOW = "/api/2.0/mlflow"
ALIAS = f"POST {MLFLOW}/registered-models/alias"


@pytest.fixture
def tracking(retune: Retune, tmp_path: Path) -> Iterator[HoldingProxy]:
    """A tracking server of its own, behind a proxy."""
    home = tmp_path / "tracking"
    keeper = replace(retune, home=home, environment={**retune.environment, "RETUNE_HOME": str(home)})
    (service,) = keeper.ok("up")["services"]
    with holding_proxy(service["url"]) as proxy:
        yield proxy
    keeper("down")


@dataclass(frozen=True, kw_only=True)
class World:
    """What is there, asked of those who keep it and not of the run.

    Attributes:
        cloud: Keeper of tuning jobs.
        tracking: Of versions and runs.
        home: Of the run: ledger and services.
    """

    cloud: Serving
    tracking: HoldingProxy
    home: Path

    def jobs(self) -> dict[str, str]:
        """Tuning jobs to their status."""
        answer = self.cloud.client.list_hyper_parameter_tuning_jobs(NameContains=f"{MODEL}-")
        rows = answer["HyperParameterTuningJobSummaries"]
        return {row["HyperParameterTuningJobName"]: row["HyperParameterTuningJobStatus"] for row in rows}

    def reserved(self) -> list[bool]:
        """The ledger's rows: whether each is still a reservation."""
        return [entry.spent_usd is None for entry in SqliteLedger(self.home / "ledger.sqlite").entries()]

    def versions(self) -> list[dict[str, Any]]:
        """Model versions."""
        found = self._mlflow("GET", "model-versions/search", params={"filter": f"name='{MODEL}'"})
        return list(found.get("model_versions", []))

    def champion(self) -> str | None:
        """The version that the alias names."""
        return {one["alias"]: one["version"] for one in self._model().get("aliases", [])}.get("champion")

    def promotions(self) -> list[str]:
        """Entries of the champion's history."""
        return [tag["key"] for tag in self._model().get("tags", []) if tag["key"].startswith(promotion_tag(0)[:-1])]

    def runs(self) -> list[str]:
        """Status of every MLflow run, sorted."""
        found = self._mlflow("POST", "runs/search", json={"experiment_ids": ["0", "1"], "max_results": 100})
        return sorted(run["info"]["status"] for run in found["runs"])

    def server(self) -> str | None:
        """State of the model's server, as it is recorded."""
        records = [json.loads(path.read_text()) for path in (self.home / "services").glob("*.json")]
        return next((str(record["state"]) for record in records if MODEL in record["name"]), None)

    def _model(self) -> dict[str, Any]:
        return dict(self._mlflow("GET", "registered-models/get", params={"name": MODEL})["registered_model"])

    def _mlflow(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        answer = httpx.request(method, f"{self.tracking.endpoint.geturl()}{MLFLOW}/{path}", timeout=60, **what)
        return dict(answer.raise_for_status().json())


def nth(number: int, name: str) -> Callable[[str], bool]:
    """Whether a call is the so-manieth of a name."""
    seen = itertools.count(1)
    return lambda call: call == name and next(seen) == number


def test_a_run_killed_at_every_stage_is_one_run(
    retune: Retune, write_spec: Callable[..., Path], cloud: Serving, account: dict[str, str], tracking: HoldingProxy
) -> None:
    """However far it came, the same command goes on: one job, every trial once, one version, one row of money."""
    world = World(cloud=cloud, tracking=tracking, home=retune.home)
    spec = str(write_spec(name=MODEL))
    with holding_proxy(cloud.url) as sagemaker:
        here = {**account, "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker.url, "MLFLOW_TRACKING_URI": tracking.url}

        def killed(proxy: HoldingProxy, matches: Callable[[str], bool], *, arrived: bool) -> None:
            with proxy.hold(matches, arrived=arrived) as hold:
                run = retune.start("run", spec, "--engine", "sagemaker", **here)
                hold.wait_for(run)
                kill(run)

        create = "CreateHyperParameterTuningJob"
        killed(sagemaker, nth(1, create), arrived=False)
        assert (world.jobs(), world.reserved()) == ({}, [True]), "before Create: money is reserved, no job is there"

        killed(sagemaker, nth(1, create), arrived=True)
        (job,) = world.jobs()

        killed(sagemaker, nth(3, "ListTrainingJobsForHyperParameterTuningJob"), arrived=False)
        assert (list(world.jobs()), world.versions()) == ([job], []), "while it polls"

        killed(tracking, nth(1, f"POST {MLFLOW}/model-versions/create"), arrived=False)
        assert (world.jobs(), world.versions()) == ({job: "Completed"}, []), "before registration"

        killed(tracking, nth(1, f"POST {MLFLOW}/model-versions/create"), arrived=True)
        assert ([one["version"] for one in world.versions()], world.champion()) == (["1"], None), "after registration"

        killed(tracking, nth(2, ALIAS), arrived=False)
        assert (len(world.versions()), world.champion()) == (1, None), "before promotion"

        killed(tracking, nth(2, ALIAS), arrived=True)
        assert (world.champion(), world.server()) == ("1", None), "after promotion"

        # The first is the score's, the second the new server's.
        killed(tracking, nth(2, f"GET {MLFLOW}/model-versions/get-download-uri"), arrived=False)
        assert world.server() == "starting", "while it is deployed"

        result = retune.ok("run", spec, "--engine", "sagemaker", **here)
        assert sagemaker.calls.count(create) == 2, "the one that did not arrive and the one that did"

    assert (result["tuning_job"], world.jobs()) == (job, {job: "Completed"})
    assert result["trials"] == {"completed": 4, "stopped": 0, "failed": 0}
    trials = cloud.client.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    assert len(trials["TrainingJobSummaries"]) == 4
    assert world.runs() == ["FINISHED"] * 5, "the retraining and its four trials, each once"
    assert [one["version"] for one in world.versions()] == [world.champion()] == ["1"]
    assert len(world.promotions()) == 1
    assert world.reserved() == [False]
    assert world.server() == "ready"
    served = httpx.get(result["deployment"]["url"].replace("invocations", "health"), timeout=60)
    assert (served.status_code, result["deployment"]["version"]) == (200, "1")
