"""What the local AMT remembers: tuning jobs and their training jobs, as values."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

TuningStatus = Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped"]
TrainingStatus = Literal["InProgress", "Completed", "Failed", "Stopping", "Stopped"]
ObjectiveStatus = Literal["Succeeded", "Pending", "Failed"]

NO_OBJECTIVE: Final = {"Type": "Minimize", "MetricName": ""}
TERMINAL: Final = ("Completed", "Failed", "Stopped")


def float32(value: float) -> float:
    """The value as AWS keeps it: rounded to 32 bits, widened again (amt.md 2.1); beyond float32 it is infinite."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


@dataclass(frozen=True, kw_only=True)
class TuningJob:
    """One tuning job.

    Attributes:
        name: As created; unique without regard to case.
        arn: With the name in lower case, as AWS writes it.
        request: The request as Describe echoes it, with what the service adds.
        tags: As given on Create.
        seed: RandomSeed, or the one drawn at Create, so that a resumed job proposes the same.
        status: AWS's status.
        failure_reason: Why it is Failed.
        created_s: Creation, seconds since the epoch.
        modified_s: Last change of this job or of one of its training jobs.
        ended_s: End, None while it runs.
        runtime_s: Seconds under a supervisor; MaxRuntimeInSeconds counts these.
        parents: Of its warm start, `{"arn", "created_s"}` each: which job is meant when its name is given to another.
            One that AMT would not take is marked (`beyond_amt`).
    """

    name: str
    arn: str
    request: Mapping[str, Any]
    tags: Sequence[Mapping[str, str]]
    seed: int
    status: TuningStatus
    failure_reason: str | None = None
    created_s: float
    modified_s: float
    ended_s: float | None = None
    runtime_s: float = 0.0
    parents: Sequence[Mapping[str, Any]] = ()

    @property
    def config(self) -> Mapping[str, Any]:
        """HyperParameterTuningJobConfig."""
        return self.request["HyperParameterTuningJobConfig"]  # type: ignore[no-any-return]  # JSON, checked at Create

    @property
    def definition(self) -> Mapping[str, Any]:
        """TrainingJobDefinition."""
        return self.request["TrainingJobDefinition"]  # type: ignore[no-any-return]  # JSON, checked at Create

    @property
    def objective(self) -> Mapping[str, str]:
        """`{"Type", "MetricName"}`; a training job of its own has none, and no metric bears an empty name."""
        return self.config.get("HyperParameterTuningJobObjective", NO_OBJECTIVE)  # type: ignore[no-any-return]  # JSON

    @property
    def limits(self) -> Mapping[str, int]:
        """ResourceLimits."""
        return self.config["ResourceLimits"]  # type: ignore[no-any-return]  # JSON, checked at Create

    @property
    def maximize(self) -> bool:
        """Whether a higher objective is better."""
        return self.objective["Type"] == "Maximize"

    @property
    def image(self) -> str:
        """TrainingImage; empty when the request has none."""
        return str(self.definition["AlgorithmSpecification"].get("TrainingImage", ""))


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """One training job of a tuning job.

    Attributes:
        name: `<tuning job>-<NNN>-<8 hex>`.
        tuning_job: Name of its tuning job.
        number: Count from 1 within its tuning job.
        attempt: From 1; grows when it is run again after a crash or an interruption.
        tuned: The hyperparameters the sampler chose, as AMT's strings.
        status: AWS's TrainingJobStatus.
        secondary_status: AWS's SecondaryStatus.
        transitions: SecondaryStatusTransitions with times in seconds since the epoch.
        objective_status: AWS's ObjectiveStatus.
        objective: Last emitted objective value as float32; None when there is none that can be used.
        metrics: Last value of each metric: `{"MetricName", "Value", "Timestamp"}`, the time in seconds.
        created_s: When it was proposed.
        started_s: Beginning of Downloading, which is AWS's TrainingStartTime.
        ended_s: End of its upload, which is AWS's TrainingEndTime.
        modified_s: Last change.
        failure_reason: Why it is Failed.
        interrupted_s: Seconds of attempts that ended in a Spot interruption, from Downloading on.
        internal_error: Whether it failed for a fault of the engine, not of the training (RetryableError).
    """

    name: str
    tuning_job: str
    number: int
    attempt: int = 1
    tuned: Mapping[str, str]
    status: TrainingStatus = "InProgress"
    secondary_status: str = "Starting"
    transitions: Sequence[Mapping[str, Any]] = ()
    objective_status: ObjectiveStatus = "Pending"
    objective: float | None = None
    metrics: Sequence[Mapping[str, Any]] = ()
    created_s: float
    started_s: float | None = None
    ended_s: float | None = None
    modified_s: float
    failure_reason: str | None = None
    internal_error: bool = False
    interrupted_s: float = 0.0

    @property
    def terminal(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL
