"""`refit`: one training job created or found again, followed, collected - on a scripted engine that answers as AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.errors import Cancelled, JobDiffers, Refused, TuningFailed
from components.naming import TAG_RUN_DIGEST
from components.tuning.engine import Clock, Engine, Progress
from components.tuning.refit import Refit, RefitAttempt, refit
from components.tuning.result import TuningResult

DIGEST = "d" * 64
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def error(code: str, text: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, "operation")


class ScriptedTraining:
    """Training jobs that end at the first look as the test says; `InProgress` ones when they are stopped."""

    def __init__(self, ends: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[Mapping[str, Any]] = []
        self.stopped: list[str] = []
        self.digest = DIGEST
        self.loses_answers = False
        self._ends = ends or {}
        self.now_s = 0.0

    def add(self, name: str, status: str, **more: Any) -> None:
        value = [{"MetricName": "auc", "Value": 0.75}] if status == "Completed" else []
        self.jobs[name] = {
            "TrainingJobName": name,
            "TrainingJobArn": f"arn/{name}",
            "TrainingJobStatus": status,
            "SecondaryStatus": status,
            "CreationTime": BEGAN,
            "LastModifiedTime": BEGAN + timedelta(seconds=self.now_s),
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "FinalMetricDataList": value,
            "TrainingTimeInSeconds": 2,
            "BillableTimeInSeconds": 1,
            **more,
        }

    def create_training_job(self, **request: Any) -> dict[str, str]:
        name = request["TrainingJobName"]
        if name in self.jobs:
            raise error("ResourceInUse", "it is there")
        self.requests.append(request)
        self.add(name, **{"status": "Completed", **request, **self._ends.get(name, {})})
        if self.loses_answers:
            raise error("ResourceInUse", "it is there")  # botocore's second try of a call whose answer was lost
        return {}

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        if TrainingJobName not in self.jobs:
            raise error("ValidationException", "Requested resource not found.")
        return self.jobs[TrainingJobName]

    def stop_training_job(self, *, TrainingJobName: str) -> dict[str, str]:  # noqa: N803  AWS's word
        self.stopped.append(TrainingJobName)
        ended = BEGAN + timedelta(seconds=self.now_s)
        self.jobs[TrainingJobName] |= {
            "TrainingJobStatus": "Stopped",
            "SecondaryStatus": "Stopped",
            "LastModifiedTime": ended,
        }
        return {}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        return {"Tags": [{"Key": TAG_RUN_DIGEST, "Value": self.digest}]} if ResourceArn else {}

    def wait(self, seconds: float) -> None:
        self.now_s += max(seconds, 1.0)


def run(
    amt: ScriptedTraining,
    *,
    types: tuple[str, ...] = ("ml.m5.large",),
    spot_patience_s: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    seen: list[Progress] | None = None,
) -> TuningResult:
    engine = Engine(
        name="scripted",
        client=amt,  # type: ignore[arg-type]  what a refit calls
        wait=lambda _, seconds: amt.wait(seconds),
        curve=lambda *_: [],
        log=lambda _: "",
        close=lambda: None,
    )

    def request_for(attempt: RefitAttempt) -> dict[str, Any]:
        return {
            "TrainingJobName": f"job-refit-{attempt.number:02d}",
            "ResourceConfig": {"InstanceType": attempt.instance_type},
            "EnableManagedSpotTraining": not attempt.on_demand,
        }

    job = Refit(
        name_of=lambda number: f"job-refit-{number:02d}",
        request_for=request_for,
        digest=DIGEST,
        metric="auc",
        maximize=True,
        tuned={"eta": "0.3"},
        types=types,
        spot_patience_s=spot_patience_s,
    )
    watch = (seen if seen is not None else []).append
    clock = Clock(monotonic=lambda: amt.now_s, sleep=amt.wait)
    return refit(engine, job, observe=watch, cancelled=cancelled, poll_s=1.0, clock=clock)


def test_a_new_refit_is_one_training_job_and_one_trial() -> None:
    """One Create; the result is a search's with one trial, the hyperparameters those that were given."""
    amt, seen = ScriptedTraining(), []
    result = run(amt, seen=seen)

    assert [request["TrainingJobName"] for request in amt.requests] == ["job-refit-01"]
    assert result.best is not None
    assert (result.best.objective, result.best.hyperparameters, result.best.number) == (0.75, {"eta": "0.3"}, 1)
    assert (result.training_seconds, result.billable_seconds, result.count("Completed")) == (2, 1, 1)
    assert seen[-1].trials == result.trials


