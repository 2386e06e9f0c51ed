"""What infra/events.yaml sends, taken by a real Prefect server."""

from __future__ import annotations

import httpx
import pytest

from tests.event_bodies import ARRIVED, ENDED, body


@pytest.fixture(scope="module")
def deployment(prefect_api: str) -> str:
    """A deployment that nothing runs: where the event rule posts to."""
    flow = httpx.post(f"{prefect_api}/flows/", json={"name": "told-by-events"}).raise_for_status().json()
    made = httpx.post(f"{prefect_api}/deployments/", json={"name": "told", "flow_id": flow["id"]}).raise_for_status()
    return f"{prefect_api}/deployments/{made.json()['id']}/create_flow_run"


def test_an_event_that_arrives_twice_is_one_flow_run(deployment: str) -> None:
    """Prefect takes both bodies as they are, with their parameters; the same one again is the run that is there."""
    data, ended = body("DataArrived", "prefect", ARRIVED), body("TuningJobEnded", "prefect", ENDED)
    first, again, other = (httpx.post(deployment, json=each).raise_for_status().json() for each in (data, data, ended))

    assert first["parameters"] == {"spec": "flows/specs/digits.yaml"}
    assert again["id"] == first["id"]
    assert (other["parameters"], other["id"] != first["id"]) == ({"job": "digits-0123456789-01"}, True)
    later = {**ARRIVED, "detail": {**ARRIVED["detail"], "object": {"key": "data/x", "sequencer": "0061A60D9BF1FAA6C2"}}}
    third = httpx.post(deployment, json=body("DataArrived", "prefect", later)).raise_for_status().json()
    assert third["id"] not in {first["id"], other["id"]}
