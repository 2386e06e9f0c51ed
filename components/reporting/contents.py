"""What a report tells, as values: no clock, no engine, no file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from components.reporting.held_out import Confusion, Residuals
from components.tuning.result import CurvePoint, Trial, best_of

Kind = Literal["continuous", "integer", "categorical"]


@dataclass(frozen=True, kw_only=True)
class Hyperparameter:
    """A dimension of the search.

    Attributes:
        name: As the training script knows it: anybody's text.
        kind: What its values are.
        scaling: `Linear`, `Logarithmic` or `ReverseLogarithmic`; what Auto came to, as the local AMT decides it.
        low: Of numbers.
        high: Of numbers.
        values: Of categories.
    """

    name: str
    kind: Kind
    scaling: str = "Linear"
    low: float = 0.0
    high: float = 1.0
    values: tuple[str, ...] = ()

    @property
    def ends(self) -> tuple[str, str]:
        """The ends of a number's range as text: an integer in full, for 12345 is not 1.234e+04."""
        if self.kind == "integer":
            return f"{self.low:,.0f}", f"{self.high:,.0f}"
        return f"{self.low:g}", f"{self.high:g}"

    def value(self, trial: Trial) -> float | str | None:
        """A trial's value; None when it has none that can be shown."""
        text = trial.hyperparameters.get(self.name)
        if text is None:
            return None
        if self.kind == "categorical":
            return plain(text)
        try:
            number = float(plain(text))
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def unit(self, trial: Trial) -> float | None:
        """The same between 0 and 1, on its own scale; categories in their order."""
        value = self.value(trial)
        if isinstance(value, str):
            if value not in self.values:
                return None
            return self.values.index(value) / max(1, len(self.values) - 1)
        if value is None:
            return None
        low, high, at = self._scaled(self.low), self._scaled(self.high), self._scaled(value)
        if not all(map(math.isfinite, (low, high, at))) or low == high:
            return None
        return min(1.0, max(0.0, (at - low) / (high - low)))

    def _scaled(self, value: float) -> float:
        if self.scaling == "Logarithmic":
            return math.log(value) if value > 0 else math.nan
        if self.scaling == "ReverseLogarithmic":
            return -math.log(1 - value) if value < 1 else math.nan
        return value


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search beside the report's own: a parent.

    Attributes:
        name: Its tuning job.
        trials: Oldest first.
    """

    name: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything a report is made of.

    Attributes:
        tuning_job: The search's last attempt.
        attempts: All of them, oldest first.
        model: Registered model; None for a job that retune did not make.
        status: HyperParameterTuningJobStatus.
        engine: `local` or `sagemaker`.
        strategy: AMT's.
        metric: Of the objective.
        maximize: Its direction.
        hyperparameters: Dimensions of the search, by name.
        trials: Of all attempts, oldest first.
        best: Training job whose model was registered; None: the one with the best objective.
        curves: Training job to its objective's points.
        parents: Searches it was warm-started from.
        warm_start: AMT's type; None of a cold search.
        usd_per_s: What one second of a training job is charged in the cloud; None when no price is known.
        result: The run's result document; None for a search that is not registered (yet).
        held_out: The best model's answers on held-out rows.
        held_out_note: What they are, or why there are none.
        made: When, ISO 8601.
    """

    tuning_job: str
    attempts: tuple[str, ...]
    model: str | None
    status: str
    engine: str
    strategy: str
    metric: str
    maximize: bool
    hyperparameters: tuple[Hyperparameter, ...]
    trials: tuple[Trial, ...]
    best: str | None = None
    curves: Mapping[str, Sequence[CurvePoint]] = field(default_factory=dict)
    parents: tuple[Search, ...] = ()
    warm_start: str | None = None
    usd_per_s: float | None = None
    result: Mapping[str, Any] | None = None
    held_out: Confusion | Residuals | None = None
    held_out_note: str = ""
    made: str = ""

    @property
    def best_trial(self) -> Trial | None:
        """The trial that was registered, else the one with the best objective."""
        named = next((trial for trial in self.trials if trial.training_job == self.best), None)
        return named or best_of(self.trials, maximize=self.maximize)


def hyperparameters_of(ranges: Mapping[str, Any]) -> tuple[Hyperparameter, ...]:
    """The dimensions of AMT's ParameterRanges, by name."""
    found = [
        Hyperparameter(
            name=part["Name"],
            kind=kind,
            low=float(part["MinValue"]),
            high=float(part["MaxValue"]),
            scaling=_scaling(part.get("ScalingType") or "Auto", float(part["MinValue"]), float(part["MaxValue"])),
        )
        for kind, key in _NUMBERS
        for part in ranges.get(key, ())
    ]
    found += [
        Hyperparameter(name=part["Name"], kind="categorical", values=tuple(plain(value) for value in part["Values"]))
        for part in ranges.get("CategoricalParameterRanges", ())
    ]
    return tuple(sorted(found, key=lambda each: each.name))


_NUMBERS: tuple[tuple[Kind, str], ...] = (
    ("continuous", "ContinuousParameterRanges"),
    ("integer", "IntegerParameterRanges"),
)


def _scaling(told: str, low: float, high: float) -> str:
    if told != "Auto":
        return told
    from components.amt.samplers.parameter import resolved_scaling  # brings Optuna

    return resolved_scaling(told, low, high)


def plain(value: str) -> str:
    """A value without the quotes that the SDK puts around text."""
    if value[:1] == '"':
        try:
            text = json.loads(value)
        except ValueError:
            return value
        if isinstance(text, str):
            return text
    return value
