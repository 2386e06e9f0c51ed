"""What the built-in algorithm lays down about a search: its metrics, which way each is better, its hyperparameters.

Told of the spec, at its place and with what was probably meant, before anything is written: AWS refuses such a request
when it is made (or, of a hyperparameter, in every training job). A script's metrics and hyperparameters are its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.amt.algorithms import XGBOOST, objective_direction
from components.near_names import hint
from components.trainers.xgboost_hyperparameters import is_known, known_names
from components.tuning.training_spec import TrainingSpec
from components.tuning.tuning_spec import TuningSpec

_BETTER = {"Maximize": "greater", "Minimize": "smaller"}


def built_in_breaches(training: TrainingSpec, tuning: TuningSpec) -> list[str]:
    """One `place: law, got value` each; none of a script."""
    return [] if training.is_script else [*_objective(tuning), *_hyperparameters(training, tuning)]


def _objective(tuning: TuningSpec) -> Iterator[str]:
    metric, given = tuning.objective.metric, tuning.objective.type
    direction = objective_direction(metric)
    if direction is None:
        known = sorted(XGBOOST.directions)
        yield f"tuning.objective.metric: the built-in xgboost has no metric {metric!r}; {hint(metric, known)}"
    elif given != direction.lower():
        yield (
            f"tuning.objective.type: must be {direction.lower()}, as {metric} of the built-in xgboost is better when "
            f"{_BETTER[direction]}, got {given}"
        )


def _hyperparameters(training: TrainingSpec, tuning: TuningSpec) -> Iterator[str]:
    for place, names in (("training.hyperparameters", training.hyperparameters), ("tuning.space", tuning.space)):
        for name in names:
            if not is_known(name):
                yield f"{place}.{name}: the built-in xgboost has no such hyperparameter; {hint(name, known_names())}"
