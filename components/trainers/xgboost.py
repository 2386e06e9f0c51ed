"""SageMaker's built-in XGBoost as a training script: the same hyperparameters, channels, log lines and model file.

Reads `$SAGEMAKER_BASE_DIR` (default /opt/ml) as the container does: `input/config/*.json`, `input/data/<channel>/`;
prints one line of metrics per boosting round; writes `model/xgboost-model` or `output/failure`.
Contract: developer guide, "XGBoost Algorithm", and sagemaker-xgboost-container (2026-06).
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xgboost as xgb

from components.trainers import xgboost_data, xgboost_metrics
from components.trainers.failure import CustomerError, write_failure
from components.trainers.xgboost_checkpoints import Checkpoints
from components.trainers.xgboost_hyperparameters import DEFAULT_OBJECTIVE, OBJECTIVE_METRIC, parse
from components.trainers.xgboost_metric_names import is_maximized

CHANNELS = ("train", "validation", "code")
# What the script itself uses; everything else goes to xgboost.
_OWN = ("num_round", "early_stopping_rounds", "csv_weights", "save_model_on_termination", "eval_metric")
EvalsLog = dict[str, dict[str, list[float] | list[tuple[float, float]]]]
# What xgboost says when the data or the hyperparameters are to blame, not the trainer.
_CUSTOMER_TEXTS = (
    "label must be",
    "feature_names mismatch",
    "preds.Size() == info.labels",  # a metric that does not fit the objective
    "can only be used with",
    "only contains pos or neg samples",
    "base_score must be in (0,1)",
    "Parameter reg_lambda should be greater equal to 0",
    "data contains `inf`",
    "qid",
    "Invalid Parameter format",
    "but expected",  # a parameter value it cannot read
)
# `[23:28:30] /workspace/src/metric/rank_metric.cc:253: Check failed: ...` and C++ frames after it.
_XGBOOST_PLACE = re.compile(r"^\[[0-9:]+\] \S+: ")


class Rounds(xgb.callback.TrainingCallback):
    """Prints a line per round and ends training: early stopping, or a request to stop.

    Not xgboost's EvaluationMonitor and EarlyStopping: the objective has to be the last metric of a line, its name the
    one it was asked for by (`tweedie-nloglik`, not `tweedie-nloglik@1.5`), and no `best_iteration` may stay in the
    model, which some readers take as leave to use fewer trees.

    Args:
        metrics: Asked for, in the order of the line; the objective last. Empty: whatever xgboost evaluates.
        patience: Rounds without improvement of the last metric on `validation`, or None.
        checkpoints: Where the model so far is kept.
        done: Rounds that an earlier container trained.
    """

    def __init__(
        self, *, metrics: Sequence[str], patience: int | None, checkpoints: Checkpoints, done: int = 0
    ) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._done = done
        self._metrics = tuple(metrics)
        self._patience = patience
        self._best = math.nan
        self._not_improved = 0
        self.stop_requested = False

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: EvalsLog) -> bool:
        """Print the round; True ends training."""
        epoch += self._done
        parts: list[str] = []
        metric, last = "", math.nan
        for data, log in evals_log.items():
            for name in self._ordered(tuple(log)):
                value = log[name][-1]
                last = value[0] if isinstance(value, tuple) else value  # pairs come from cross validation only
                metric = self._asked(name)
                parts.append(f"\t{data}-{metric}:{xgboost_metrics.printed(last)}")
        sys.stdout.write(f"[{epoch}]{''.join(parts)}\n")
        sys.stdout.flush()
        ends = self._exhausted(last, maximize=is_maximized(metric)) or self.stop_requested
        self._checkpoints.offer(model, epoch + 1, self.state, at_once=self.stop_requested)
        return ends

    @property
    def state(self) -> dict[str, Any]:
        """What early stopping knows."""
        return {"best": self._best, "not_improved": self._not_improved}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        self._best, self._not_improved = float(state["best"]), int(state["not_improved"])

    @property
    def exhausted(self) -> bool:
        """Whether early stopping has ended the training."""
        return self._patience is not None and self._not_improved >= self._patience

    def _asked(self, name: str) -> str:
        if name in self._metrics:
            return name
        return next((asked for asked in self._metrics if name.startswith(f"{asked}@")), name)

    def _ordered(self, names: Sequence[str]) -> list[str]:
        # xgboost puts its own metrics before custom ones; unasked ones (the objective's default) stay in front.
        place = {asked: index for index, asked in enumerate(self._metrics)}
        return sorted(names, key=lambda name: place.get(self._asked(name), -1))

    def _exhausted(self, value: float, *, maximize: bool) -> bool:
        if self._patience is None:
            return False
        improved = value > self._best if maximize else value < self._best
        if improved or math.isnan(self._best):
            self._best, self._not_improved = value, 0
        else:
            self._not_improved += 1
        return self._not_improved >= self._patience


def main() -> int:
    """Train as the container does.

    Returns:
        The container's exit code: 0, or 1 with the reason in `output/failure`.
    """
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))  # noqa: TID251 - a container's only way to be told
    try:
        train(base)
    except CustomerError as error:
        sys.stderr.write(f"ClientError: {error}\n")
        write_failure(base / "output", "ClientError", str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the container's last resort: every failure has a reason
        traceback.print_exc()
        write_failure(base / "output", "AlgorithmError", str(error) or type(error).__name__)
        return 1
    return 0


def train(base: Path) -> None:
    """Train one model below a base folder.

    Args:
        base: The container's /opt/ml.

    Raises:
        CustomerError: What the customer can mend.
        RuntimeError: What xgboost cannot do for another reason.
    """
    config = base / "input" / "config"
    values = parse(_json(config / "hyperparameters.json"))
    channels = _channels(_json(config / "inputdataconfig.json"))
    objective = values.get("objective", DEFAULT_OBJECTIVE)
    metrics = _metrics(values)
    xgboost_metrics.check_custom(metrics, objective)
    nthread = values.get("nthread", _threads())
    with _told_apart():
        evals = _matrices(base / "input" / "data", channels, values, nthread)
    patience = values.get("early_stopping_rounds") if len(evals) > 1 else None  # as the container: not on train
    checkpoints = Checkpoints.of(_json(config / "checkpointconfig.json"))
    before = checkpoints.newest()
    rounds = Rounds(metrics=metrics, patience=patience, checkpoints=checkpoints, done=before[1] if before else 0)
    if before:
        rounds.state = before[2]
    keeps_model = values.get("save_model_on_termination") == "true"
    if keeps_model or checkpoints.wanted:
        # SIGTERM then ends after the round that runs, and the model of all rounds so far is kept, or a checkpoint of
        # it. Otherwise SIGTERM ends the process at once, without a model.
        signal.signal(signal.SIGTERM, lambda *_: setattr(rounds, "stop_requested", True))
    own = [metric for metric in metrics if xgboost_metrics.is_custom(metric)]
    left = 0 if rounds.exhausted else max(0, values["num_round"] - (before[1] if before else 0))
    with _told_apart():
        booster = xgb.train(
            _parameters(values, metrics, nthread),
            evals[0][0],
            num_boost_round=left,
            evals=evals,
            custom_metric=xgboost_metrics.custom_metric(own, objective) if own else None,
            callbacks=[rounds],
            verbose_eval=False,
            xgb_model=before[0] if before else None,
        )
    if keeps_model or not rounds.stop_requested:
        _save(booster, base / "model")


@contextmanager
def _told_apart() -> Iterator[None]:
    """Turn what xgboost says into the customer's error or the algorithm's, without its stack."""
    try:
        yield
    except xgb.core.XGBoostError as error:
        text = _XGBOOST_PLACE.sub("", str(error).partition("Stack trace:")[0].strip())
        if any(known in text for known in _CUSTOMER_TEXTS):
            raise CustomerError(text) from error
        raise RuntimeError(f"XGB train call failed with exception:\n {text}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return dict(document)


def _channels(config: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Content kind of each data channel."""
    if "train" not in config:
        raise CustomerError("Missing required channel: train")
    for name, channel in config.items():
        if name not in CHANNELS:
            raise CustomerError(f"Extraneous channel found: {name}")
        if channel.get("TrainingInputMode") == "Pipe":
            raise CustomerError(f"Pipe mode is not supported, got it for channel {name}; use File or FastFile.")
    return {
        name: xgboost_data.content_type(config[name].get("ContentType"))
        for name in ("train", "validation")
        if name in config
    }