def test_what_is_there_is_taken_up() -> None:
    """Completed is collected and trained by nobody again; a Create whose answer was lost is attached to."""
    amt = ScriptedTraining()
    amt.add("job-refit-01", "Completed")
    assert run(amt).best is not None
    assert amt.requests == []

    lossy = ScriptedTraining()
    lossy.loses_answers = True
    assert run(lossy).best is not None
    assert len(lossy.requests) == 1


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_after_an_attempt_that_came_to_nothing_the_next_one_trains(status: str) -> None:
    """The result spans both; what a half-trained model emitted is no objective."""
    amt = ScriptedTraining()
    amt.add("job-refit-01", status, FinalMetricDataList=[{"MetricName": "auc", "Value": 0.99}])
    result = run(amt)

    assert [request["TrainingJobName"] for request in amt.requests] == ["job-refit-02"]
    assert result.best is not None
    assert (result.best.training_job, result.best.objective, result.count(status)) == ("job-refit-02", 0.75, 1)


def test_another_type_is_tried_where_one_has_no_capacity() -> None:
    """CreateTrainingJob takes one type: each in turn, each once; the last one's failure is the run's."""
    failed = {"TrainingJobStatus": "Failed", "FailureReason": "CapacityError: Unable to provision requested capacity"}
    amt = ScriptedTraining({"job-refit-01": failed})
    assert run(amt, types=("ml.m5.large", "ml.m5.xlarge")).best is not None
    assert [each["ResourceConfig"]["InstanceType"] for each in amt.requests] == ["ml.m5.large", "ml.m5.xlarge"]

    short = ScriptedTraining({"job-refit-01": failed, "job-refit-02": failed})
    with pytest.raises(TuningFailed, match="CapacityError"):
        run(short, types=("ml.m5.large", "ml.m5.xlarge"))
    assert len(short.requests) == 2


def test_spot_prefer_goes_on_on_demand_when_nothing_starts() -> None:
    """After the patience the job is stopped and made again on demand; so does a command that finds it stopped."""
    waiting = {"job-refit-01": {"TrainingJobStatus": "InProgress"}}
    amt = ScriptedTraining(waiting)
    assert run(amt, spot_patience_s=30.0).best is not None
    assert amt.stopped == ["job-refit-01"]
    assert [each["EnableManagedSpotTraining"] for each in amt.requests] == [True, False]

    del amt.jobs["job-refit-02"]
    amt.requests.clear()
    run(amt, spot_patience_s=30.0)
    assert [each["EnableManagedSpotTraining"] for each in amt.requests] == [False]


def test_a_cancelled_refit_is_stopped() -> None:
    """Stopping is asked for once, and told as what it is."""
    amt = ScriptedTraining({"job-refit-01": {"TrainingJobStatus": "InProgress"}})
    with pytest.raises(Cancelled, match="job-refit-01 was stopped"):
        run(amt, cancelled=lambda: True)
    assert amt.stopped == ["job-refit-01"]


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        ({"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no"}, "failed: AlgorithmError: no"),
        ({"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}, r"ran out of its time \(60 s\)"),
        ({"FinalMetricDataList": []}, "it emitted no auc"),
    ],
)
def test_a_refit_without_a_model_or_objective_says_why(ends: Mapping[str, Any], says: str) -> None:
    """A failure, a limit, a metric that never came."""
    with pytest.raises(TuningFailed, match=says):
        run(ScriptedTraining({"job-refit-01": ends}))


def test_another_run_s_job_and_another_job_than_asked_for_are_refused() -> None:
    """A name that is taken is never overwritten, and a job made on demand instead of Spot is stopped."""
    amt = ScriptedTraining()
    amt.add("job-refit-01", "Completed")
    amt.digest = "e" * 64
    with pytest.raises(Refused, match="belongs to another run"):
        run(amt)

    dear = ScriptedTraining({"job-refit-01": {"EnableManagedSpotTraining": False}})
    with pytest.raises(JobDiffers, match="EnableManagedSpotTraining: asked for True, got False"):
        run(dear)
    assert dear.stopped == ["job-refit-01"]
