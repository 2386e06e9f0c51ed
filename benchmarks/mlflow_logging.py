"""(f) What mirroring one trial with a 200-point curve in MLflow costs; it is done beside the search, not in its way."""

from __future__ import annotations

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.bars import Bar
from components.registry.tracking import open_run
from components.tuning.result import CurvePoint, Trial
from components.tuning.tuning_spec import ObjectiveSpec

TRIALS = 40
POINTS = 200
BAR_MS = 35.0
BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def main() -> list[Bar]:
    """Write finished trials one by one into a SQLite tracking store; the median counts."""
    with tempfile.TemporaryDirectory() as folder:
        taken = measure(Path(folder))
    value = statistics.median(taken) * 1000
    Console().print(f"MLflow, one trial with {POINTS} points: {value:.0f} ms (median of {TRIALS})")
    return [Bar.upper("f: milliseconds of MLflow per trial with a 200-point curve", value, BAR_MS)]


def measure(folder: Path) -> list[float]:
    """Seconds per trial."""
    run = open_run(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
        experiment="bench",
        artifact_root=str(folder / "artifacts"),
        run_digest="bench",
        run_name="bench",
        objective=ObjectiveSpec(metric="validation:auc", type="maximize"),
        params={},
        tags={},
    )
    taken = []
    for number in range(1, TRIALS + 1):
        began = time.perf_counter()
        run.record(trials=[trial_of(number)], curve=curve)
        taken.append(time.perf_counter() - began)
    run.finish(status="FINISHED")
    return taken[2:]  # the first ones read MLflow's state


def curve(_training_job: str, after: int) -> Sequence[CurvePoint]:
    """A whole curve at once."""
    points = [
        CurvePoint(metric="validation:auc", step=step, value=1 - 1 / (step + 2), timestamp_s=BEGAN.timestamp() + step)
        for step in range(POINTS)
    ]
    return points[after:]


def trial_of(number: int) -> Trial:
    """A finished trial."""
    return Trial(
        training_job=f"bench-{number:03d}",
        number=number,
        status="Completed",
        objective=0.9,
        hyperparameters={"eta": "0.3", "max_depth": str(number), "alpha": "1.5", "min_child_weight": "2.0"},
        started=BEGAN,
        ended=BEGAN + dt.timedelta(seconds=POINTS),
        training_seconds=POINTS,
        billable_seconds=POINTS,
        failure=None,
    )


if __name__ == "__main__":
    main()