def _metrics(values: Mapping[str, Any]) -> list[str]:
    """Metrics asked for, each once, the tuning objective last."""
    wanted = list(dict.fromkeys(values.get("eval_metric", ())))
    objective = values.get(OBJECTIVE_METRIC)
    if objective is not None:
        metric = objective.removeprefix("validation:")
        wanted = [*(name for name in wanted if name != metric), metric]
    return wanted


def _parameters(values: Mapping[str, Any], metrics: Sequence[str], nthread: int) -> dict[str, Any]:
    parameters = {name: value for name, value in values.items() if name not in _OWN and name != OBJECTIVE_METRIC}
    if parameters.get("objective") == "reg:linear":  # xgboost's old name of the same thing
        parameters["objective"] = "reg:squarederror"
    if "updater" in parameters:
        parameters["updater"] = ",".join(parameters["updater"])
    if "monotone_constraints" in parameters:  # xgboost reads `(1,-1)` here and JSON there
        parameters["monotone_constraints"] = f"({','.join(map(str, parameters['monotone_constraints']))})"
    if "interaction_constraints" in parameters:
        parameters["interaction_constraints"] = json.dumps(parameters["interaction_constraints"])
    power = values.get("tweedie_variance_power", xgboost_metrics.TWEEDIE_POWER)
    native = [xgboost_metrics.native_name(name, power) for name in metrics if not xgboost_metrics.is_custom(name)]
    return parameters | {"nthread": nthread} | ({"eval_metric": native} if native else {})


