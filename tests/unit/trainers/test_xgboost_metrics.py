"""Every objective metric, against scikit-learn or xgboost on the saved model's own predictions."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from container_folder import Array, Container, Rows
from sklearn import metrics as sk

from components.amt.algorithms import XGBOOST
from components.trainers import xgboost_metrics
from components.trainers.xgboost_metric_names import CUSTOM, MAXIMIZE, MINIMIZE


def macro(score: Callable[..., float]) -> Callable[[Array, Array], float]:
    """A score averaged over classes."""
    return lambda true, predicted: score(true, predicted, average="macro", zero_division=0)


BY_CLASS: dict[str, Callable[[Array, Array], float]] = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "f1": macro(sk.f1_score),
    "f1_macro": macro(sk.f1_score),
    "precision_macro": macro(sk.precision_score),
    "precision_micro": lambda true, predicted: sk.precision_score(true, predicted, average="micro"),
    "recall_macro": macro(sk.recall_score),
    "recall_micro": lambda true, predicted: sk.recall_score(true, predicted, average="micro"),
}
OF_TWO_CLASSES = {"f1_binary": sk.f1_score, "precision": sk.precision_score, "recall": sk.recall_score}
OF_NUMBERS: dict[str, Callable[[Array, Array], float]] = {
    "r2": sk.r2_score,
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
}
BINARY = {"binary:logistic": 0.5, "binary:logitraw": 0.0, "binary:hinge": 0.5, "reg:logistic": 0.5}
# Metrics of xgboost's own with an objective and labels they are for.
NATIVE = {
    "auc": "binary:logistic",
    "aucpr": "binary:logistic",
    "error": "binary:logistic",
    "logloss": "binary:logistic",
    "map": "rank:map",
    "ndcg": "rank:ndcg",
    "merror": "multi:softmax",
    "mlogloss": "multi:softprob",
    "aft-nloglik": "survival:aft",
    "interval-regression-accuracy": "survival:aft",
    "cox-nloglik": "survival:cox",
    "gamma-deviance": "reg:gamma",
    "gamma-nloglik": "reg:gamma",
    "poisson-nloglik": "count:poisson",
    "tweedie-nloglik": "reg:tweedie",
    "mae": "reg:absoluteerror",
    "mape": "reg:squarederror",
    "mphe": "reg:pseudohubererror",
    "rmse": "reg:squarederror",
    "rmsle": "reg:squaredlogerror",
}


def test_no_objective_metric_is_left_out() -> None:
    """The cases of this file cover every metric that can be an objective."""
    assert {*BY_CLASS, *OF_TWO_CLASSES, *OF_NUMBERS, *NATIVE} == {*MAXIMIZE, *MINIMIZE}
    assert {*BY_CLASS, *OF_TWO_CLASSES, "r2", "mse"} == set(CUSTOM)


@pytest.mark.parametrize("objective", BINARY)
def test_metrics_of_two_classes_are_scikit_learns(
    container: Container, two_classes: tuple[Rows, Rows], objective: str
) -> None:
    """Whatever the objective predicts (probability, margin, class), its custom metrics are scikit-learn's."""
    expected = BY_CLASS | OF_TWO_CLASSES
    run = container.train({"objective": objective, "eval_metric": ",".join(expected), "num_round": "15"}, *two_classes)
    data, labels = run.channel("validation")
    predicted = run.model().predict(data) > BINARY[objective]

    assert run.code == 0
    for name, score in expected.items():
        assert run.rounds[-1][f"validation-{name}"] == pytest.approx(score(labels, predicted), abs=1e-5), name


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_metrics_of_many_classes_are_scikit_learns(
    container: Container, three_classes: tuple[Rows, Rows], objective: str
) -> None:
    """Class codes and class probabilities give the same, scikit-learn's, macro and micro averages."""
    parameters = {"objective": objective, "num_class": "4", "eval_metric": ",".join(BY_CLASS)}
    run = container.train(parameters, *three_classes)
    data, labels = run.channel("validation")
    predicted = run.model().predict(data)
    codes = predicted if predicted.ndim == 1 else predicted.argmax(axis=1)

    assert run.code == 0
    for name, score in BY_CLASS.items():
        assert run.rounds[-1][f"validation-{name}"] == pytest.approx(score(labels, codes), abs=1e-5), name


def test_metrics_of_numbers_are_scikit_learns(container: Container, numbers: tuple[Rows, Rows]) -> None:
    """r2 and mse, which xgboost lacks, and its rmse and mae are scikit-learn's."""
    run = container.train({"eval_metric": ",".join(OF_NUMBERS)}, *numbers)
    data, labels = run.channel("validation")
    predicted = run.model().predict(data)

    for name, score in OF_NUMBERS.items():
        assert run.rounds[-1][f"validation-{name}"] == pytest.approx(score(labels, predicted), rel=1e-4), name


