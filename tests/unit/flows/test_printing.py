"""What people read of a run: each fact once, and what a version rests on told as that."""

from __future__ import annotations

from typing import Any

import pytest

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
