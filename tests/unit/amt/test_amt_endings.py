"""What ends a tuning job before its limits: completion criteria, and the quota where there is no limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from amt_cases import a_request, put_script, trials_of, wait_for_end

from components.amt.client import LocalAmt
from components.amt.completion import Step, criterion_met, next_step, not_improving
from components.amt.records import TrainingJob, TuningJob, float32
from components.amt.requests import as_kept
from components.storage.local import FolderStore


def a_job(direction: str = "Maximize", *, criteria: dict[str, Any] | None = None, **limits: int) -> TuningJob:
    """A running job with these criteria and no number of training jobs."""
    request = a_request("ending", code=None, metric="validation:auc")
    config = request["HyperParameterTuningJobConfig"]
    config["HyperParameterTuningJobObjective"]["Type"] = direction
    config["ResourceLimits"] = {"MaxParallelTrainingJobs": 3, **limits}
    config["TuningJobCompletionCriteria"] = criteria or {}
    return TuningJob(
        name="ending",
        arn="arn",
        request=as_kept(request),
        tags=(),
        seed=0,
        status="InProgress",
        created_s=0.0,
        modified_s=0.0,
    )


def scored(*values: float | None) -> list[TrainingJob]:
    """Training jobs that ended one after the other; None is a failed one."""
    return [
        TrainingJob(
            name=f"ending-{number:03d}",
            tuning_job="ending",
            number=number,
            tuned={},
            status="Failed" if value is None else "Completed",
            objective=value,
            objective_status="Failed" if value is None else "Succeeded",
            created_s=0.0,
            modified_s=0.0,
            ended_s=float(number),
        )
        for number, value in enumerate(values, start=1)
    ]


@pytest.mark.parametrize(
    ("direction", "values", "count"),
    [
        ("Maximize", (), 0),
        ("Maximize", (0.5,), 0),
        ("Maximize", (0.5, 0.5, 0.4), 2),
        ("Maximize", (0.5, 0.504), 1),  # better, by less than 1 %
        ("Maximize", (0.5, 0.506), 0),
        ("Maximize", (0.5, 0.504, 0.508, 0.512), 3),  # each held against the best before it, not the last improvement
        ("Maximize", (0.5, 0.4, 0.9, 0.8), 1),
        ("Maximize", (0.5, None, 0.4, None), 1),  # what has no objective says nothing
        ("Minimize", (0.5, 0.4), 0),
        ("Minimize", (0.5, 0.6, 0.499), 2),
        ("Maximize", (-0.5, -0.49), 0),
        ("Maximize", (0.0, 0.0), 1),
    ],
)
def test_training_jobs_that_do_not_improve_are_counted(
    direction: str, values: tuple[float | None, ...], count: int
) -> None:
    """NumberOfTrainingJobsObjectiveNotImproving counts those with an objective since the last gain of 1 % or more."""
    assert not_improving(a_job(direction), scored(*values)) == count


def test_so_many_in_a_row_end_the_job_and_it_stays_ended() -> None:
    """BestObjectiveNotImproving is met at its number, and stays so when one that was stopped for it brings a gain."""
    job = a_job(criteria={"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}})
    assert not criterion_met(job, scored(0.5, 0.5, 0.5))
    assert criterion_met(job, scored(0.5, 0.5, 0.5, 0.5))
    assert criterion_met(job, scored(0.5, 0.5, 0.5, 0.5, 0.9))


@pytest.mark.parametrize(("direction", "enough", "short"), [("Maximize", 0.11, 0.099), ("Minimize", 0.09, 0.101)])
def test_a_target_is_compared_as_float32(direction: str, enough: float, short: float) -> None:
    """A target of 0.1 is reached by a logged 0.1, which AWS keeps as 0.10000000149."""
    job = a_job(direction, criteria={"TargetObjectiveMetricValue": 0.1})
    assert criterion_met(job, scored(float32(0.1)))
    assert criterion_met(job, scored(None, enough))
    assert not criterion_met(job, scored(None, short))


def test_a_criterion_that_is_met_stops_what_runs() -> None:
    """Training jobs that still run are stopped, then the tuning job is Completed."""
    job = a_job(criteria={"TargetObjectiveMetricValue": 0.8})
    running = replace(scored(None)[0], number=2, status="InProgress", objective_status="Pending")
    assert next_step(job, scored(0.7), runtime_s=0, exhausted=False) == Step(launch=3)
    assert next_step(job, [*scored(0.9), running], runtime_s=0, exhausted=False) == Step(stop=True, end="Completed")


def test_without_a_number_of_training_jobs_the_quota_ends() -> None:
    """A job that only its criteria would end starts no more training jobs than AWS's quota allows: 10,000 at random."""
    job = a_job(criteria={"TargetObjectiveMetricValue": 2.0})
    assert next_step(job, scored(0.5) * 9_998, runtime_s=0, exhausted=False) == Step(launch=2)
    assert next_step(job, scored(0.5) * 10_000, runtime_s=0, exhausted=False) == Step(end="Completed")


def test_running_training_jobs_are_stopped_when_the_target_is_reached(amt: LocalAmt, store: FolderStore) -> None:
    """Without MaxNumberOfTrainingJobs the target ends the job; what still runs is Stopped with what it has emitted."""
    script = (
        "import os, time\nprint('loss = 0.5', flush=True)\n"
        "if os.environ['TRAINING_JOB_NAME'].split('-')[1] == '001': time.sleep(600)\n"
    )
    request = a_request("reached", code=put_script(store, script))
    config = request["HyperParameterTuningJobConfig"]
    config["ResourceLimits"] = {"MaxParallelTrainingJobs": 2}
    config["TuningJobCompletionCriteria"] = {"TargetObjectiveMetricValue": 0.5}
    amt.create_hyper_parameter_tuning_job(**request)
    job = wait_for_end(amt, "reached")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert trials_of(amt, "reached")[0]["TrainingJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0
