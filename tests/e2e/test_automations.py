"""Automations that `retune trigger` makes, on a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.triggers import DATA_CHANGED, RESUME, SILENT, install_resume
from tests.command import REPO, Retune, environment_of
from tests.company import event_of

SILENCE_S = 10


def automations(api: str) -> list[dict[str, Any]]:
    """All there are."""
    found: list[dict[str, Any]] = httpx.post(f"{api}/automations/filter", json={}).raise_for_status().json()
    return found


@pytest.fixture
def api(prefect_api: str) -> Iterator[str]:
    """The session's server; automations of the test are gone afterwards."""
    before = {each["id"] for each in automations(prefect_api)}
    yield prefect_api
    for each in automations(prefect_api):
        if each["id"] not in before:
            httpx.delete(f"{prefect_api}/automations/{each['id']}").raise_for_status()


def test_two_specs_of_one_model_are_each_run_when_its_data_change(api: str, retune: Retune, tmp_path: Path) -> None:
    """The second is installed beside the first, however its path is written; installed again, it is replaced."""
    flow = httpx.post(f"{api}/flows/", json={"name": "retrain"}).raise_for_status().json()
    wanted = {"name": "on-data-change", "flow_id": flow["id"], "enforce_parameter_schema": False}
    httpx.post(f"{api}/deployments/", json=wanted).raise_for_status()
    specs = ["flows/specs/deep.yaml", "flows/specs/wide.yaml"]
    (tmp_path / "flows" / "specs").mkdir(parents=True)
    for spec in specs:
        (tmp_path / spec).write_text((REPO / "flows/specs/digits.yaml").read_text())
    for spec in (*specs, f"./{specs[0]}", str(tmp_path / specs[1])):
        installed = replace(retune, cwd=tmp_path).ok("trigger", "install", spec)
        assert installed["watches"] == ["retune.data.digits"]
    runs = [each["actions"][0] for each in automations(api) if each["name"].startswith("retune: data of ")]
    assert sorted(run["parameters"]["spec"] for run in runs) == specs


def test_each_block_is_told_what_was_chosen_for_it(api: str, retune: Retune) -> None:
    """A second block leaves the first one's choice of events; a block named again has its own replaced."""
    kind = httpx.get(f"{api}/block_types/slug/custom-webhook").raise_for_status().json()["id"]
    schemas = httpx.post(f"{api}/block_schemas/filter", json={"block_schemas": {"block_type_id": {"any_": [kind]}}})
    schema = schemas.raise_for_status().json()[0]["id"]
    for name in ("pager", "channel"):
        block = {"name": name, "block_type_id": kind, "block_schema_id": schema}
        data = {"name": name, "url": "http://127.0.0.1:9"}
        httpx.post(f"{api}/block_documents/", json={**block, "data": data}).raise_for_status()
    retune.ok("trigger", "notify", "custom-webhook/pager", "--event", "retune.failed")
    retune.ok("trigger", "notify", "custom-webhook/channel")
    retune.ok("trigger", "notify", "custom-webhook/channel", "--event", "retune.promoted")
    told = {
        each["name"]: each["trigger"]["expect"] for each in automations(api) if each["name"].startswith("retune: tell")
    }
    assert told == {
        "retune: tell custom-webhook/pager": ["retune.failed"],
        "retune: tell custom-webhook/channel": ["retune.promoted"],
    }


@pytest.mark.slow
def test_only_a_run_whose_worker_died_goes_on(api: str) -> None:
    """It is scheduled again; one that somebody cancels stays so, one whose last sign of life came late stays Failed."""
    flow = httpx.post(f"{api}/flows/", json={"name": "of-a-dead-worker"}).raise_for_status().json()
    wanted = {"name": "manual", "flow_id": flow["id"]}
    deployment = httpx.post(f"{api}/deployments/", json=wanted).raise_for_status().json()["id"]

    def begun() -> str:
        made = {"tags": ["retune"], "state": {"type": "PENDING", "name": "Pending"}}
        url = f"{api}/deployments/{deployment}/create_flow_run"
        run = str(httpx.post(url, json=made).raise_for_status().json()["id"])
        becomes(run, "RUNNING")
        return run

    def becomes(run: str, kind: str) -> None:
        change = {"state": {"type": kind, "name": kind.capitalize()}, "force": True}
        httpx.post(f"{api}/flow_runs/{run}/set_state", json=change).raise_for_status()

    def heard(run: str) -> str:
        """The run says that it lives."""
        sign = {
            "id": str(uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": "prefect.flow-run.heartbeat",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
            "related": [{"prefect.resource.id": "prefect.tag.retune", "prefect.resource.role": "tag"}],
        }
        httpx.post(f"{api}/events", json=[sign]).raise_for_status()
        return run

    def state(run: str) -> str:
        return str(httpx.get(f"{api}/flow_runs/{run}").raise_for_status().json()["state"]["name"])

    with temporary_settings({PREFECT_API_URL: api}):
        install_resume(SILENCE_S)
    cancelled = heard(begun())
    becomes(cancelled, "CANCELLING")
    failed = begun()
    becomes(failed, "FAILED")
    heard(failed)
    died = heard(begun())
    end = time.monotonic() + 120
    while state(died) != "AwaitingRetry" and time.monotonic() < end:
        time.sleep(0.5)  # the server has its own clock, and nothing to wait on
    time.sleep(SILENCE_S)  # the others were heard first, so that they would have come first
    assert (state(died), state(cancelled), state(failed)) == ("AwaitingRetry", "Cancelling", "Failed")


@pytest.mark.slow
def test_without_a_server_named_the_home_s_own_is_used(tmp_path: Path) -> None:
    """`retune trigger` speaks with the server that `retune up` starts, and names it where it lacks the deployment."""
    home = Retune(home=tmp_path, cwd=REPO, environment=environment_of(tmp_path))
    spec = "flows/specs/digits.yaml"
    try:
        up = home("up")
        own = f"{json.loads((tmp_path / 'services' / 'prefect.json').read_text())['url']}/api"
        assert f"export PREFECT_API_URL={own}" in up.out
        refused = home("trigger", "install", spec)
        assert refused.code == 66
        assert f"PREFECT_API_URL={own} prefect --no-prompt deploy --all" in refused.err
        flow = httpx.post(f"{own}/flows/", json={"name": "retrain"}).raise_for_status().json()
        wanted = {"name": "on-data-change", "flow_id": flow["id"], "enforce_parameter_schema": False}
        httpx.post(f"{own}/deployments/", json=wanted).raise_for_status()
        home.ok("trigger", "install", spec)
        assert {each["name"] for each in automations(own)} >= {f"retune: data of {spec}", SILENT, RESUME}
        home.ok("trigger", "fire", spec)
        assert event_of(own, DATA_CHANGED, "retune.data.digits")
    finally:
        home("down")
