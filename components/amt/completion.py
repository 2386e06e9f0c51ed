"""When a tuning job starts another training job, and when it ends: pure decisions (amt.md 2.2, 1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.amt.records import TrainingJob, TuningJob, TuningStatus

_ATTEMPTS_WITHOUT_SUCCESS = 5
NONE_SUCCEEDED = (
    "No training job succeeded after 5 attempts. For additional details, please take a look at the training job "
    "failures by listing training jobs for the hyperparameter tuning job."
)
# Remembered from users' reports, not in AWS's documentation.
NO_METRICS = (
    "No objective metrics found after running 5 training jobs. Please ensure that the custom algorithm is emitting the "
    "objective metric as defined by the regular expression provided in the hyperparameter tuning job metric definition."
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do now.

    Attributes:
        launch: Training jobs to start.
        stop: Whether to stop those that run.
        end: The status to end with, once none runs.
        reason: FailureReason, with `end` Failed.
    """

    launch: int = 0
    stop: bool = False
    end: TuningStatus | None = None
    reason: str | None = None


def next_step(job: TuningJob, trials: Sequence[TrainingJob], *, runtime_s: float, exhausted: bool) -> Step:
    """What a tuning job does next.

    Asked to stop: all that run are stopped, then Stopped. Time over: the same, then Completed. Five training jobs
    without one objective: the same, then Failed; at the fifth failure, while others may be running (one published
    case). Training jobs that complete without emitting the objective count as failures here, with their own text.

    Args:
        job: With its present status.
        trials: All its training jobs.
        runtime_s: Seconds under a supervisor so far.
        exhausted: Whether the sampler has no configuration left.
    """
    running = sum(not trial.terminal for trial in trials)
    if job.status == "Stopping":
        return Step(stop=True, end="Stopped")
    ended = [trial for trial in trials if trial.terminal and trial.status != "Stopped"]
    if len(ended) >= _ATTEMPTS_WITHOUT_SUCCESS and not any(
        trial.objective_status == "Succeeded" for trial in trials if trial.terminal
    ):
        reason = NO_METRICS if any(trial.status == "Completed" for trial in ended) else NONE_SUCCEEDED
        return Step(stop=True, end="Failed", reason=reason)
    max_runtime_s = job.limits.get("MaxRuntimeInSeconds")
    if max_runtime_s is not None and runtime_s >= max_runtime_s:
        return Step(stop=True, end="Completed")
    most = job.limits.get("MaxNumberOfTrainingJobs")
    if exhausted or (most is not None and len(trials) >= most):
        return Step(end="Completed")
    left = job.limits["MaxParallelTrainingJobs"] - running
    return Step(launch=max(0, left if most is None else min(left, most - len(trials))))


def best_of(job: TuningJob, trials: Sequence[TrainingJob]) -> TrainingJob | None:
    """The training job with the best objective so far, the earlier one of equals; None when none has any."""
    candidates = [trial for trial in trials if trial.terminal and trial.objective is not None]
    sign = -1.0 if job.maximize else 1.0
    return min(candidates, key=lambda trial: (sign * (trial.objective or 0.0), trial.number), default=None)
