"""What a search did not cost: by Spot, by stopping losers early, by knowing its parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from components.tuning.result import Trial


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Seconds of one training job each; None where nothing can be said.

    Attributes:
        spot_s: Trained and not charged. Exact, from BillableTimeInSeconds.
        early_stopping_s: What stopped trials would have gone on for, as long as completed ones took. An estimate.
        warm_start_s: What the trials that parents saved would have been charged for. An estimate of an estimate.
    """

    spot_s: float
    early_stopping_s: float | None
    warm_start_s: float | None


def savings(trials: Sequence[Trial], *, stops_early: bool | None, trials_saved: float | None) -> Savings:
    """What a search has saved.

    Args:
        trials: All of them, ended.
        stops_early: Whether the search stops training jobs that lose: early stopping or Hyperband. None where it was
            stopped itself, and nobody can tell which of the two stopped a training job.
        trials_saved: By warm start; None when nobody can tell.
    """
    whole = [trial.training_seconds or 0 for trial in trials if trial.status == "Completed"]
    known = [trial for trial in trials if trial.training_seconds is not None and trial.billable_seconds is not None]
    trained = sum(trial.training_seconds or 0 for trial in known)
    charged = sum(trial.billable_seconds or 0 for trial in known)
    share = charged / trained if trained else 1.0
    early: float | None = None if stops_early is None else 0.0
    if stops_early:
        # One without an objective was stopped for something else.
        stopped = [trial for trial in trials if trial.status == "Stopped" and trial.objective is not None]
        left = [max(0.0, fmean(whole) - (trial.training_seconds or 0)) for trial in stopped] if whole else []
        early = share * sum(left) if whole or not stopped else None
    warm = None if trials_saved is None or not trials else trials_saved * charged / len(trials)
    return Savings(spot_s=float(trained - charged), early_stopping_s=early, warm_start_s=warm)
