from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from mlflow import MlflowClient
from tracking_cases import BEGAN, curve_of, nested, no_curve, points, steps, trial

from components.errors import InvalidInput
from components.registry.tracking import RetrainingRun
from components.tuning.result import CurvePoint

MS = int(BEGAN.timestamp() * 1000)


def test_a_trial_becomes_a_nested_run(run: RetrainingRun, client: MlflowClient) -> None:
    """A training job is one run below its retraining, with its own name, parameters, times and seconds."""
    run.record(trials=[trial(3)], curve=curve_of(*points(5, last=0.53)))

    (found,) = nested(client, run.run_id)
    assert found.info.run_name == "digits-0123456789-01-003"
    assert found.info.status == "FINISHED"
    assert (found.info.start_time, found.info.end_time) == (MS + 3000, MS + 13000)
    assert found.data.params == {"eta": "1e-05", "max_depth": "7"}
    assert found.data.metrics == {"validation:accuracy": 0.53, "training_seconds": 10.0, "billable_seconds": 4.0}
    assert found.data.tags["retune.training_job"] == "digits-0123456789-01-003"
    assert found.data.tags["retune.trial"] == "3"
    assert run.nested_run_id("digits-0123456789-01-003") == found.info.run_id


def test_curves_keep_their_order(run: RetrainingRun, client: MlflowClient) -> None:
    """Two metrics of 200 points each arrive whole, in order, with their own values and times."""
    curve = [*points(200), *points(200, metric="train:mlogloss")]

    run.record(trials=[trial(1, objective=0.199)], curve=curve_of(*curve))

    (found,) = nested(client, run.run_id)
    for metric in ("validation:accuracy", "train:mlogloss"):
        history = client.get_metric_history(found.info.run_id, metric)
        assert [(point.step, point.value, point.timestamp) for point in history] == [
            (step, step / 1000, MS + 1000 * step) for step in range(200)
        ]


def test_a_long_curve_goes_out_in_batches(run: RetrainingRun, client: MlflowClient) -> None:
    """More points than MLflow takes in a call (1,000) are all written."""
    run.record(trials=[trial(1, objective=2.499)], curve=curve_of(*points(2500)))

    (found,) = nested(client, run.run_id)
    assert steps(client, found.info.run_id) == list(range(2500))


@pytest.mark.parametrize(("status", "mlflow"), [("Failed", "FAILED"), ("Stopped", "KILLED")])
def test_unfinished_ends(run: RetrainingRun, client: MlflowClient, status: str, mlflow: str) -> None:
    """A failed or stopped training job says so, keeps its reason, and has no objective it did not reach."""
    run.record(trials=[trial(1, status, failure="no metric", started=None)], curve=no_curve)

    (found,) = nested(client, run.run_id)
    assert found.info.status == mlflow
    assert found.data.tags["retune.reason"] == "no metric"
    assert "validation:accuracy" not in found.data.metrics


def test_not_a_number(run: RetrainingRun, client: MlflowClient) -> None:
    """A point that is NaN stays visible as such and stops nothing."""
    bad = CurvePoint(metric="validation:accuracy", step=1, value=float("nan"), timestamp_s=BEGAN.timestamp() + 1)

    run.record(trials=[trial(1, "Failed"), trial(2)], curve=curve_of(points(1)[0], bad))

    first, second = nested(client, run.run_id)
    assert first.data.metrics["validation:accuracy"] != first.data.metrics["validation:accuracy"]
    assert second.data.metrics["validation:accuracy"] == 0.52


def test_running_trials_grow(run: RetrainingRun, client: MlflowClient) -> None:
    """A running trial's run gains only what is new, waits for the training's start, and ends with the trial."""
    run.record(trials=[trial(1, "InProgress", started=None)], curve=no_curve)
    assert nested(client, run.run_id) == []

    for count in (0, 3, 3, 8):
        run.record(trials=[trial(1, "InProgress")], curve=curve_of(*points(count)))
        (found,) = nested(client, run.run_id)
        assert found.info.status == "RUNNING"
        assert steps(client, found.info.run_id) == list(range(count))

    run.record(trials=[trial(1, "Failed")], curve=curve_of(*points(9)))
    (found,) = nested(client, run.run_id)
    assert (found.info.status, steps(client, found.info.run_id)) == ("FAILED", list(range(9)))
    assert found.data.tags["retune.reason"] == "AlgorithmError: exit code 1"


