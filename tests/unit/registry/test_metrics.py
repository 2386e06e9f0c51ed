from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from components.registry.metrics import (
    Answers,
    CannotScoreError,
    canonical,
    evaluate,
    greater_is_better,
    is_known,
    is_scale_free,
)
from components.trainers.xgboost_metric_names import MAXIMIZE, MINIMIZE, is_maximized
from components.trainers.xgboost_metrics import score

DRAW = np.random.default_rng(7)
ROWS = 400
CLASSES = ("accuracy", "balanced_accuracy", "f1", "f1_macro", "precision_macro", "precision_micro", "recall_macro")
BINARY = (
    *CLASSES,
    "f1_binary",
    "precision",
    "recall",
    "recall_micro",
    "auc",
    "aucpr",
    "logloss",
    "error",
    "rmse",
    "mae",
    "r2",
)
SEVERAL = (*CLASSES, "recall_micro", "auc", "aucpr", "mlogloss", "merror")
NUMBERS = ("rmse", "mse", "mae", "mape", "mphe", "r2", "rmsle", "poisson-nloglik", "gamma-nloglik", "gamma-deviance")


def trained(objective: str, labels: Any, **parameters: Any) -> tuple[xgb.Booster, xgb.DMatrix]:
    """A few rounds on noise that says something; coarse features make ties among the scores."""
    features = np.round(DRAW.normal(size=(ROWS, 3)) + np.asarray(labels)[:, None] / 2, 1)
    data = xgb.DMatrix(features, label=labels)
    return xgb.train({"objective": objective, "max_depth": 3, "nthread": 1, **parameters}, data, 6), data


@pytest.fixture(scope="module")
def binary_model() -> tuple[Answers, Callable[[str], float]]:
    booster, data = trained("binary:logistic", (DRAW.random(ROWS) < 0.3) * 1)
    second = booster.predict(data).astype(np.float64)
    probabilities = np.column_stack([1 - second, second])
    answers = Answers(
        labels=data.get_label().astype(np.float64), predicted=(second > 0.5) * 1.0, probabilities=probabilities
    )
    return answers, lambda metric: score(booster, data, metric)


@pytest.fixture(scope="module")
def several_model() -> tuple[Answers, Callable[[str], float]]:
    booster, data = trained("multi:softprob", DRAW.integers(0, 4, ROWS), num_class=4)
    probabilities = booster.predict(data).astype(np.float64)
    answers = Answers(
        labels=data.get_label().astype(np.float64),
        predicted=probabilities.argmax(axis=1) * 1.0,
        probabilities=probabilities,
    )
    return answers, lambda metric: score(booster, data, metric)


@pytest.mark.parametrize("metric", BINARY)
def test_a_binary_score_is_the_trainers(binary_model: tuple[Answers, Callable[[str], float]], metric: str) -> None:
    """Recomputed from probabilities, each metric is what the last log line shows."""
    answers, logged = binary_model

    assert evaluate(f"validation:{metric}", answers) == pytest.approx(logged(metric), abs=6e-6)


@pytest.mark.parametrize("metric", [metric for metric in BINARY if is_known(metric) and is_scale_free(metric)])
def test_margins_do_where_only_the_order_matters(metric: str) -> None:
    """Of binary:logitraw, whose log line is of margins, these are the trainer's all the same."""
    booster, data = trained("binary:logitraw", (DRAW.random(ROWS) < 0.3) * 1)
    second = 1 / (1 + np.exp(-booster.predict(data).astype(np.float64)))
    answers = Answers(
        labels=data.get_label().astype(np.float64),
        predicted=(second > 0.5) * 1.0,
        probabilities=np.column_stack([1 - second, second]),
    )

    assert evaluate(metric, answers) == pytest.approx(score(booster, data, metric), abs=6e-6)


@pytest.mark.parametrize("metric", SEVERAL)
def test_a_multiclass_score_is_the_trainers(several_model: tuple[Answers, Callable[[str], float]], metric: str) -> None:
    """The same of four classes."""
    answers, logged = several_model

    assert evaluate(f"validation:{metric}", answers) == pytest.approx(logged(metric), abs=6e-6)


