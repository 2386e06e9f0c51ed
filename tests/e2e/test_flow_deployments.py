"""`prefect.yaml` on a real server: only a running one shows whether the resolved versions work together."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployed import one_run_of
from flows.events import send
from tests.command import REPO, Retune, environment_of

PREFECT = Path(sys.executable).with_name("prefect")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> dict[str, Any]:
    """`retrain/manual`, deployed on the session's server as `prefect.yaml` says."""
    environment = environment_of(tmp_path_factory.mktemp("deploying"), PREFECT_API_URL=prefect_api)
    for command in (("work-pool", "create", "local", "--type", "process", "--overwrite"), ("deploy", "--all")):
        done = subprocess.run(
            [PREFECT, "--no-prompt", *command], cwd=REPO, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return httpx.get(f"{prefect_api}/deployments/name/retrain/manual").raise_for_status().json()


def test_the_manual_deployment_takes_the_flow_s_flat_parameters(deployed: dict[str, Any]) -> None:
    """Every parameter of the flow can be given by name; only the spec has to be, and has a default here."""
    from flows.retrain import retrain

    schema = deployed["parameter_openapi_schema"]

    assert list(schema["properties"]) == list(inspect.signature(retrain.fn).parameters)
    assert schema["required"] == ["spec"]
    assert (REPO / deployed["parameters"]["spec"]).is_file()
    assert deployed["enforce_parameter_schema"]
    assert deployed["work_pool_name"] == "local"


def test_the_deployments_that_are_shipped(deployed: dict[str, Any], prefect_api: str) -> None:
    """By hand, every night, when data change, and when a search in the cloud has ended; no idle wait but by hand."""
    assert deployed["name"] == "manual"
    found = {
        each["name"]: each
        for each in httpx.post(f"{prefect_api}/deployments/filter", json={}).raise_for_status().json()
    }
    waits = {name: found[name]["parameters"].get("wait", True) for name in ("manual", "nightly", "on-data-change")}
    assert waits == {"manual": True, "nightly": False, "on-data-change": False}
    (schedule,) = found["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["active"]) == ("0 3 * * *", True)
    collect = found["collect"]
    assert (collect["entrypoint"], collect["parameters"]) == ("flows/retrain.py:collect", {"wait": False})
    assert collect["parameter_openapi_schema"]["required"] == ["job"]


def test_an_event_reaches_the_server_it_is_meant_for(prefect_api: str) -> None:
    """In a process that knows no server, as `retune promote` is: no server is started, and it is there on return."""
    send("retune.promoted", {"prefect.resource.id": "retune.model.sent"}, {"version": "3"}, api_url=prefect_api)
    wanted = {"filter": {"resource": {"id": ["retune.model.sent"]}}, "limit": 5}
    end = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < end:
        time.sleep(0.2)  # the server writes it when it comes to it
        found = httpx.post(f"{prefect_api}/events/filter", json=wanted).raise_for_status().json()["events"]
    assert [(each["event"], each["payload"]) for each in found] == [("retune.promoted", {"version": "3"})]


@pytest.mark.parametrize("kind", ["docker", "ecs", "kubernetes"])
def test_runs_in_containers_of_their_own(deployed: dict[str, Any], prefect_api: str, kind: str) -> None:
    """The server takes the shipped job variables for a pool of that type, and not ones that the type does not have."""
    workers = httpx.get(f"{prefect_api}/collections/views/aggregate-worker-metadata").raise_for_status().json()
    template = next(each[kind]["default_base_job_configuration"] for each in workers.values() if kind in each)
    pool = {"name": f"shipped-{kind}", "type": kind, "base_job_template": template}
    assert httpx.post(f"{prefect_api}/work_pools/", json=pool).status_code in {201, 409}
    variables = yaml.safe_load((REPO / "infra/prefect/work-pools.yaml").read_text())[kind]
    assert set(variables) <= set(template["variables"]["properties"])

    def deploy(job_variables: dict[str, Any]) -> int:
        wanted = {"name": kind, "flow_id": deployed["flow_id"], "work_pool_name": pool["name"]}
        asked = {**wanted, "job_variables": job_variables, "enforce_parameter_schema": False}
        return httpx.post(f"{prefect_api}/deployments/", json=asked).status_code

    assert deploy({**variables, "env": "not an object"}) == 422
    assert deploy(variables) in {200, 201}


def test_deployed_runs_of_one_model_wait_for_each_other(prefect_api: str) -> None:
    """While one holds a model, another run of it waits and a run of another model does not."""
    entered = threading.Event()

    def enter() -> None:
        with temporary_settings({PREFECT_API_URL: prefect_api}), one_run_of("a/model"):
            entered.set()

    second = threading.Thread(target=enter)
    with temporary_settings({PREFECT_API_URL: prefect_api}):
        with one_run_of("a/model"):
            second.start()
            with one_run_of("another model"):
                assert not entered.wait(3)
        assert entered.wait(60)
    second.join()


def test_a_schedule_makes_runs(deployed: dict[str, Any], prefect_api: str) -> None:
    """The server's scheduler turns a cron line into coming runs."""
    nightly = {"schedule": {"cron": "0 3 * * *", "timezone": "UTC"}, "active": True}
    httpx.post(f"{prefect_api}/deployments/{deployed['id']}/schedules", json=[nightly]).raise_for_status()

    of_this = {"deployments": {"id": {"any_": [deployed["id"]]}}, "limit": 5}
    end = time.monotonic() + 120
    coming: list[dict[str, Any]] = []
    while not coming and time.monotonic() < end:
        time.sleep(0.5)  # the scheduler has its own clock, and nothing to wait on
        coming = httpx.post(f"{prefect_api}/flow_runs/filter", json=of_this).raise_for_status().json()

    assert coming
    assert {run["state_type"] for run in coming} == {"SCHEDULED"}
    assert all("T03:00:00" in run["expected_start_time"] for run in coming)


@pytest.mark.slow
def test_looks_at_a_search_go_on_until_it_has_ended(
    deployed: dict[str, Any], prefect_api: str, retune: Retune, account: dict[str, str]
) -> None:
    """A look that finds a search running, or a cloud that does not answer, has the next one come as late as it did."""
    assert deployed["name"] == "manual"
    environment = {**retune.environment, **account}
    abroad = replace(retune, environment=environment)
    submit = ("submit", "flows/specs/digits.yaml", "--engine", "sagemaker", "--mode", "tune", "--max-jobs", "50")
    job = abroad.ok(*submit, "--max-parallel-jobs", "1")["tuning_job"]
    wanted = {"deployments": {"name": {"any_": ["collect"]}}, "sort": "EXPECTED_START_TIME_ASC"}

    def looks() -> list[dict[str, Any]]:
        found = httpx.post(f"{prefect_api}/flow_runs/filter", json=wanted).raise_for_status().json()
        return [run["parameters"] for run in found if run["parameters"].get("job") == job]

    def look(look_again_s: int, **changes: str) -> str:
        code = f"from flows.retrain import collect; collect({job!r}, wait=False, look_again_s={look_again_s})"
        told = {**environment, **changes}
        return subprocess.run(
            [sys.executable, "-c", code], cwd=REPO, env=told, capture_output=True, text=True, check=False
        ).stderr

    try:
        look(4000)
        assert [each["look_again_s"] for each in looks()] == [4000]
        away = "http://127.0.0.1:9"
        assert "Unavailable" in look(9000, **{name: away for name in account if name.startswith("AWS_ENDPOINT_URL")})
        assert [each["look_again_s"] for each in looks()] == [4000, 9000]
        assert "greater than or equal to 1" in look(0)
    finally:
        abroad.ok("stop", job, "--engine", "sagemaker")


def failing(flow: str, environment: Mapping[str, str]) -> str:
    """Run a flow; what it says on stderr."""
    command = [sys.executable, "-c", f"from flows.retrain import collect, retrain; {flow}"]
    done = subprocess.run(command, cwd=REPO, env=dict(environment), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stderr


def reasons(api: str, event: str) -> list[str]:
    """Why, say the events of that name about the model `digits`, once there are any."""
    wanted = {"filter": {"resource": {"id": ["retune.model.digits"]}, "event": {"name": [event]}}}
    end = time.monotonic() + 60
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < end:
        time.sleep(0.2)  # the server writes it when it comes to it
        found = httpx.post(f"{api}/events/filter", json=wanted).raise_for_status().json()["events"]
    return [str(each["payload"]["reason"]) for each in found]


@pytest.mark.slow
def test_a_search_that_cannot_be_started_is_told_of(prefect_api: str, retune: Retune, account: dict[str, str]) -> None:
    """A run that only starts a search in the cloud tells of a cap it meets as one does that waits for its search."""
    capped = "retrain('flows/specs/digits.yaml', engine='sagemaker', mode='tune', max_cost_usd=0.0001, wait=False)"
    assert "OverBudget" in failing(capped, {**retune.environment, **account})
    assert any("max_cost_usd" in reason for reason in reasons(prefect_api, "retune.budget-stopped"))


def test_a_search_that_cannot_be_collected_is_told_of(prefect_api: str, retune: Retune) -> None:
    """Code or spec that changed while a search ran keep its result back: somebody hears of it, and what to do."""
    kept = retune.home / "store" / "retune-local" / "submissions" / "digits-01.json"
    kept.parent.mkdir(parents=True)
    options = {"spec": "flows/specs/digits.yaml", "overrides": []}
    kept.write_text(json.dumps({"options": options, "spec_digest": "another", "code_digest": "another"}))
    assert "InvalidInput" in failing("collect('digits-01', wait=False)", retune.environment)
    assert any("check out that commit" in reason for reason in reasons(prefect_api, "retune.failed"))