def _matrices(
    folder: Path, channels: Mapping[str, str], values: Mapping[str, Any], nthread: int
) -> list[tuple[xgb.DMatrix, str]]:
    objective = values.get("objective", DEFAULT_OBJECTIVE)
    weighted = values.get("csv_weights") == 1
    tables = {
        name: xgboost_data.read_channel(folder / name, kind, csv_weights=weighted) for name, kind in channels.items()
    }
    columns = {name: table.columns for name, table in tables.items()}
    if set(channels.values()) != {"libsvm"} and len(set(columns.values())) > 1:
        raise CustomerError(f"feature_names mismatch: all channels must have the same columns, got {columns}")
    widest = max(columns.values())
    return [
        (xgboost_data.matrix(table, objective=objective, nthread=nthread, columns=widest), name)
        for name, table in tables.items()
    ]


def _threads() -> int:
    # After a fork libgomp does not look at the environment again, so the number is handed to xgboost.
    told = os.environ.get("OMP_NUM_THREADS", "")  # noqa: TID251 - how a container is told
    return int(told) if told.isdecimal() and int(told) > 0 else len(os.sched_getaffinity(0))


def _save(booster: xgb.Booster, folder: Path) -> None:
    """Write `xgboost-model` in UBJ form, complete or not at all.

    It is the model after the last round, the one whose metrics the last log line shows, because the last value is the
    trial's objective and the registry recomputes it. SageMaker's container since 1.3 keeps the best round's model when
    it stops early, so its model can be better than what the tuning job was told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / ".xgboost-model.part"
    with part.open("wb") as file:
        file.write(booster.save_raw(raw_format="ubj"))
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / "xgboost-model")


if __name__ == "__main__":
    sys.exit(main())
