"""When a tuning job starts another training job, and when it ends: pure decisions (amt.md 2.2, 1.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.amt.records import TrainingJob, TuningJob, TuningStatus, float32
from components.amt.request_rules import MOST_JOBS

_ATTEMPTS_WITHOUT_SUCCESS = 5
_IMPROVEMENT = 0.01
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

    Asked to stop: all that run are stopped, then Stopped. Time over, or a completion criterion met: the same, then
    Completed (AWS does not say what becomes of those that run; stopped, they cost no more). Five training jobs without
    one objective: the same, then Failed; at the fifth failure, while others may be running (one published
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
    if criterion_met(job, trials):
        return Step(stop=True, end="Completed")
    max_runtime_s = job.limits.get("MaxRuntimeInSeconds")
    if max_runtime_s is not None and runtime_s >= max_runtime_s:
        return Step(stop=True, end="Completed")
    # Without a number of its own a job goes on to the quota, as far as other criteria let it.
    most = job.limits.get("MaxNumberOfTrainingJobs", MOST_JOBS[job.config["Strategy"]])
    if exhausted or len(trials) >= most:
        return Step(end="Completed")
    left = job.limits["MaxParallelTrainingJobs"] - running
    return Step(launch=max(0, min(left, most - len(trials))))


def criterion_met(job: TuningJob, trials: Sequence[TrainingJob]) -> bool:
    """Whether the target is reached, or too many training jobs in a row did not improve (amt.md 1.5).

    Looks at the whole history: a criterion that was met once stays met, whatever the training jobs that were stopped
    for it still bring.
    """
    criteria = job.config.get("TuningJobCompletionCriteria") or {}
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None:
        limit = float32(target)
        values = [trial.objective for trial in trials if trial.terminal and trial.objective is not None]
        if any(value >= limit if job.maximize else value <= limit for value in values):
            return True
    most = (criteria.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving")
    return most is not None and max(_not_improving(job, trials), default=0) >= most


def not_improving(job: TuningJob, trials: Sequence[TrainingJob]) -> int:
    """NumberOfTrainingJobsObjectiveNotImproving: training jobs with an objective since the last improvement."""
    return next(reversed(_not_improving(job, trials)), 0)


def _not_improving(job: TuningJob, trials: Sequence[TrainingJob]) -> list[int]:
    """After each training job that ended with an objective, in the order of their ends: how many did not improve.

    An improvement is one of 1 % or more over the best before, as the API's reference has it; by the developer guide's
    example any value above the best is one.
    """
    scored = [trial for trial in trials if trial.terminal and trial.objective is not None]
    counts: list[int] = []
    best: float | None = None
    for trial in sorted(scored, key=lambda trial: (trial.ended_s or 0.0, trial.number)):
        value = trial.objective or 0.0
        gain = math.inf if best is None else (value - best) * (1 if job.maximize else -1)
        improved = best is None or (gain > 0 and gain >= _IMPROVEMENT * abs(best))
        counts.append(0 if improved else (counts[-1] if counts else 0) + 1)
        if best is None or gain > 0:
            best = value
    return counts


def best_of(job: TuningJob, trials: Sequence[TrainingJob]) -> TrainingJob | None:
    """The training job with the best objective so far, the earlier one of equals; None when none has any."""
    candidates = [trial for trial in trials if trial.terminal and trial.objective is not None]
    sign = -1.0 if job.maximize else 1.0
    return min(candidates, key=lambda trial: (sign * (trial.objective or 0.0), trial.number), default=None)


def next_look_s(limits: Mapping[str, Any], runtime_s: float, *, most_s: float) -> float:
    """Seconds until time alone can change what the next step is; once it is over, what ends rings.

    Args:
        limits: ResourceLimits.
        runtime_s: Supervised seconds so far.
        most_s: At most this.
    """
    limit = limits.get("MaxRuntimeInSeconds")
    return most_s if limit is None or runtime_s >= limit else float(min(most_s, limit - runtime_s))
