"""Trials, curves and a tracking server, for the tests of this folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

from components.tuning.result import CurvePoint, Trial

BEGAN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def trial(number: int = 1, status: str = "Completed", **changes: Any) -> Trial:
    """A trial of ten seconds; running ones have no end, failed ones no objective."""
    over = status in ("Completed", "Failed", "Stopped")
    values: dict[str, Any] = {
        "training_job": f"digits-0123456789-01-{number:03d}",
        "number": number,
        "status": status,
        "objective": 0.5 + number / 100 if status == "Completed" else None,
        "hyperparameters": {"eta": "1e-05", "max_depth": "7"},
        "started": BEGAN + timedelta(seconds=number),
        "ended": BEGAN + timedelta(seconds=number + 10) if over else None,
        "training_seconds": 10 if over else None,
        "billable_seconds": 4 if over else None,
        "failure": "AlgorithmError: exit code 1" if status == "Failed" else None,
    }
    return Trial(**{**values, **changes})


def points(count: int, *, metric: str = "validation:accuracy", last: float | None = None) -> list[CurvePoint]:
    values = [step / 1000 for step in range(count)]
    if last is not None:
        values[-1] = last
    return [
        CurvePoint(metric=metric, step=step, value=value, timestamp_s=BEGAN.timestamp() + step)
        for step, value in enumerate(values)
    ]


def curve_of(*curve: CurvePoint) -> Callable[[str, int], Sequence[CurvePoint]]:
    """An engine's `curve` that has this much of every training job."""
    return lambda _job, seen: curve[seen:]


no_curve = curve_of()


def nested(client: MlflowClient, parent_id: str) -> list[Run]:
    """Nested runs by name."""
    experiment_id = client.get_run(parent_id).info.experiment_id
    runs = client.search_runs([experiment_id], f"tags.`mlflow.parentRunId` = '{parent_id}'")
    return sorted(runs, key=lambda run: run.info.run_name)


def steps(client: MlflowClient, run_id: str, metric: str = "validation:accuracy") -> list[int]:
    return [point.step for point in client.get_metric_history(run_id, metric)]


@dataclass
class TrackingServer:
    """MLflow's own server application in a process of its own, on a port that is silent until `start`."""

    uri: str
    process: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def launched(cls, database: Path) -> Iterator[TrackingServer]:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("late_server.py")), str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield cls(f"http://127.0.0.1:{process.stdout.readline().strip()}", process)
        finally:
            process.kill()
            process.communicate()

    def start(self) -> None:
        self._tell("start")

    def stop(self) -> None:
        self._tell("stop")

    def _tell(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == word
