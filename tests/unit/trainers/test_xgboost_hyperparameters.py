"""Hyperparameters are strict: the container's own texts, before any data are read."""

from __future__ import annotations

import pytest
from container_folder import Container, Rows

from components.trainers.failure import CustomerError
from components.trainers.xgboost_hyperparameters import parse


def test_values_get_their_types_and_their_own_names() -> None:
    """Strings become numbers, aliases the name they stand for, lists lists; a JSON-quoted string loses its quotes."""
    assert parse(
        {
            "num_round": "10",
            "learning_rate": "1e-1",
            "min_split_loss": "0",
            "reg_lambda": "2",
            "reg_alpha": "3",
            "booster": '"dart"',
            "eval_metric": "auc, error@0.3",
            "objective": "binary:logistic",
            "tree_method": "hist",
            "monotone_constraints": "(1, -1, 0)",
            "interaction_constraints": "[[0, 1], [2]]",
        }
    ) == {
        "num_round": 10,
        "eta": 0.1,
        "gamma": 0.0,
        "lambda": 2.0,
        "alpha": 3.0,
        "booster": "dart",
        "eval_metric": ["auc", "error@0.3"],
        "objective": "binary:logistic",
        "tree_method": "hist",
        "monotone_constraints": [1, -1, 0],
        "interaction_constraints": [[0, 1], [2]],
    }


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"foo": "1"}, "Extraneous hyperparameter found: foo"),
        ({"num_round": None}, "Missing required hyperparameter: num_round"),
        ({"eta": "2.0"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
        ({"subsample": "0"}, "Hyperparameter subsample: 0.0 is not in (0, 1]"),
        ({"num_round": "0"}, "Hyperparameter num_round: 0 is not in [1, +inf)"),
        ({"gamma": "nan"}, "Hyperparameter gamma: nan is not in [0, +inf)"),
        ({"lambda": "inf"}, "Hyperparameter lambda: inf is not in [0, +inf)"),
        ({"max_depth": "5.5"}, "Hyperparameter max_depth: could not parse value '5.5'"),
        ({"booster": "tree"}, "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']"),
        ({"eta": "0.1", "learning_rate": "0.2"}, "Hyperparameter eta: given twice, also as learning_rate"),
        ({"eval_metric": "foo"}, "Hyperparameter eval_metric: value foo not in range"),
        (
            {"eval_metric": "auc@3"},
            "Metric 'auc@3' is not supported. Parameter 'eval_metric' with customized threshold",
        ),
        ({"eval_metric": "error@x"}, "Threshold value 't' in 'error@t' expects float input."),
        ({"_tuning_objective_metric": "train:auc"}, "Hyperparameter _tuning_objective_metric: train:auc is not in"),
        (
            {"objective": "multi:softmax"},
            "Require input for parameter 'num_class' for multi-classification",
        ),
        ({"num_class": "3"}, "Do not need to setup parameter 'num_class' for learning task other than"),
        (
            {"monotone_constraints": "(1,0)"},
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
        ),
        ({"booster": "gblinear", "updater": "prune"}, "Linear updater should be one of these options"),
        ({"updater": "shotgun"}, "Tree updater should be selected from these options"),
        ({"tree_method": "gpu_hist"}, "gpu_hist needs a GPU"),
        ({"process_type": "update"}, "update needs a model to start from"),
        ({"_kfold": "5"}, "Hyperparameter _kfold: cross validation is not done on this machine"),
        ({"sagemaker_program": "train.py"}, "Extraneous hyperparameter found: sagemaker_program"),
        ({"seed": "9" * 5000}, "Hyperparameter seed: could not parse value"),
    ],
)
def test_what_the_container_refuses(given: dict[str, str | None], text: str) -> None:
    """Unknown, missing, unreadable, out of range, or at odds with another: one sentence, AWS's where it has one."""
    values = {"num_round": "10"} | given
    with pytest.raises(CustomerError) as caught:
        parse({name: value for name, value in values.items() if value is not None})

    assert str(caught.value).startswith(text) or text in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_refusal_is_the_failure_file(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """The text reaches `output/failure` as a ClientError, the exit code is 1 and no model is left."""
    run = container.train({"eta": "2.0"}, *two_classes)

    assert (run.code, run.lines) == (1, [])
    assert run.failure == "ClientError: Hyperparameter eta: 2.0 is not in [0, 1]"
    assert not (run.base / "model").exists()


@pytest.mark.parametrize(
    "given",
    [
        {"tree_method": "exact"},
        {"tree_method": "approx", "max_bin": "64"},
        {"grow_policy": "lossguide", "max_leaves": "7", "tree_method": "hist"},
        {"monotone_constraints": "(1,0,0,-1,0)", "tree_method": "hist"},
        {"interaction_constraints": "[[0,1],[2,3,4]]", "tree_method": "hist"},
        {"num_parallel_tree": "3", "colsample_bynode": "0.5", "colsample_bylevel": "0.5"},
        {"booster": "dart", "rate_drop": "0.1", "skip_drop": "0.5", "one_drop": "1", "sample_type": "weighted"},
        {"objective": "reg:linear", "base_score": "0.3"},
        {"updater": "grow_quantile_histmaker,prune", "refresh_leaf": "1", "verbosity": "0"},
        {"max_delta_step": "1", "scale_pos_weight": "2", "verbosity": "0"},
    ],
    ids=",".join,
)
def test_what_the_container_takes_trains(
    container: Container, two_classes: tuple[Rows, Rows], given: dict[str, str]
) -> None:
    """Parameters that are allowed reach xgboost in a form it reads."""
    run = container.train(given, *two_classes)

    assert run.code == 0
