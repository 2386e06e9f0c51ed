"""The hyperparameters of SageMaker's XGBoost: strict, with the container's own error texts.

Hyperparameters reach a container as strings. What is not in the table is refused, as in sagemaker-xgboost-container;
names, ranges and dependencies are that container's (2026-06; reference: developer guide, "XGBoost hyperparameters").
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from components.trainers.failure import CustomerError
from components.trainers.xgboost_metric_names import MAXIMIZE, MINIMIZE

OBJECTIVE_METRIC = "_tuning_objective_metric"
DEFAULT_OBJECTIVE = "reg:squarederror"
MULTICLASS = ("multi:softmax", "multi:softprob")

ALIASES: Mapping[str, str] = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
}


@dataclass(frozen=True)
class _Interval:
    """Allowed numbers; `low` and `high` belong to it unless they are open."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int | float) or math.isnan(value):
            return False
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        low = "(-inf" if self.low == -math.inf else f"{'(' if self.low_open else '['}{self.low:g}"
        high = "+inf)" if self.high == math.inf else f"{self.high:g}{')' if self.high_open else ']'}"
        return f"{low}, {high}"


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _json_list(text: str) -> list[Any]:
    # `(1,-1)` is how monotone constraints are usually written.
    value = json.loads(text.strip().replace("(", "[").replace(")", "]"))
    if not isinstance(value, list):
        raise ValueError("a list is needed")  # noqa: TRY004 - like every other value that cannot be parsed
    return value


_Allowed = _Interval | tuple[str, ...] | None
_UNIT = _Interval(0, 1)
_FRACTION = _Interval(0, 1, low_open=True)
_NOT_NEGATIVE = _Interval(0)
_FLAG = _Interval(0, 1)
_TREE_UPDATERS = (
    "grow_colmaker",
    "distcol",
    "grow_histmaker",
    "grow_local_histmaker",
    "grow_quantile_histmaker",
    "grow_skmaker",
    "sync",
    "refresh",
    "prune",
)
_LINEAR_UPDATERS = ("shotgun", "coord_descent")

_TABLE: Mapping[str, tuple[Callable[[str], Any], _Allowed]] = {
    "num_round": (int, _Interval(1)),
    "num_class": (int, _Interval(2)),
    "early_stopping_rounds": (int, _Interval(1)),
    "csv_weights": (int, _FLAG),
    "booster": (str, ("gbtree", "gblinear", "dart")),
    "verbosity": (int, _Interval(0, 3)),
    "nthread": (int, _Interval(1)),
    "eta": (float, _UNIT),
    "gamma": (float, _NOT_NEGATIVE),
    "max_depth": (int, _NOT_NEGATIVE),
    "min_child_weight": (float, _NOT_NEGATIVE),
    "max_delta_step": (float, _NOT_NEGATIVE),
    "subsample": (float, _FRACTION),
    "sampling_method": (str, ("uniform", "gradient_based")),
    "colsample_bytree": (float, _FRACTION),
    "colsample_bylevel": (float, _FRACTION),
    "colsample_bynode": (float, _FRACTION),
    "lambda": (float, _NOT_NEGATIVE),
    "alpha": (float, _NOT_NEGATIVE),
    "lambda_bias": (float, _UNIT),
    "tree_method": (str, ("auto", "exact", "approx", "hist", "gpu_hist")),
    "scale_pos_weight": (float, _Interval(0, low_open=True)),
    "updater": (_list, (*_TREE_UPDATERS, *_LINEAR_UPDATERS)),
    "refresh_leaf": (int, _FLAG),
    "process_type": (str, ("default", "update")),
    "grow_policy": (str, ("depthwise", "lossguide")),
    "max_leaves": (int, _NOT_NEGATIVE),
    "max_bin": (int, _Interval(2)),
    "num_parallel_tree": (int, _Interval(1)),
    "monotone_constraints": (_json_list, None),
    "interaction_constraints": (_json_list, None),
    "sample_type": (str, ("uniform", "weighted")),
    "normalize_type": (str, ("tree", "forest")),
    "rate_drop": (float, _UNIT),
    "one_drop": (int, _FLAG),
    "skip_drop": (float, _UNIT),
    "tweedie_variance_power": (float, _Interval(1, 2, low_open=True, high_open=True)),
    "aft_loss_distribution": (str, ("normal", "logistic", "extreme")),
    "aft_loss_distribution_scale": (float, _Interval(0, low_open=True)),
    "objective": (
        str,
        (
            "binary:logistic",
            "binary:logitraw",
            "binary:hinge",
            "count:poisson",
            "multi:softmax",
            "multi:softprob",
            "rank:pairwise",
            "rank:ndcg",
            "rank:map",
            "reg:linear",
            "reg:squarederror",
            "reg:logistic",
            "reg:gamma",
            "reg:pseudohubererror",
            "reg:squaredlogerror",
            "reg:absoluteerror",
            "reg:tweedie",
            "survival:aft",
            "survival:cox",
        ),
    ),
    "base_score": (float, _NOT_NEGATIVE),
    "eval_metric": (_list, None),
    "seed": (int, _Interval(-(2**31), 2**31 - 1, low_open=True, high_open=True)),
    "save_model_on_termination": (str, ("true", "false")),
    OBJECTIVE_METRIC: (str, tuple(f"validation:{metric}" for metric in (*MAXIMIZE, *MINIMIZE))),
}

