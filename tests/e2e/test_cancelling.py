"""Cancelled, terminated, stopped from elsewhere: what becomes of the tuning job, and how the flow run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.amt_endpoint import Serving
from tests.command import REPO, Retune
from tests.gate import Gate
from tests.holding_proxy import HoldingProxy, holding_proxy

pytestmark = pytest.mark.slow

PREFECT = Path(sys.executable).with_name("prefect")
POOL = "cancelling"
# The flow of this repository, in a project of the test's own: a deployed run takes specs of its own code only.
DEPLOYMENT = f"""
pull:
  - prefect.deployments.steps.set_working_directory: {{{{directory: {{project}}}}}}
deployments:
  - {{{{name: {POOL}, entrypoint: "{REPO}/flows/retrain.py:retrain", work_pool: {{{{name: {POOL}}}}}}}}}
"""


@dataclass(frozen=True, kw_only=True)
class FlowRuns:
    """Flow runs as Prefect's API has them.

    Attributes:
        api: Of the server.
    """

    api: str

    def only(self, name: str) -> dict[str, Any]:
        """The newest flow run of that name."""
        asked = {"flow_runs": {"name": {"any_": [name]}}, "sort": "START_TIME_DESC", "limit": 1}
        answer = httpx.post(f"{self.api}/flow_runs/filter", json=asked).raise_for_status()
        (run,) = answer.json()
        return dict(run)

    def cancel(self, run_id: str) -> None:
        """What the button of Prefect's UI and `prefect flow-run cancel` do."""
        state = {"state": {"type": "CANCELLING"}}
        httpx.post(f"{self.api}/flow_runs/{run_id}/set_state", json=state).raise_for_status()

    def state(self, run_id: str) -> str:
        """The state's type."""
        answer = httpx.get(f"{self.api}/flow_runs/{run_id}").raise_for_status()
        return str(answer.json()["state_type"])

    def wait_until_final(self, run_id: str) -> str:
        """Ask until the flow run has ended."""
        while True:
            state = self.state(run_id)
            if state in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
                return state
            time.sleep(0.2)  # nothing to wait on


@pytest.fixture
def flow_runs(prefect_api: str) -> FlowRuns:
    """Of the session's server."""
    return FlowRuns(api=prefect_api)


@pytest.fixture
def watched(cloud: Serving) -> Iterator[HoldingProxy]:
    """The cloud behind a proxy that notes the calls."""
    with holding_proxy(cloud.url) as proxy:
        yield proxy


@pytest.fixture
def somewhere(retune: Retune, account: dict[str, str], watched: HoldingProxy) -> Retune:
    """`retune` of somebody with an account."""
    variables = {**account, "AWS_ENDPOINT_URL_SAGEMAKER": watched.url}
    return replace(retune, environment={**retune.environment, **variables})


def only_job(retune: Retune, engine: str, model: str) -> dict[str, Any]:
    (job,) = [job for job in retune.ok("jobs", "--engine", engine)["jobs"] if job["model"] == model]
    return dict(job)


@pytest.mark.parametrize("engine", ["local", "sagemaker"])
def test_a_cancel_in_prefect_stops_the_job_of_a_run_without_a_worker(
    somewhere: Retune, gated_spec: str, gate: Gate, flow_runs: FlowRuns, watched: HoldingProxy, engine: str
) -> None:
    """Stop is called within one poll of the cancel; the job ends Stopped, the run Cancelled, the command with 130."""
    with somewhere.running(
        "run", gated_spec, "--no-deploy", "--engine", engine, "--set", f"name=direct-{engine}"
    ) as run:
        gate.wait_for_one()
        flow_run = flow_runs.only(gated_spec)["id"]
        flow_runs.cancel(flow_run)
        seen = len(watched.calls)
        out, err = run.communicate(timeout=200)
    assert run.returncode == 130, (out, err)
    assert "was stopped; the same command goes on" in err
    assert flow_runs.state(flow_run) == "CANCELLED"
    assert only_job(somewhere, engine, f"direct-{engine}")["status"] == "Stopped"
    if engine == "sagemaker":
        before = watched.calls[seen : watched.calls.index("StopHyperParameterTuningJob")]
        # one look may have been under way when the cancel came
        assert before.count("DescribeHyperParameterTuningJob") <= 2, before


@contextmanager
def worker(retune: Retune) -> Iterator[subprocess.Popen[bytes]]:
    """A process worker that runs flow runs of the pool until the block ends."""
    log = (retune.home.parent / "worker.log").open("wb")
    started = subprocess.Popen(
        [PREFECT, "worker", "start", "--pool", POOL, "--type", "process"],
        cwd=REPO,
        env=dict(retune.environment),
        stdout=log,
        stderr=log,
        process_group=0,
    )
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
        log.close()


