"""The training job as the container runs it: log lines, early stopping, the model file, failures."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from container_folder import Container, Rows, csv_text

from components.amt.algorithms import XGBOOST
from components.trainers import xgboost_metrics

BINARY = {"objective": "binary:logistic"}
REPO = Path(__file__).resolve().parents[3]


def test_a_log_line_is_the_containers(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """One line per round from 0: TAB, data set, metric, 5 decimals; the tuning objective is the last of all."""
    tuned = {"eval_metric": "f1,auc,logloss", "_tuning_objective_metric": "validation:auc", "num_round": "3"}
    run = container.train(BINARY | tuned, *two_classes)
    metrics = ("f1", "logloss", "auc")
    fields = "".join(rf"\t{part}-{name}:[0-9]\.[0-9]{{5}}" for part in ("train", "validation") for name in metrics)

    assert [bool(re.fullmatch(rf"\[{index}\]{fields}", line)) for index, line in enumerate(run.lines)] == [True] * 3


def test_the_registered_regex_finds_the_line_as_cloudwatch_shows_it(
    container: Container, two_classes: tuple[Rows, Rows]
) -> None:
    """A TAB is `#011` there; the regex of a metric finds its own value, not that of one whose name begins alike."""
    tuned = {"eval_metric": "f1,f1_binary", "_tuning_objective_metric": "validation:f1"}
    run = container.train(BINARY | tuned, *two_classes)
    line = run.lines[-1].replace("\t", "#011")
    regexes = {entry["Name"]: entry["Regex"] for entry in XGBOOST.definitions_for("validation:f1")}

    for name in ("validation:f1", "validation:f1_binary", "train:f1"):
        found = re.search(regexes[name], line)

        assert found is not None
        assert float(found.group(1)) == run.rounds[-1][name.replace(":", "-")]


def test_what_nobody_asked_for_stays_in_front(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """With a custom objective metric alone, xgboost still shows the objective function's own loss, as the container."""
    run = container.train(BINARY | {"_tuning_objective_metric": "validation:f1_binary"}, *two_classes)

    assert list(run.rounds[0]) == [
        "train-logloss",
        "train-f1_binary",
        "validation-logloss",
        "validation-f1_binary",
    ]


@pytest.mark.parametrize("metric", ["f1_binary", "logloss"])
def test_the_objective_metric_drives_early_stopping(
    container: Container, two_classes: tuple[Rows, Rows], metric: str
) -> None:
    """Training ends after so many rounds without a better objective, in its own direction, whatever else is printed."""
    tuned = {"eval_metric": "error", "_tuning_objective_metric": f"validation:{metric}", "early_stopping_rounds": "4"}
    run = container.train(BINARY | tuned | {"num_round": "400", "eta": "0.5"}, *two_classes)
    values = [row[f"validation-{metric}"] for row in run.rounds]
    best = max(values) if metric == "f1_binary" else min(values)

    assert len(values) < 400
    assert values.index(best) == len(values) - 1 - 4


