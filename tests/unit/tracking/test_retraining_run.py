from __future__ import annotations

from collections.abc import Callable

import pytest
from mlflow import MlflowClient
from tracking_cases import curve_of, no_curve, points, trial

from components.errors import CannotWrite, Unavailable
from components.registry.tracking import RetrainingRun, run_url


def test_a_parent_carries_its_lineage(run: RetrainingRun, client: MlflowClient) -> None:
    """A retraining's run shows digest, key, lineage and resolved spec from its first moment."""
    found = client.get_run(run.run_id)

    assert found.info.status == "RUNNING"
    assert found.info.run_name == "digits"
    assert found.data.params == {"tuning.max_jobs": "50"}
    assert found.data.tags["retune.model"] == "digits"
    assert found.data.tags["retune.run_key"] == found.data.tags["retune.run_digest"][:10]
    assert found.data.tags["mlflow.source.name"] == "retune"
    assert "mlflow.parentRunId" not in found.data.tags


def test_the_same_digest_is_the_same_run(
    run: RetrainingRun, reopen: Callable[..., RetrainingRun], client: MlflowClient
) -> None:
    """A command on the same digest opens the same run again, keeps its parameters and tells what differs now."""
    run.finish(status="KILLED")

    again = reopen(params={"tuning.max_jobs": "60", "new": "1"}, tags={"retune.mode": "tune"})

    found = client.get_run(run.run_id)
    assert again.run_id == run.run_id
    assert found.info.status == "RUNNING"
    assert found.data.params == {"tuning.max_jobs": "50", "new": "1"}
    assert found.data.tags["resumed.tuning.max_jobs"] == "60"
    assert found.data.tags["retune.mode"] == "tune"
    assert reopen(run_digest="e" * 64).run_id != run.run_id


def test_two_parents_become_one(run: RetrainingRun, reopen: Callable[..., RetrainingRun], client: MlflowClient) -> None:
    """Of two runs of one digest, made in the same moment, every later command takes the older."""
    digest = client.get_run(run.run_id).data.tags["retune.run_digest"]
    client.create_run(run.experiment_id, tags={"retune.run_digest": digest})

    assert reopen().run_id == run.run_id


def test_the_summary(run: RetrainingRun, client: MlflowClient) -> None:
    """A finished run shows its best trial, its counts and its seconds, and what its caller adds."""
    trials = [trial(1), trial(2), trial(3, "Failed"), trial(4, "Stopped"), trial(5, "InProgress")]
    run.record(trials=trials, curve=curve_of(*points(2)))

    run.finish(status="FINISHED", metrics={"test_score": 0.5}, tags={"retune.model_version": "7"})

    found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.metrics == {
        "validation:accuracy": 0.52,
        "trials_completed": 2.0,
        "trials_failed": 1.0,
        "trials_stopped": 1.0,
        "training_seconds": 40.0,
        "billable_seconds": 16.0,
        "test_score": 0.5,
    }
    assert found.data.tags["best.training_job"] == "digits-0123456789-01-002"
    assert (found.data.tags["best.eta"], found.data.tags["best.max_depth"]) == ("1e-05", "7")
    assert found.data.tags["retune.model_version"] == "7"


def test_finishing_twice(run: RetrainingRun, client: MlflowClient) -> None:
    """The same end again adds no second point; a better trial found later replaces the best."""
    run.record(trials=[trial(1)], curve=no_curve)
    run.finish(status="FAILED")
    run.finish(status="FAILED")
    assert len(client.get_metric_history(run.run_id, "validation:accuracy")) == 1

    run.record(trials=[trial(2)], curve=no_curve)
    run.finish(status="FINISHED")

    found = client.get_run(run.run_id)
    assert found.data.metrics["validation:accuracy"] == 0.52
    assert found.data.tags["best.training_job"] == "digits-0123456789-01-002"


def test_a_run_without_trials(run: RetrainingRun, client: MlflowClient) -> None:
    """A retraining that failed before its search ends as failed, with nothing made up."""
    run.finish(status="FAILED", tags={"retune.reason": "no data"})

    found = client.get_run(run.run_id)
    assert (found.info.status, found.data.metrics) == ("FAILED", {})


def test_a_silent_server_is_named_at_once(reopen: Callable[..., RetrainingRun]) -> None:
    """A tracking server that does not answer is an error that says where and what to do."""
    with pytest.raises(Unavailable, match=r"no MLflow server answers at http://127.0.0.1:9"):
        reopen(tracking_uri="http://127.0.0.1:9")


def test_an_unwritable_home(reopen: Callable[..., RetrainingRun]) -> None:
    """A SQLite file that cannot be made is an error at once."""
    with pytest.raises(CannotWrite):
        reopen(tracking_uri="sqlite:////dev/null/mlflow.db")


@pytest.mark.parametrize(
    ("ui_url", "url"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/#/experiments/1/runs/abc"),
        ("https://ada:secret@ml.example/mlflow/?x=1", "https://ml.example/mlflow/#/experiments/1/runs/abc"),
        ("sqlite:////home/mlflow.db", None),
    ],
)
def test_where_a_browser_finds_a_run(ui_url: str, url: str | None) -> None:
    """A server's run has an address without password; a file's has none."""
    assert run_url(ui_url, "1", "abc") == url