@pytest.mark.parametrize(("metric", "objective"), NATIVE.items())
def test_xgboosts_own_metrics_are_printed_by_the_name_asked_for(
    container: Container,
    two_classes: tuple[Rows, Rows],
    three_classes: tuple[Rows, Rows],
    numbers: tuple[Rows, Rows],
    metric: str,
    objective: str,
) -> None:
    """The registered regex finds each of them, and the saved model scores the same again, to the last digit."""
    family = objective.partition(":")[0]
    data = {"binary": two_classes, "multi": three_classes, "rank": two_classes}.get(family, numbers)
    classes = {"num_class": "3"} if family == "multi" else {}
    tuned = {"objective": objective, "_tuning_objective_metric": f"validation:{metric}", "seed": "3"}
    run = container.train(tuned | classes, *data)
    regex = {entry["Name"]: entry["Regex"] for entry in XGBOOST.metric_definitions}[f"validation:{metric}"]
    matrix, labels = run.channel("validation")
    if objective == "survival:aft":
        matrix.set_info(label_lower_bound=labels, label_upper_bound=labels)

    found = re.search(regex, run.lines[-1].replace("\t", "#011"))

    assert found is not None
    assert xgboost_metrics.score(run.model(), matrix, metric) == float(found.group(1))


def test_a_metric_and_its_thresholded_self_stay_apart(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """`error` and `error@0.7` are printed under their own names, and the objective shows its own value."""
    values = {"objective": "binary:logistic", "eval_metric": "error,error@0.7"}
    run = container.train({**values, "_tuning_objective_metric": "validation:logloss"}, *two_classes)
    matrix, labels = run.channel("validation")
    predicted = run.model().predict(matrix)

    assert run.rounds[-1]["validation-error"] == pytest.approx(np.mean((predicted > 0.5) != labels), abs=1e-5)
    assert run.rounds[-1]["validation-error@0.7"] == pytest.approx(np.mean((predicted > 0.7) != labels), abs=1e-5)


def test_all_no_scores_zero_in_f1_binary_only(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """A model that always says no has no positive class: f1_binary is 0 while macro f1 looks like 0.44."""
    parameters = {"objective": "binary:logistic", "eta": "0", "base_score": "0.1", "eval_metric": "f1,f1_binary"}
    run = container.train(parameters, *two_classes)

    assert run.rounds[-1]["validation-f1_binary"] == 0
    assert 0.4 < run.rounds[-1]["validation-f1"] < 0.5


@pytest.mark.parametrize(
    ("true", "predicted"),
    [([0, 0, 0], [0, 0, 0]), ([1, 1], [1, 1]), ([0, 1, 2, 2], [0, 0, 0, 0]), ([0, 0, 2], [1, 1, 1])],
)
def test_classes_without_rows_count_as_in_scikit_learn(true: list[int], predicted: list[int]) -> None:
    """Macro averages take the classes that are labels or were predicted; what was never predicted scores 0."""
    labels, codes = np.array(true, np.float32), np.array(predicted, np.float32)
    import xgboost as xgb

    data = xgb.DMatrix(np.zeros((len(labels), 1)), label=labels)
    for name in ("accuracy", "f1_macro", "precision_macro", "recall_macro"):
        own = xgboost_metrics.custom_metric([name], "multi:softmax")(codes, data)

        assert own == [(name, pytest.approx(BY_CLASS[name](labels, codes)))]


@pytest.mark.parametrize(
    ("metric", "objective", "law"),
    [
        ("accuracy", "reg:squarederror", "can only be applied for classification problems"),
        ("r2", "multi:softprob", "can only be applied for one number per row"),
        ("auc", "reg:gamma", "Metric 'auc' can only be applied for classification and ranking problems."),
        ("aft-nloglik", "survival:cox", "can only be applied for 'survival:aft' objective"),
        ("f1_binary", "multi:softprob", "Target is multiclass but average='binary'"),
        ("rmse", "multi:softprob", "label and prediction size not match"),
    ],
)
def test_a_metric_that_does_not_fit_is_the_customers_error(
    container: Container, three_classes: tuple[Rows, Rows], metric: str, objective: str, law: str
) -> None:
    """A metric that means nothing for the objective ends the job with a ClientError that says so."""
    classes = {"num_class": "3"} if objective.startswith("multi") else {}
    tuned = {"objective": objective, "_tuning_objective_metric": f"validation:{metric}"}
    run = container.train(tuned | classes, *three_classes)

    assert run.code == 1
    assert run.failure.startswith("ClientError: ")
    assert law in run.failure
