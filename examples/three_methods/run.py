"""Three ways to search, side by side: grid, random and Bayesian on the local AMT, then scikit-learn's own two.

The same training script, data, holdout and number of trials for all; `epochs` and `learning_rate` (on a log scale)
of a softmax classifier on scikit-learn's digits are tuned. Run it with `python examples/three_methods/run.py`.
"""

from __future__ import annotations

import argparse
import io
import math
import tarfile
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import loguniform, randint
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV, PredefinedSplit, RandomizedSearchCV, train_test_split

from components.amt.client import LocalAmt
from components.storage.local import FolderStore

EPOCHS = (1, 60)
LEARNING_RATE = (1e-5, 1.0)
METRIC = "validation:accuracy"
BUCKET = "s3://examples/three-methods"
WAIT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """One row of the table."""

    method: str
    trials: int
    accuracy: float
    epochs: int
    learning_rate: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Digits, split once: what every method trains on, and what it is scored on. Each row has its label first."""

    train: np.ndarray
    validation: np.ndarray


def holdout() -> Holdout:
    """One half to train on, the other to validate with; pixels between 0 and 1."""
    pixels, labels = load_digits(return_X_y=True)
    rows = np.column_stack([labels, pixels / 16])
    train, validation = train_test_split(rows, test_size=0.5, random_state=0, stratify=labels)
    return Holdout(train=train, validation=validation)


def grid_of(trials: int) -> tuple[list[int], list[float]]:
    """The values of `epochs` and `learning_rate` whose product has as many combinations as there are trials."""
    rows = next(size for size in range(math.isqrt(trials), 0, -1) if trials % size == 0)
    epochs = sorted({round(value) for value in np.geomspace(*EPOCHS, rows + 1)[1:]})
    rates = [float(f"{value:.3g}") for value in np.geomspace(*LEARNING_RATE, trials // rows + 2)[1:-1]]
    return epochs, rates


def upload(store: FolderStore, data: Holdout) -> None:
    """Put data and code where a tuning job finds them: as one would into S3."""
    for name, rows in (("train", data.train), ("validation", data.validation)):
        text = io.StringIO()
        np.savetxt(text, rows, delimiter=",", fmt="%.6g")
        store.put_bytes(text.getvalue().encode(), f"{BUCKET}/{name}/part-0.csv")
    code = io.BytesIO()
    with tarfile.open(fileobj=code, mode="w:gz") as archive:
        archive.add(Path(__file__).with_name("train.py"), arcname="train.py")
    store.put_bytes(code.getvalue(), f"{BUCKET}/code/sourcedir.tar.gz")


def request(name: str, strategy: str, ranges: Mapping[str, Any], *, trials: int, parallel: int) -> dict[str, Any]:
    """CreateHyperParameterTuningJob, word for word as Amazon SageMaker takes it."""
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": METRIC},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": min(parallel, trials)},
            "ParameterRanges": dict(ranges),
            "RandomSeed": 1,
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": METRIC, "Regex": r"validation accuracy = ([0-9.]+)"}],
            },
            "StaticHyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": f"{BUCKET}/code/sourcedir.tar.gz",
            },
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "ContentType": "text/csv",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{BUCKET}/{channel}/"}},
                }
                for channel in ("train", "validation")
            ],
            "OutputDataConfig": {"S3OutputPath": f"{BUCKET}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "RoleArn": "arn:aws:iam::111122223333:role/Tuning",
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        },
    }


def tune(amt: LocalAmt, strategy: str, *, trials: int, parallel: int) -> Result:
    """One tuning job on the local AMT, from Create to its end."""
    began = time.monotonic()
    name = f"three-methods-{strategy.lower()}"
    if strategy == "Grid":  # AWS's grid search takes categorical parameters only
        epochs, rates = grid_of(trials)
        ranges: dict[str, Any] = {
            "CategoricalParameterRanges": [
                {"Name": "epochs", "Values": [str(value) for value in epochs]},
                {"Name": "learning-rate", "Values": [str(value) for value in rates]},
            ]
        }
    else:
        low, high = (str(value) for value in LEARNING_RATE)
        ranges = {
            "IntegerParameterRanges": [{"Name": "epochs", "MinValue": str(EPOCHS[0]), "MaxValue": str(EPOCHS[1])}],
            "ContinuousParameterRanges": [
                {"Name": "learning-rate", "MinValue": low, "MaxValue": high, "ScalingType": "Logarithmic"}
            ],
        }
    amt.create_hyper_parameter_tuning_job(**request(name, strategy, ranges, trials=trials, parallel=parallel))
    while (job := amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))[
        "HyperParameterTuningJobStatus"
    ] == "InProgress":
        amt.wait_for_change(name, WAIT_S)
    if "BestTrainingJob" not in job:
        raise SystemExit(f"{name} has no best training job: {job.get('FailureReason')}")
    best = job["BestTrainingJob"]
    return Result(
        method=f"AMT {strategy}",
        trials=sum(job["TrainingJobStatusCounters"].values()),
        accuracy=best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
        epochs=int(best["TunedHyperParameters"]["epochs"]),
        learning_rate=float(best["TunedHyperParameters"]["learning-rate"]),
        seconds=time.monotonic() - began,
    )


def search(kind: str, data: Holdout, *, trials: int) -> Result:
    """The same by scikit-learn: a "cross-validation" of one split, which is the holdout, so that numbers compare."""
    began = time.monotonic()
    rows = np.concatenate([data.train, data.validation])
    one_split = PredefinedSplit([-1] * len(data.train) + [0] * len(data.validation))
    model = SGDClassifier(loss="log_loss", learning_rate="constant", tol=None, random_state=0)
    common = {"scoring": "accuracy", "cv": one_split, "refit": False}
    if kind == "GridSearchCV":
        epochs, rates = grid_of(trials)
        found = GridSearchCV(model, {"max_iter": epochs, "eta0": rates}, **common)
    else:
        space = {"max_iter": randint(EPOCHS[0], EPOCHS[1] + 1), "eta0": loguniform(*LEARNING_RATE)}
        found = RandomizedSearchCV(model, space, n_iter=trials, random_state=1, **common)
    found.fit(rows[:, 1:], rows[:, 0])
    return Result(
        method=kind,
        trials=len(found.cv_results_["params"]),
        accuracy=found.best_score_,
        epochs=found.best_params_["max_iter"],
        learning_rate=found.best_params_["eta0"],
        seconds=time.monotonic() - began,
    )


def table_of(results: list[Result]) -> Table:
    """All of them in one table."""
    table = Table(title="A softmax classifier on digits: best accuracy on the holdout")
    table.add_column("method")
    for heading in ("trials", "accuracy", "epochs", "learning rate", "seconds"):
        table.add_column(heading, justify="right")
    for row in results:
        table.add_row(
            *(row.method, str(row.trials), f"{row.accuracy:.4f}", str(row.epochs)),
            *(f"{row.learning_rate:.3g}", f"{row.seconds:.1f}"),
        )
    return table


def main() -> None:
    """Run all five and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=16, help="trials of each method")
    parser.add_argument("--parallel", type=int, default=2, help="training jobs at a time on the local AMT")
    given = parser.parse_args()
    data = holdout()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder) / "store")
        upload(store, data)
        amt = LocalAmt(home=Path(folder) / "amt", store=store)
        try:
            for strategy in ("Grid", "Random", "Bayesian"):
                results.append(tune(amt, strategy, trials=given.trials, parallel=given.parallel))
        finally:
            amt.close()
    for kind in ("GridSearchCV", "RandomizedSearchCV"):
        results.append(search(kind, data, trials=given.trials))
    console = Console()
    console.print(table_of(results))
    console.print(
        "The local AMT runs each trial as SageMaker does: a process of its own, its log, metrics and model kept. "
        "scikit-learn fits in this process and keeps the scores."
    )


if __name__ == "__main__":
    main()
