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
        "engine": "local",
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


FIRST = "there was no champion before: 0.3864 on test:f1_binary (61 rows)"
OPTIMISM = {"metric": "validation:f1_binary", "validation": 0.412345678, "test": 0.386364, "by": 0.025982}


@pytest.mark.parametrize(
    ("mode", "reason", "told"),
    [
        ("tune", FIRST, f"yes; {FIRST}"),
        ("skip", FIRST, f"yes, in the run of version 2: {FIRST}"),
        ("skip", "version 2 is champion again since May", "yes; version 2 is champion again since May"),
    ],
)
def test_what_an_earlier_run_found_is_told_as_that(mode: str, reason: str, told: str) -> None:
    """A skip stands beside today's champion; what happened to the version since is of today too."""
    shown = run_summary(result(mode=mode, promoted=True, promotion_reason=reason))

    assert line(shown, "promoted").split(maxsplit=1)[1] == told


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "f1_binary was 0.412346, 0.02598 better than on test"),
        ({"validation": 0.284277, "by": -0.102087}, "f1_binary was 0.284277"),
        ({"test": 0.3}, "f1_binary was 0.412346, 0.02598 better than on test, and 0.3 on test"),
        ({"test": 0.5, "by": -0.09}, "f1_binary was 0.412346, and 0.5 on test"),
    ],
)
def test_a_test_score_stands_beside_what_the_trial_was_picked_by(changed: dict[str, Any], told: str) -> None:
    """Two numbers of two sets of rows, each with its rows; the objective's on test only where it is a third number."""
    optimism = {**OPTIMISM, **changed}
    shown = run_summary(result(test_score=0.386364, promotion={"guards": [], "optimism": optimism}))

    wanted = f"0.386364; on validation rows, by which the best trial was picked, {told}"
    assert line(shown, "test score").split(maxsplit=2)[2] == wanted


@pytest.mark.parametrize(
    ("engine", "cost_usd", "told"),
    [
        ("local", 0.0, "9 training s, 0 USD (in the cloud: 0.0004 USD, saved 0.0001 USD by spot)"),
        ("sagemaker", 0.0004, "9 training s, 0.0004 USD (in the cloud: 0.0004 USD); saved 0.0001 USD by spot"),
    ],
)
def test_money_is_saved_where_it_is_spent(engine: str, cost_usd: float, told: str) -> None:
    """On this machine nothing is paid, and nothing saved: what spot is worth is told of the cloud."""
    saved = {"spot": 0.0001, "early_stopping": 0.0, "warm_start": None}
    spent = {"training_seconds": 9, "cost_usd": cost_usd, "estimated_cloud_usd": 0.0004, "saved_usd": saved}

    assert line(run_summary(result(engine=engine, spent=spent)), "spent").split(maxsplit=1)[1] == told


def test_hyperparameters_have_six_digits() -> None:
    """Numbers are shortened for people; integers and words are not."""
    values = {"eta": "0.123456789012345678", "depth": "1234567", "booster": "dart", "l2": "1e-10"}
    trial = {"training_job": "t", "status": "Completed", "objective": 0.5, "training_seconds": 1, "failure": None}
    shown = trials_table({"job": "j", "trials": [{**trial, "hyperparameters": values}]})

    assert shown.endswith("booster=dart depth=1234567 eta=0.123457 l2=1e-10")
