"""`spot: prefer`: how long a Spot search is waited for, told by what the engine has on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.tuning.result import Trial

NO_SPOT = "spot: no instance could be had"


def is_spot(job: Mapping[str, Any]) -> bool:
    """Whether a described tuning job trains on Spot instances."""
    return bool(job["TrainingJobDefinition"].get("EnableManagedSpotTraining"))


def is_waiting_in_vain(
    job: Mapping[str, Any], trials: Sequence[Trial], *, waited_s: float, patience_s: float | None
) -> bool:
    """Whether a running Spot search is to be stopped because nothing starts.

    Args:
        job: As described.
        trials: Of this job alone.
        waited_s: Seconds it has been followed.
        patience_s: As the spec says; None waits for ever.
    """
    if patience_s is None or not is_spot(job) or job["HyperParameterTuningJobStatus"] != "InProgress":
        return False
    return waited_s > _within_limit(job, patience_s) and not any(trial.started for trial in trials)


def waited_in_vain(job: Mapping[str, Any], trials: Sequence[Trial], patience_s: float | None) -> bool:
    """Whether a Spot search was stopped without a start, after so long that it was for this.

    Args:
        job: As described, ended.
        trials: Of this job alone.
        patience_s: As the spec says; None waits for ever.
    """
    if patience_s is None or not is_spot(job) or job["HyperParameterTuningJobStatus"] != "Stopped":
        return False
    waited_s = (job["HyperParameterTuningEndTime"] - job["CreationTime"]).total_seconds()
    return bool(waited_s >= _within_limit(job, patience_s)) and not any(trial.started for trial in trials)


def _within_limit(job: Mapping[str, Any], patience_s: float) -> float:
    # A cap may have left the job less time than the patience: half of it is for training.
    limit_s = float(job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"])
    return min(patience_s, limit_s / 2)