def deploy(retune: Retune, api: str, project: Path) -> str:
    """A deployment of the flow in a pool of the test's own; its id."""
    file = retune.home.parent / "prefect.yaml"
    file.write_text(DEPLOYMENT.format(project=project))
    for command in (
        ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        ("deploy", "--all", "--prefect-file", str(file)),
    ):
        done = subprocess.run(
            [PREFECT, "--no-prompt", *command],
            cwd=REPO,
            env=dict(retune.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    found = httpx.get(f"{api}/deployments/name/retrain/{POOL}").raise_for_status()
    return str(found.json()["id"])


def test_a_cancel_in_prefect_stops_the_job_of_a_worker_s_run(
    somewhere: Retune, gated_spec: str, gate: Gate, flow_runs: FlowRuns
) -> None:
    """A worker ends its flow's process by SIGTERM, long before its next look: the job is stopped, the run Cancelled."""
    project = somewhere.home.parent / "project"
    (project / "flows/specs").mkdir(parents=True)
    deployment = deploy(somewhere, flow_runs.api, project)
    rarely = replace(somewhere, environment={**somewhere.environment, "RETUNE_POLL_S": "300"})
    with worker(rarely):
        for engine in ("sagemaker", "local"):
            spec = f"flows/specs/{engine}.yaml"
            (project / spec).write_text(Path(gated_spec).read_text().replace("name: wine", f"name: worker-{engine}"))
            parameters = {"spec": spec, "engine": engine, "deploy": False}
            made = httpx.post(
                f"{flow_runs.api}/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
            ).raise_for_status()
            flow_run = str(made.json()["id"])
            gate.wait_for_one()
            flow_runs.cancel(flow_run)
            assert flow_runs.wait_until_final(flow_run) == "CANCELLED"
            job = only_job(somewhere, engine, f"worker-{engine}")
            assert job["status"] == "Stopped"
            assert flow_runs.state(flow_run) == "CANCELLED"


def test_sigterm_keeps_the_job_and_the_next_run_attaches(
    somewhere: Retune, gated_spec: str, gate: Gate, flow_runs: FlowRuns, watched: HoldingProxy
) -> None:
    """The job in the cloud trains on and the next run follows it; a stop from elsewhere ends that run as cancelled."""
    command = ("run", gated_spec, "--no-deploy", "--engine", "sagemaker", "--set", "name=kept")
    with somewhere.running(*command) as run:
        gate.wait_for_one()
        end(run)
    assert flow_runs.state(flow_runs.only(gated_spec)["id"]) == "CRASHED"
    job = only_job(somewhere, "sagemaker", "kept")
    assert job["status"] == "InProgress"

    with somewhere.running(*command) as run:
        watched.wait_for("ListTrainingJobsForHyperParameterTuningJob", more=3, process=run)
        assert "StopHyperParameterTuningJob" not in watched.calls
        assert somewhere.ok("stop", job["name"], "--engine", "sagemaker")["status"] == "Stopped"
        out, err = run.communicate(timeout=200)
    assert run.returncode == 130, (out, err)
    assert only_job(somewhere, "sagemaker", "kept")["name"] == job["name"]
    assert flow_runs.state(flow_runs.only(gated_spec)["id"]) == "CANCELLED"


def test_sigterm_stops_the_job_of_a_run_that_is_asked_to(
    retune: Retune, gated_spec: str, gate: Gate, flow_runs: FlowRuns
) -> None:
    """On this machine too a job outlives SIGTERM, to be run on by the next; with RETUNE_ON_CRASH=stop it is stopped."""
    command = ("run", gated_spec, "--no-deploy", "--set", "name=asked")
    with retune.running(*command) as run:
        gate.wait_for_one()
        end(run)
    job = only_job(retune, "local", "asked")
    assert job["status"] == "InProgress"

    stopping = replace(retune, environment={**retune.environment, "RETUNE_ON_CRASH": "stop"})
    with stopping.running(*command) as run:
        gate.wait_for_one()
        run.terminate()
        out, err = run.communicate(timeout=200)
    assert run.returncode == 130, (out, err)
    stopped = only_job(retune, "local", "asked")
    assert (stopped["name"], stopped["status"]) == (job["name"], "Stopped")
    assert flow_runs.state(flow_runs.only(gated_spec)["id"]) == "CANCELLED"


def end(run: subprocess.Popen[str]) -> None:
    """SIGTERM, which is what the process must die of."""
    run.terminate()
    out, err = run.communicate(timeout=200)
    assert run.returncode == -signal.SIGTERM, (out, err)