# What the container takes and this trainer does not do: refused by name, never ignored.
_NOT_HERE: Mapping[str, str] = {
    "_kfold": "cross validation is not done on this machine",
    "_num_cv_round": "cross validation is not done on this machine",
    "use_dask_gpu_training": "this machine trains on the CPU",
}


def known_names() -> list[str]:
    """What may be set, aliases last."""
    return [*(name for name in _TABLE if name != OBJECTIVE_METRIC), *ALIASES]


def is_known(name: str) -> bool:
    """Whether the container knows it, be it refused here for another reason."""
    return name in _TABLE or name in ALIASES or name in _NOT_HERE


def parse(texts: Mapping[str, str]) -> dict[str, Any]:
    """Typed hyperparameters under their own names, aliases resolved.

    Args:
        texts: As in hyperparameters.json, every value a string; a JSON-quoted string loses its quotes.

    Raises:
        CustomerError: The first one that is unknown, missing, unreadable, out of range or at odds with another.
    """
    given: dict[str, str] = {}
    for name, text in texts.items():
        own = ALIASES.get(name, name)
        if own in given:
            raise CustomerError(f"Hyperparameter {own}: given twice, also as {name}")
        given[own] = _unquoted(str(text))
    if "num_round" not in given:
        raise CustomerError("Missing required hyperparameter: num_round")
    values = {name: _value(name, text) for name, text in given.items()}
    _check_dependencies(values)
    return values


def _unquoted(text: str) -> str:
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        try:
            inner = json.loads(text)
        except ValueError:
            return text
        return inner if isinstance(inner, str) else text
    return text


def _value(name: str, text: str) -> Any:
    if name in _NOT_HERE:
        raise CustomerError(f"Hyperparameter {name}: {_NOT_HERE[name]}")
    if name not in _TABLE:
        raise CustomerError(f"Extraneous hyperparameter found: {name}")
    convert, allowed = _TABLE[name]
    try:
        value = convert(text)
    except (ValueError, OverflowError):
        raise CustomerError(f"Hyperparameter {name}: could not parse value {text[:100]!r}") from None
    items = value if isinstance(value, list) else [value]
    if allowed is not None and any(item not in allowed for item in items):
        shown = str(allowed) if isinstance(allowed, _Interval) else str(list(allowed))
        raise CustomerError(f"Hyperparameter {name}: {str(value)[:100]} is not in {shown}")
    return value


def _check_dependencies(values: Mapping[str, Any]) -> None:
    objective = values.get("objective", DEFAULT_OBJECTIVE)
    if objective in MULTICLASS and "num_class" not in values:
        raise CustomerError("Require input for parameter 'num_class' for multi-classification")
    if objective not in MULTICLASS and "num_class" in values:
        raise CustomerError(
            "Do not need to setup parameter 'num_class' for learning task other than multi-classification."
        )
    for metric in values.get("eval_metric", ()):
        _check_metric(metric)
    wanted = [metric.partition("@")[0] for metric in values.get("eval_metric", ())]
    wanted.append(values.get(OBJECTIVE_METRIC, "").removeprefix("validation:"))
    if "auc" in wanted and not objective.startswith(("binary:", "multi:", "rank:", "reg:logistic")):
        raise CustomerError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in wanted and objective != "survival:aft":
        raise CustomerError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")
    _check_trees(values)


def _check_metric(metric: str) -> None:
    name, at, threshold = metric.partition("@")
    if at:
        if name not in ("error", "ndcg", "map"):
            raise CustomerError(
                f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should be one "
                "of these options: 'error', 'ndcg', 'map'."
            )
        try:
            float(threshold)
        except ValueError:
            raise CustomerError(f"Threshold value 't' in '{name}@t' expects float input.") from None
    elif metric not in MAXIMIZE and metric not in MINIMIZE:
        raise CustomerError(f"Hyperparameter eval_metric: value {metric} not in range {[*MAXIMIZE, *MINIMIZE]}")


def _check_trees(values: Mapping[str, Any]) -> None:
    method = values.get("tree_method")
    if method == "gpu_hist":
        raise CustomerError("Hyperparameter tree_method: gpu_hist needs a GPU, this machine trains on the CPU")
    if values.get("process_type") == "update":
        raise CustomerError("Hyperparameter process_type: update needs a model to start from, there is none")
    for name, methods in (
        ("monotone_constraints", ("exact", "hist")),
        ("interaction_constraints", ("exact", "hist", "approx")),
    ):
        if name in values and method not in methods:
            options = " or ".join(f"'{option}'" for option in methods)
            raise CustomerError(f"{name} can be used only when the tree_method parameter is set to either {options}.")
    if any(step not in (-1, 0, 1) for step in values.get("monotone_constraints", ())):
        raise CustomerError(f"Hyperparameter monotone_constraints: value {values['monotone_constraints']} not in range")
    linear = values.get("booster") == "gblinear"
    updaters = values.get("updater", [])
    if updaters and linear and (len(updaters) != 1 or updaters[0] not in _LINEAR_UPDATERS):
        raise CustomerError(f"Linear updater should be one of these options: {', '.join(_LINEAR_UPDATERS)}.")
    if not linear and any(updater in _LINEAR_UPDATERS for updater in updaters):
        raise CustomerError(f"Tree updater should be selected from these options: {', '.join(_TREE_UPDATERS)}.")
