"""What a search came to: Describe and List answers as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One emission of a metric by a training job.

    Attributes:
        metric: Metric name, such as `validation:accuracy`.
        step: Emissions of this metric by this job before, from 0.
        value: As a 32-bit float.
        timestamp_s: Seconds since the epoch.
    """

    metric: str
    step: int
    value: float
    timestamp_s: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training job of a search.

    Attributes:
        training_job: Its name.
        number: From 1, in the order of creation, over all attempts of the run.
        status: SageMaker's TrainingJobStatus: InProgress, Completed, Failed, Stopping, Stopped.
        objective: Final objective value; None while running or when none was emitted.
        hyperparameters: The tuned ones, as AMT's strings.
        started: Training start, UTC; None while Starting.
        ended: Training end, UTC; None while running.
        training_seconds: Seconds from start to end.
        billable_seconds: Seconds charged; smaller with Spot.
        failure: FailureReason.
    """

    training_job: str
    number: int
    status: str
    objective: float | None
    hyperparameters: Mapping[str, str]
    started: datetime | None
    ended: datetime | None
    training_seconds: int | None
    billable_seconds: int | None
    failure: str | None

    @property
    def is_terminal(self) -> bool:
        """Whether nothing about it changes any more."""
        return self.status in ("Completed", "Failed", "Stopped")

    def document(self) -> dict[str, Any]:
        """The trial as `retune trials --json` prints it; times in ISO 8601."""
        return {
            "training_job": self.training_job,
            "number": self.number,
            "status": self.status,
            "objective": self.objective,
            "hyperparameters": dict(self.hyperparameters),
            "started": iso(self.started),
            "ended": iso(self.ended),
            "training_seconds": self.training_seconds,
            "billable_seconds": self.billable_seconds,
            "failure": self.failure,
        }


@dataclass(frozen=True, kw_only=True)
class TuningResult:
    """A search, over all attempts of its run.

    Attributes:
        tuning_job: Name of the last attempt.
        attempts: Names of all attempts, oldest first.
        status: HyperParameterTuningJobStatus of the last attempt.
        failure: Its FailureReason.
        maximize: Whether a larger objective is better.
        trials: All trials, oldest first.
        modelless: Training jobs that were stopped before they left a model: none of them is the best.
        ended_by: Why retune ended the search before its own limits; None when it did not.
    """

    tuning_job: str
    attempts: tuple[str, ...]
    status: str
    failure: str | None
    maximize: bool
    trials: tuple[Trial, ...]
    ended_by: str | None = None
    modelless: frozenset[str] = frozenset()

    @property
    def best(self) -> Trial | None:
        """The trial with the best objective that has a model; the earlier one of equals, as AMT."""
        candidates = [trial for trial in self.trials if trial.training_job not in self.modelless]
        return best_of(candidates, maximize=self.maximize)

    def count(self, status: str) -> int:
        """Number of trials with this status."""
        return sum(trial.status == status for trial in self.trials)

    @property
    def training_seconds(self) -> int:
        """Seconds of training, all trials."""
        return sum(trial.training_seconds or 0 for trial in self.trials)

    @property
    def billable_seconds(self) -> int:
        """Seconds a cloud would charge, all trials, one instance each."""
        return sum(trial.billable_seconds or 0 for trial in self.trials)

    def frame(self) -> pd.DataFrame:
        """One row a trial, as `frame_of`."""
        return frame_of(self.trials)


def frame_of(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row a trial: training_job, number, status, objective, a column per hyperparameter, times, seconds, failure.

    Hyperparameters are numbers where all of theirs are. One that is called like another column becomes
    `hyperparameter.NAME`.
    """
    import pandas as pd

    fields = [name for name in Trial.__dataclass_fields__ if name != "hyperparameters"]
    first = fields.index("objective") + 1
    tuned = sorted({name for trial in trials for name in trial.hyperparameters})
    columns = {name: f"hyperparameter.{name}" if name in fields else name for name in tuned}
    rows = [
        {**trial.document(), **{columns[name]: value for name, value in trial.hyperparameters.items()}}
        for trial in trials
    ]
    frame = pd.DataFrame(rows, columns=[*fields[:first], *columns.values(), *fields[first:]])
    for column in columns.values():
        with suppress(ValueError, TypeError):
            frame[column] = pd.to_numeric(frame[column])
    return frame


def best_of(trials: Sequence[Trial], *, maximize: bool) -> Trial | None:
    """The best trial that has an objective, the earlier one of equals; None without any."""
    scored = [trial for trial in trials if trial.objective is not None]
    sign = -1 if maximize else 1
    return min(scored, key=lambda trial: (sign * (trial.objective or 0.0), trial.number), default=None)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 with milliseconds, or None."""
    return None if moment is None else moment.isoformat(timespec="milliseconds")
