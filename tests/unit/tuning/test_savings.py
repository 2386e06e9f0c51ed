"""What a search did not cost, and by what."""

from __future__ import annotations

import pytest

from components.tuning.result import Trial
from components.tuning.savings import savings


def trial(status: str, seconds: int, billed: int, objective: float | None = 0.5) -> Trial:
    return Trial(
        training_job="t",
        number=1,
        status=status,
        objective=objective,
        hyperparameters={},
        started=None,
        ended=None,
        training_seconds=seconds,
        billable_seconds=billed,
        failure=None,
    )


def test_spot_saves_what_was_trained_and_not_charged() -> None:
    """The difference of the two seconds, of whatever ended."""
    found = savings([trial("Completed", 100, 35), trial("Failed", 20, 7, None)], stops_early=False, trials_saved=None)
    assert (found.spot_s, found.early_stopping_s, found.warm_start_s) == (78.0, 0.0, None)


def test_a_stopped_loser_saves_what_a_completed_one_goes_on_for() -> None:
    """At the price that is charged; one stopped without a result, or a search that stops nothing, saves nothing."""
    trials = [trial("Completed", 100, 50), trial("Completed", 60, 30), trial("Stopped", 20, 10)]
    assert savings(trials, stops_early=True, trials_saved=None).early_stopping_s == pytest.approx(30.0)
    assert savings(trials, stops_early=False, trials_saved=None).early_stopping_s == 0.0
    unscored = [trials[0], trial("Stopped", 20, 10, None)]
    assert savings(unscored, stops_early=True, trials_saved=None).early_stopping_s == 0.0
    assert savings(trials[2:], stops_early=True, trials_saved=None).early_stopping_s is None, "nobody knows how long"


def test_trials_saved_are_worth_what_these_cost() -> None:
    """A parent that saved four trials saved four times what one is charged."""
    trials = [trial("Completed", 100, 50), trial("Completed", 60, 30)]
    assert savings(trials, stops_early=False, trials_saved=4).warm_start_s == pytest.approx(160.0)
    assert savings([], stops_early=True, trials_saved=4).warm_start_s is None