def test_writing_again_changes_nothing(
    run: RetrainingRun, reopen: Callable[..., RetrainingRun], client: MlflowClient
) -> None:
    """A finished search written again, by this process or the next, asks for no curve and adds nothing."""
    trials = [trial(1), trial(2, "Failed"), trial(3, "Stopped")]
    run.record(trials=trials, curve=curve_of(*points(7)))
    before = [found.to_dictionary() for found in nested(client, run.run_id)]

    def unexpected(job: str, seen: int) -> list[CurvePoint]:
        raise AssertionError(f"asked for the curve of {job} after {seen} points")

    run.record(trials=trials, curve=unexpected)
    reopen().record(trials=trials, curve=unexpected)

    assert [found.to_dictionary() for found in nested(client, run.run_id)] == before


def test_a_killed_command_goes_on(
    doomed: subprocess.Popen[str], reopen: Callable[..., RetrainingRun], client: MlflowClient
) -> None:
    """After kill -9 the same digest gives the same parent, no second nested run and no point twice."""
    assert doomed.stdout is not None
    parent_id = doomed.stdout.readline().strip()
    doomed.kill()
    doomed.wait(timeout=60)

    run = reopen(run_digest="d" * 64)
    run.record(trials=[trial(1), trial(2), trial(3)], curve=curve_of(*points(200, last=0.52)))

    assert run.run_id == parent_id
    first, second, third = nested(client, parent_id)
    assert steps(client, first.info.run_id) == list(range(120))
    assert steps(client, second.info.run_id) == list(range(200))
    assert [found.info.status for found in (first, second, third)] == ["FINISHED"] * 3


def test_a_training_that_began_again(
    run: RetrainingRun, reopen: Callable[..., RetrainingRun], client: MlflowClient
) -> None:
    """A training job that was killed and run again under its name has one run: that of the second time."""
    run.record(trials=[trial(1, "InProgress")], curve=curve_of(*points(90)))
    again = trial(1, "InProgress", started=BEGAN + timedelta(minutes=5))

    reopen().record(trials=[again], curve=curve_of(*points(10)))

    (found,) = nested(client, run.run_id)
    assert found.info.start_time == MS + 300_000
    assert steps(client, found.info.run_id) == list(range(10))


def test_a_run_deleted_by_hand(run: RetrainingRun, client: MlflowClient) -> None:
    """A nested run that somebody deletes while its trial runs is made anew, with the whole curve."""
    run.record(trials=[trial(1, "InProgress")], curve=curve_of(*points(4)))
    client.delete_run(nested(client, run.run_id)[0].info.run_id)

    run.record(trials=[trial(1)], curve=curve_of(*points(6, last=0.51)))

    (found,) = nested(client, run.run_id)
    assert (found.info.status, steps(client, found.info.run_id)) == ("FINISHED", list(range(6)))


def test_two_commands_on_one_search(
    run: RetrainingRun, reopen: Callable[..., RetrainingRun], client: MlflowClient
) -> None:
    """Two commands that watch the same search leave one run for each training job."""
    other = reopen()
    other.nested_run_id("")
    run.record(trials=[trial(1), trial(2)], curve=curve_of(*points(3)))
    other.record(trials=[trial(1), trial(2)], curve=curve_of(*points(3)))
    assert len(nested(client, run.run_id)) == 4

    run.finish(status="FINISHED")

    assert [found.data.tags["retune.trial"] for found in nested(client, run.run_id)] == ["1", "2"]


def test_names_and_values_that_mlflow_would_refuse(run: RetrainingRun, client: MlflowClient) -> None:
    """Any metric name AMT takes, any hyperparameter text and JSON-quoted category reaches MLflow in some form."""
    odd = points(1, metric="f1 (macro)@0.5")[0]
    wild = replace(odd, metric="../../etc/passwd")

    run.record(
        trials=[trial(1, hyperparameters={"optimizer": '"adam"', "../x": "y" * 9000})], curve=curve_of(odd, wild)
    )

    (found,) = nested(client, run.run_id)
    assert found.data.params["optimizer"] == "adam"
    assert found.data.params["_.._x"] == "y" * 6000
    assert {"f1 _macro__0.5", "_.._.._etc_passwd"} < set(found.data.metrics)


def test_one_refused_trial_does_not_hold_up_the_others(run: RetrainingRun, client: MlflowClient) -> None:
    """What MLflow refuses is named, after all else was written."""
    impossible = replace(points(1)[0], timestamp_s=-5.0)

    with pytest.raises(InvalidInput, match="nonnegative"):
        run.record(
            trials=[trial(1), trial(2)], curve=lambda job, _seen: [impossible] if job.endswith("001") else points(3)
        )

    assert [found.info.status for found in nested(client, run.run_id)] == ["RUNNING", "FINISHED"]
