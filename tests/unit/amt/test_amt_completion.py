"""When a tuning job launches, stops and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.amt.completion import NO_METRICS, NONE_SUCCEEDED, Step, best_of, next_look_s, next_step
from components.amt.records import TrainingJob, TuningJob, float32


def a_job(**limits: int) -> TuningJob:
    """A running job with these ResourceLimits."""
    config = {
        "Strategy": "Bayesian",
        "ResourceLimits": {"MaxParallelTrainingJobs": 2, **limits},
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "m"},
    }
    return TuningJob(
        name="j",
        arn="arn",
        request={"HyperParameterTuningJobConfig": config},
        tags=(),
        seed=0,
        status="InProgress",
        created_s=0.0,
        modified_s=0.0,
    )


def trials(*states: str) -> list[TrainingJob]:
    """Training jobs: `run`, `ok`, `fail` (Failed), `void` (Completed without objective), `stop`."""
    kinds = {
        "run": ("InProgress", "Pending", None),
        "ok": ("Completed", "Succeeded", 0.5),
        "fail": ("Failed", "Failed", None),
        "void": ("Completed", "Failed", None),
        "stop": ("Stopped", "Failed", None),
    }
    made = []
    for number, state in enumerate(states, start=1):
        status, objective_status, objective = kinds[state]
        made.append(
            TrainingJob(
                name=f"j-{number:03d}",
                tuning_job="j",
                number=number,
                tuned={},
                status=status,  # type: ignore[arg-type]  # one of its literals
                objective_status=objective_status,  # type: ignore[arg-type]  # the same
                objective=objective,
                created_s=0.0,
                modified_s=0.0,
            )
        )
    return made


@pytest.mark.parametrize(
    ("states", "step"),
    [
        ((), Step(launch=2)),
        (("run",), Step(launch=1)),
        (("run", "run"), Step(launch=0)),
        (("ok", "ok", "ok", "run"), Step(launch=1)),
        (("ok", "ok", "ok", "ok", "run"), Step(end="Completed")),
        (("fail",) * 4 + ("run",), Step(end="Completed")),
        (("ok",) + ("fail",) * 4, Step(end="Completed")),
    ],
)
def test_training_jobs_up_to_the_limits(states: tuple[str, ...], step: Step) -> None:
    """As many run as may run in parallel, until as many have been started as the job may have."""
    assert next_step(a_job(MaxNumberOfTrainingJobs=5), trials(*states), runtime_s=0, exhausted=False) == step


def test_a_stop_ends_what_runs_first() -> None:
    """A job asked to stop launches nothing, stops what runs, and is then Stopped."""
    job = replace(a_job(MaxNumberOfTrainingJobs=5), status="Stopping")
    assert next_step(job, trials("run"), runtime_s=0, exhausted=False) == Step(stop=True, end="Stopped")


def test_five_failures_without_a_success() -> None:
    """The fifth failure without a success fails the job while others may be running; one success prevents it."""
    job = a_job(MaxNumberOfTrainingJobs=20)
    failed = next_step(job, trials(*["fail"] * 5, "run"), runtime_s=0, exhausted=False)
    assert failed == Step(stop=True, end="Failed", reason=NONE_SUCCEEDED)
    assert next_step(job, trials("ok", *["fail"] * 8), runtime_s=0, exhausted=False) == Step(launch=2)
    silent = next_step(job, trials(*["void"] * 5), runtime_s=0, exhausted=False)
    assert silent == Step(stop=True, end="Failed", reason=NO_METRICS)


def test_time_over_and_space_exhausted() -> None:
    """Time over stops what runs; an exhausted space waits for it; both end Completed."""
    job = a_job(MaxNumberOfTrainingJobs=20, MaxRuntimeInSeconds=120)
    assert next_step(job, trials("run"), runtime_s=119.9, exhausted=False) == Step(launch=1)
    assert next_step(job, trials("run"), runtime_s=120, exhausted=False) == Step(stop=True, end="Completed")
    assert next_step(job, trials("run"), runtime_s=0, exhausted=True) == Step(end="Completed")


def test_time_is_looked_at_until_it_is_over() -> None:
    """The limit wakes the supervisor; once it is over, what takes its grace to end does not keep it busy."""
    assert next_look_s({"MaxRuntimeInSeconds": 120}, 119.5, most_s=2.0) == 0.5
    assert next_look_s({"MaxRuntimeInSeconds": 120}, 10, most_s=2.0) == 2.0
    assert next_look_s({"MaxRuntimeInSeconds": 120}, 120.0, most_s=2.0) == 2.0
    assert next_look_s({}, 1e6, most_s=2.0) == 2.0


def test_the_best_is_the_first_of_equals() -> None:
    """The best training job has the best objective; of equals the earlier one; a running one is none."""
    made = trials("void", "ok", "ok", "run")
    best = best_of(a_job(), made)
    assert best is not None
    assert best.number == 2
    assert best_of(a_job(), [*made[:2], replace(made[2], objective=0.75)]) == replace(made[2], objective=0.75)
    assert best_of(a_job(), made[:1]) is None


def test_float32_rounds_as_aws_does() -> None:
    """A logged 2.91488 is 2.9148800373077393 in Describe (a published response)."""
    assert float32(2.91488) == 2.9148800373077393
    assert float32(-1e300) == float("-inf")