@pytest.mark.parametrize("metric", NUMBERS)
def test_a_regression_score_is_the_trainers(metric: str) -> None:
    """The same of numbers."""
    booster, data = trained("reg:gamma", DRAW.gamma(2.0, size=ROWS) + 0.1)
    answers = Answers(
        labels=data.get_label().astype(np.float64),
        predicted=booster.predict(data).astype(np.float64),
        probabilities=None,
    )

    assert evaluate(f"validation:{metric}", answers) == pytest.approx(score(booster, data, metric), rel=1e-5, abs=6e-6)


def test_average_precision_is_scikit_learns() -> None:
    """A script's PR-AUC is scikit-learn's, which is not xgboost's aucpr; ROC AUC and the weighted means agree too."""
    from sklearn import metrics as sk

    second = np.round(DRAW.random(300), 1)
    labels = (DRAW.random(300) < second) * 1.0
    answers = Answers(
        labels=labels, predicted=(second > 0.5) * 1.0, probabilities=np.column_stack([1 - second, second])
    )

    assert evaluate("PR-AUC", answers) == pytest.approx(sk.average_precision_score(labels, second), abs=1e-12)
    assert evaluate("PR-AUC", answers) != pytest.approx(evaluate("aucpr", answers), abs=1e-6)
    assert evaluate("roc_auc", answers) == pytest.approx(sk.roc_auc_score(labels, second), abs=1e-12)
    for name in ("f1", "precision", "recall"):
        wanted = getattr(sk, f"{name}_score")(labels, answers.predicted, average="weighted")
        assert evaluate(f"{name}_weighted", answers) == pytest.approx(wanted, abs=1e-12)


def test_all_no_loses() -> None:
    """Predicting the common class for every row is 0 in f1_binary, whatever its accuracy."""
    labels = (np.arange(100) < 10) * 1.0
    answers = Answers(labels=labels, predicted=np.zeros(100), probabilities=None)

    assert evaluate("f1_binary", answers) == 0
    assert evaluate("accuracy", answers) == 0.9


@pytest.mark.parametrize(
    "spelling", ["PR-AUC", "pr_auc", "validation:average_precision", "Average Precision", "test:prauc"]
)
def test_spellings_of_one_metric_are_one(spelling: str) -> None:
    """Case, hyphens, spaces and the part in front do not matter."""
    assert canonical(spelling) == "average_precision"


@pytest.mark.parametrize("metric", [m for m in (*MAXIMIZE, *MINIMIZE) if is_known(m)])
def test_directions_are_the_trainers(metric: str) -> None:
    """Better is the same way for the search and for the promotion."""
    assert greater_is_better(metric) == is_maximized(metric)


def test_only_metrics_that_need_more_than_answers_are_unknown() -> None:
    """Of the trainer's objectives only rankings, survival and a parameterised one cannot be recomputed."""
    unknown = {metric for metric in (*MAXIMIZE, *MINIMIZE) if not is_known(metric)}

    assert unknown == {
        "map",
        "ndcg",
        "aft-nloglik",
        "cox-nloglik",
        "interval-regression-accuracy",
        "tweedie-nloglik",
    }


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("profit", "one of accuracy, "),
        ("auc", "needs probabilities"),
        ("mape", "finite number, got inf"),
        ("f1_binary", "two classes, got 3"),
    ],
)
def test_what_cannot_be_scored_says_why(metric: str, reason: str) -> None:
    """The message names what the metric lacks."""
    answers = Answers(labels=np.array([0.0, 1, 2]), predicted=np.array([0.0, 1, 1]), probabilities=None)
    answers = Answers(labels=answers.labels, predicted=answers.predicted + (metric == "mape"), probabilities=None)

    with pytest.raises(CannotScoreError, match=reason):
        evaluate(metric, answers)


def test_ranking_one_class_is_refused() -> None:
    """An area needs both classes among the rows."""
    answers = Answers(labels=np.zeros(3), predicted=np.zeros(3), probabilities=np.full((3, 2), 0.5))

    with pytest.raises(CannotScoreError, match="finite"):
        evaluate("auc", answers)
