"""Trials as a DataFrame, the one behind `retune trials --csv`."""

from __future__ import annotations

from components.tuning.result import Trial, frame_of


def trial(place: int, **hyperparameters: str) -> Trial:
    return Trial(
        training_job=f"t-{place}",
        number=place,
        status="Completed",
        objective=0.5 * place,
        hyperparameters=hyperparameters,
        started=None,
        ended=None,
        training_seconds=3,
        billable_seconds=1,
        failure=None,
    )


def test_each_hyperparameter_is_a_column() -> None:
    """A column a hyperparameter: numbers where all are, else text as it is, empty where a trial has none."""
    frame = frame_of([trial(1, eta="0.1", booster="gbtree"), trial(2, eta="1e-3")])

    assert list(frame.columns) == [
        "training_job", "number", "status", "objective", "booster", "eta", "started", "ended",
        "training_seconds", "billable_seconds", "failure",
    ]  # fmt: skip
    assert list(frame.eta) == [0.1, 0.001]
    assert list(frame.booster.fillna("-")) == ["gbtree", "-"]


def test_a_hyperparameter_hides_no_column() -> None:
    """One that is called like a trial's own column gets a name of its own, and both are kept."""
    frame = frame_of([trial(1, status="warm", number="7")])

    assert (frame["status"][0], frame["hyperparameter.status"][0]) == ("Completed", "warm")
    assert (frame["number"][0], frame["hyperparameter.number"][0]) == (1, 7)


def test_no_trials_are_a_frame_without_rows() -> None:
    """A search without a trial yet has the columns that every trial has."""
    assert (len(frame_of([])), "objective" in frame_of([])) == (0, True)
