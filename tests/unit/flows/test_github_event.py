"""Which runs an event asks for, and what it may not say."""

from __future__ import annotations

from typing import Any

import pytest

from components.errors import InvalidInput
from flows.github.event import Run, runs_of

BANK, DIGITS = "flows/specs/bank-marketing.yaml", "flows/specs/digits.yaml"


def runs(event: str, payload: dict[str, Any], *, touched: tuple[str, ...] = (), engine: str = "local") -> Any:
    """Of a repository that watches two specs."""
    return runs_of(event, payload, watched=(BANK, DIGITS, BANK), engine=engine, touched=lambda *_: touched)


def test_a_push_retrains_what_it_touched_and_a_date_all_that_is_watched() -> None:
    """Each watched spec once, in their order; a push that touched the data of none retrains none."""
    assert [run.spec for run in runs("push", {"before": "a", "after": "b"}, touched=(DIGITS,))] == [DIGITS]
    assert runs("push", {}, touched=()) == ()
    assert [(run.spec, run.engine) for run in runs("schedule", {})] == [(BANK, "local"), (DIGITS, "local")]


def test_a_person_says_engine_caps_warm_start_and_mode() -> None:
    """Inputs that were left empty are as the spec says; a spec that is not watched may be named."""
    inputs = {
        "spec": "flows/specs/flights.yaml",
        "engine": "sagemaker",
        "mode": "tune",
        "max_jobs": "5",
        "max_parallel_jobs": "",
        "max_cost_usd": "0.5",
        "warm_start": "digits-0123456789-01,digits-abcdef0123-02",
    }
    (run,) = runs("workflow_dispatch", {"inputs": inputs})

    assert run.name == "flights"
    assert run.arguments == [
        "flows/specs/flights.yaml",
        "--engine=sagemaker",
        "--mode=tune",
        "--max-jobs=5",
        "--max-cost-usd=0.5",
        "--warm-start=digits-0123456789-01,digits-abcdef0123-02",
    ]
    assert Run.of(run.document()) == run


def test_another_system_says_that_data_came_or_a_job_ended() -> None:
    """repository_dispatch names a watched spec, or a job, and no option at all."""
    (data,) = runs("repository_dispatch", {"action": "retune-data", "client_payload": {"spec": DIGITS}})
    (ended,) = runs("repository_dispatch", {"action": "retune-collect", "client_payload": {"job": "digits-0-01"}})

    assert (data.spec, data.engine, data.options) == (DIGITS, "local", {})
    assert (ended.job, ended.spec, ended.name) == ("digits-0-01", "", "digits-0-01")


@pytest.mark.parametrize(
    ("event", "payload", "law"),
    [
        ("pull_request", {}, "runs come of push"),
        ("workflow_dispatch", {"inputs": {}}, "spec must match"),
        ("workflow_dispatch", {"inputs": {"spec": "../../etc/passwd"}}, "spec must match"),
        ("workflow_dispatch", {"inputs": {"spec": "flows/specs/../x.yaml"}}, "spec must match"),
        ("workflow_dispatch", {"inputs": {"spec": f"{DIGITS}\nx=y"}}, "spec must match"),
        ("workflow_dispatch", {"inputs": {"spec": DIGITS, "engine": "local; rm -rf /"}}, "engine is"),
        ("workflow_dispatch", {"inputs": {"spec": DIGITS, "max_jobs": "5 --set a=b"}}, "max_jobs must match"),
        ("workflow_dispatch", {"inputs": {"spec": DIGITS, "max_cost_usd": "nan"}}, "max_cost_usd must match"),
        ("workflow_dispatch", {"inputs": {"spec": DIGITS, "warm_start": "--engine"}}, "warm_start must match"),
        ("workflow_dispatch", {"inputs": {"spec": DIGITS, "set": "budget.max_cost_usd=1e9"}}, "an event may set"),
        ("repository_dispatch", {"action": "retune-data", "client_payload": {"spec": "flows/specs/x.yaml"}}, "one of"),
        ("repository_dispatch", {"action": "retune-data", "client_payload": {"spec": DIGITS, "mode": "tune"}}, "got"),
        ("repository_dispatch", {"action": "retune-collect", "client_payload": {"job": "-x"}}, "job must match"),
        ("repository_dispatch", {"action": "retune-collect", "client_payload": ["job"]}, "repository_dispatch is"),
        ("repository_dispatch", {"action": "deploy"}, "repository_dispatch is"),
    ],
)
def test_what_an_event_may_not_say_is_refused(event: str, payload: dict[str, Any], law: str) -> None:
    """The allow-list is of values as well as of names: nothing that could be another option, path, line or output."""
    with pytest.raises(InvalidInput, match=law):
        runs(event, payload)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"spec": DIGITS, "engine": "local"},
        {"spec": DIGITS, "engine": "local", "options": {"set": "a=b"}},
        {"spec": "", "job": "", "engine": "local", "options": {}},
        {"spec": DIGITS, "job": "digits-0-01", "engine": "local", "options": {}},
    ],
)
def test_a_run_is_checked_again_where_it_arrives(document: Any) -> None:
    """A later job believes no more than the first one did."""
    with pytest.raises(InvalidInput):
        Run.of(document)