def test_the_saved_model_is_the_one_of_the_last_line(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """After early stopping too, the model file scores what the last line says, and holds no best round to cut it to."""
    tuned = {"_tuning_objective_metric": "validation:f1_binary", "early_stopping_rounds": "4", "num_round": "300"}
    run = container.train(BINARY | tuned, *two_classes)
    model = run.model()
    data, _ = run.channel("validation")

    assert xgboost_metrics.score(model, data, "f1_binary") == run.rounds[-1]["validation-f1_binary"]
    assert model.num_boosted_rounds() == len(run.rounds)
    assert model.attributes() == {}


def test_without_a_validation_channel_there_is_no_early_stopping(
    container: Container, two_classes: tuple[Rows, Rows]
) -> None:
    """Nothing is stopped on the training data's own score."""
    run = container.train(BINARY | {"early_stopping_rounds": "1", "num_round": "30", "eta": "0"}, two_classes[0])

    assert len(run.rounds) == 30


def test_the_same_seed_gives_the_same_model(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """Two trainings with one seed print the same lines and leave the same bytes; another seed does not."""
    sampled = BINARY | {"subsample": "0.5", "colsample_bytree": "0.5", "num_round": "10"}
    runs = []
    for seed in ("1", "1", "2"):
        run = container.train(sampled | {"seed": seed}, *two_classes)
        runs.append((run.lines, (run.base / "model" / "xgboost-model").read_bytes()))

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_only_the_model_file_is_left(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """`model` becomes model.tar.gz: it holds `xgboost-model` and nothing else, readable by xgboost as it is."""
    run = container.train(BINARY, *two_classes)

    assert [path.name for path in (run.base / "model").iterdir()] == ["xgboost-model"]
    assert not (run.base / "output").exists()


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_every_booster_scores_the_same_again(
    container: Container, two_classes: tuple[Rows, Rows], booster: str
) -> None:
    """Dropped trees and linear models keep the law that the model file scores what the last line says."""
    tuned = {"booster": booster, "_tuning_objective_metric": "validation:auc", "num_round": "12"}
    drop = {"rate_drop": "0.5"} if booster == "dart" else {"updater": "coord_descent"}
    run = container.train(BINARY | tuned | drop, *two_classes)
    data, _ = run.channel("validation")

    assert run.code == 0
    assert xgboost_metrics.score(run.model(), data, "auc") == pytest.approx(run.rounds[-1]["validation-auc"], abs=1e-5)


@pytest.mark.parametrize(
    ("labels", "hyperparameters", "law"),
    [
        ([0, 2], BINARY, "label must be in (0, 1)"),
        ([0, 5], {"objective": "multi:softmax", "num_class": "3"}, "in the range of [0, num_class)"),
        ([-1, 1], {"objective": "count:poisson"}, "label must be non-negative"),
    ],
)
def test_labels_that_do_not_fit_the_objective_are_the_customers_error(
    container: Container, labels: list[float], hyperparameters: dict[str, str], law: str
) -> None:
    """Xgboost's refusal of a label arrives in one line, without its stack trace."""
    rows = (np.arange(20.0).reshape(10, 2), np.array(labels * 5, dtype=float))
    run = container.train(hyperparameters, rows, rows)

    assert run.code == 1
    assert run.failure.startswith("ClientError: ")
    assert law in run.failure
    assert "Stack trace" not in run.failure


def test_channels_of_different_width_are_the_customers_error(
    container: Container, two_classes: tuple[Rows, Rows]
) -> None:
    """Train and validation have the same columns, or the job fails before it trains."""
    train, (features, labels) = two_classes
    run = container.train(BINARY, train, (features[:, :3], labels))

    assert (run.code, run.lines) == (1, [])
    assert run.failure == (
        "ClientError: feature_names mismatch: all channels must have the same columns, "
        "got {'train': 5, 'validation': 3}"
    )


def test_a_failure_that_nobody_foresaw_is_an_algorithm_error(
    container: Container, two_classes: tuple[Rows, Rows]
) -> None:
    """Where the platform's own files are broken, the failure file says AlgorithmError and the exit code is 1."""
    container.train(BINARY, *two_classes)
    (container.base / "input" / "config" / "hyperparameters.json").write_text("{")
    run = container.run()

    assert run.code == 1
    assert run.failure.startswith("AlgorithmError: ")


@pytest.mark.parametrize("keep", ["true", "false"])
def test_sigterm_keeps_a_model_only_when_asked_to(
    container: Container, two_classes: tuple[Rows, Rows], keep: str
) -> None:
    """With save_model_on_termination the rounds so far become the model and the exit code is 0; else it just ends."""
    container.put("train", "part-0.csv", csv_text(two_classes[0]))
    endless = {"num_round": "100000000", "save_model_on_termination": keep, "nthread": "1", "max_depth": "2"}
    container.configure(BINARY | endless, train="csv")
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    code = f"import {XGBOOST.preload[0]}, sys; from {XGBOOST.trainer_module} import main; sys.exit(main())"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=container.base, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("[0]\t")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        exit_code = process.wait(timeout=60)

    model = container.base / "model" / "xgboost-model"
    assert (exit_code, model.exists()) == ((0, True) if keep == "true" else (-signal.SIGTERM, False))
    if keep == "true":
        import xgboost as xgb

        booster = xgb.Booster(model_file=bytearray(model.read_bytes()))
        assert booster.num_boosted_rounds() == 1 + rest.count("\n")


def test_what_a_fork_server_preloads_is_light() -> None:
    """The preloaded modules bring neither scikit-learn nor pandas nor pyarrow, whose import starts a thread."""
    code = (
        "import importlib, json, os, sys\n"
        f"for name in {list(XGBOOST.preload)!r}: importlib.import_module(name)\n"
        "heavy = [name for name in ('sklearn', 'pandas', 'pyarrow', 'boto3', 'botocore') if name in sys.modules]\n"
        "print(json.dumps([heavy, len(os.listdir('/proc/self/task'))]))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(REPO), "OPENBLAS_NUM_THREADS": "1"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)

    assert json.loads(answer.stdout) == [[], 1]
