"""What people read of a run: each fact once, and what a version rests on told as that."""

from __future__ import annotations

from typing import Any

import pytest

from flows.job_tables import trials_table
from flows.printing import run_summary


def result(**changed: Any) -> dict[str, Any]:
    """A result document with what the summary reads."""
    return {
        "model": "bank",
        "mode": "tune",
        "reason": "data changed since version 1",
        "champion": "1",
        "model_version": "2",
        "promoted": False,
        "promotion_reason": "0.8 does not beat champion version 1 at 0.9",
        "promotion": {"guards": [], "optimism": None},
        "test_score": 0.8,
        "best": {"training_job": "bank-1-001", "objective": 0.81, "hyperparameters": {}},
        "trials": {"completed": 20, "stopped": 0, "failed": 0},
        "spent": {"training_seconds": 9, "cost_usd": 0.0, "estimated_cloud_usd": 0.01, "saved_usd": {}},
        "tuning_job": "bank-1",
        "warm_start": {"type": None, "parents": [], "rejected": [], "trials_saved": None},
        "report": None,
        "mlflow": {"url": None},
        "deployment": {"url": None},
        **changed,
    }


def line(text: str, begins: str) -> str:
    """The line of a summary that begins so."""
    (found,) = [each for each in text.splitlines() if each.startswith(begins)]
    return found


@pytest.mark.parametrize(
    ("holds", "told"),
    [((True, True), "; guards: 2 hold"), ((True,), "; guards: 1 holds"), ((True, False), ""), ((), "")],
)
def test_guards_that_hold_are_told(holds: tuple[bool, ...], told: str) -> None:
    """All hold: their number; one that does not is in the reason already, and no guards are no words."""
    document = result(promotion={"guards": [{"holds": each} for each in holds], "optimism": None})

    assert line(run_summary(document), "promoted").endswith(f"{document['promotion_reason']}{told}")


def test_a_skipped_run_tells_whose_trials_it_shows() -> None:
    """Trials are those of the version's own run, and nothing was spent; guards of then are not told as of now."""
    guards = {"guards": [{"holds": True}], "optimism": None}
    shown = run_summary(result(mode="skip", reason="nothing changed", promotion=guards))

    assert shown.splitlines()[0] == "bank: skip; nothing changed"
    assert line(shown, "trials").endswith("20 completed, 0 stopped, 0 failed, in the run of version 2")
    assert line(shown, "spent").split(maxsplit=1)[1] == "nothing, no training was needed"
    assert "guards" not in shown


def test_a_run_that_trains_tells_its_reason_when_it_begins() -> None:
    """Not again at its end; trials and seconds are its own."""
    shown = run_summary(result())

    assert shown.splitlines()[0] == "bank: tune"
    assert line(shown, "trials").endswith("20 completed, 0 stopped, 0 failed")
    assert "9 training s" in line(shown, "spent")


def test_hyperparameters_have_six_digits() -> None:
    """Numbers are shortened for people; integers and words are not."""
    values = {"eta": "0.123456789012345678", "depth": "1234567", "booster": "dart", "l2": "1e-10"}
    trial = {"training_job": "t", "status": "Completed", "objective": 0.5, "training_seconds": 1, "failure": None}
    shown = trials_table({"job": "j", "trials": [{**trial, "hyperparameters": values}]})

    assert shown.endswith("booster=dart depth=1234567 eta=0.123457 l2=1e-10")
