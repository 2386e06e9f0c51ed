"""Operations as a company has them: PostgreSQL, MLflow on it, a Prefect server and a worker, each a process."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest

from tests.command import REPO
from tests.company import Company, company_in, event_of, kill_family

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SILENCE_S = 75


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Everything up, `prefect.yaml` deployed, no worker yet."""
    with company_in(tmp_path_factory.mktemp("company")) as up:
        yield up


def test_a_deployment_run_by_hand_ends_in_a_champion(company: Company) -> None:
    """`prefect deployment run retrain/manual` on a worker, with MLflow and Prefect on PostgreSQL, makes a champion."""
    with company.worker():
        company.prefect(
            *("deployment", "run", "retrain/manual", "--watch", "-p", "spec=flows/specs/digits.yaml"),
            *("-p", "engine=local", "-p", "max_jobs=4", "-p", "deploy=false"),
        )
    (run,) = company.flow_runs("manual")
    assert run["state_type"] == "COMPLETED"
    assert company.retune.ok("lineage", "digits")["champion"] == "1"
    log = company.prefect("flow-run", "logs", run["id"], "--num-logs", "500")
    assert all(said in log for said in ("data: ", "decision: tune; ", "trial 4 completed", "promotion: version 1"))


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
    assert company.retune.ok("lineage", "digits")["versions"][0]["tuning_job"] == job["name"]


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
        server.server_close()


def test_a_deployment_takes_no_code_from_its_parameters(company: Company) -> None:
    """A spec from elsewhere, or an override that names code, fails the run before it is read, and automations hear."""
    elsewhere = company.folder / "evil.yaml"
    elsewhere.write_text((REPO / "flows/specs/digits.yaml").read_text())
    before = company.retune.ok("lineage", "digits")["versions"]
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
            told = event_of(company.api, "retune.failed", f"retune.spec.{parameters['spec']}")
            assert told["payload"]["reason"] in state["message"]
    assert company.retune.ok("lineage", "digits")["versions"] == before


def test_a_run_that_kills_each_worker_is_not_started_for_ever(company: Company) -> None:
    """After five starts a flow run fails, whose worker would otherwise be killed by it again and again."""
    deployment = httpx.get(f"{company.api}/deployments/name/retrain/manual").json()["id"]
    parameters = {"spec": "flows/specs/digits.yaml", "plan_only": True}
    run = httpx.post(f"{company.api}/deployments/{deployment}/create_flow_run", json={"parameters": parameters}).json()
    url = f"{company.api}/flow_runs/{run['id']}"
    for state in ["RUNNING", "SCHEDULED"] * 5:
        change = {"state": {"type": state}, "force": True}
        httpx.post(f"{url}/set_state", json=change).raise_for_status()
    with company.worker():
        while (ended := httpx.get(url).json()["state"])["type"] not in {"FAILED", "COMPLETED", "CRASHED"}:
            time.sleep(0.5)  # nothing to wait on
    assert ended["type"] == "FAILED"
    assert "a flow run is started at most 5 times, got 6" in ended["message"]


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
