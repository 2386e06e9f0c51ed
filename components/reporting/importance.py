"""What the hyperparameters matter: estimated, and honest about how sure that is.

A random forest learns the objective from the hyperparameters of some trials and predicts it for others. How much worse
it does when one hyperparameter's values are shuffled is what that one is worth to it. It says what mattered among the
trials there are, which a search has drawn to the good ones, and nothing about ranges nobody tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from components.reporting.contents import Hyperparameter
from components.tuning.result import Trial

LEAST_TRIALS = 10
_FEW_TRIALS = 30
_LEAST_EXPLAINED = 0.1
_FOLDS = 5
_SHUFFLES = 8
_TREES = 64


@dataclass(frozen=True, kw_only=True)
class Importance:
    """An estimate.

    Attributes:
        shares: Hyperparameter to its share of what shuffling costs, all together 1; the largest first.
        spreads: The same to the standard deviation of that over the shuffles.
        explained: Share of the variance that the forest explains on trials it has not seen; may be below 0.
        trials: Completed trials it rests on.
    """

    shares: dict[str, float]
    spreads: dict[str, float]
    explained: float
    trials: int

    @property
    def says_something(self) -> bool:
        """Whether the forest predicts at all."""
        return self.explained >= _LEAST_EXPLAINED

    def caution(self) -> str:
        """How far to trust it, in a sentence."""
        if not self.says_something:
            return (
                f"No estimate worth showing: from {self.trials} completed trials a random forest explains "
                f"{max(0.0, self.explained):.0%} of the variance of trials it has not seen."
            )
        basis = f"The forest explains {self.explained:.0%} of the variance of trials it has not seen"
        if self.trials < _FEW_TRIALS:
            return f"{basis}, from {self.trials} trials only: read the order, not the lengths."
        return f"{basis} ({self.trials} completed trials)."


def importance_of(trials: Sequence[Trial], hyperparameters: Sequence[Hyperparameter]) -> tuple[Importance | None, str]:
    """The estimate, and a sentence on it: how far to trust it, or why there is none.

    Only completed trials count: what was stopped early reports an objective that it had not reached the end of.
    """
    rows = [
        ([each.unit(trial) for each in hyperparameters], trial.objective)
        for trial in trials
        if trial.status == "Completed" and trial.objective is not None and math.isfinite(trial.objective)
    ]
    known = [(units, objective) for units, objective in rows if None not in units]
    if not hyperparameters or len(known) < LEAST_TRIALS:
        return None, f"No estimate: it needs {LEAST_TRIALS} completed trials, got {len(known)}."
    if len({objective for _, objective in known}) == 1:
        return None, f"No estimate: all {len(known)} completed trials have the same objective."
    found = _estimate([units for units, _ in known], [objective for _, objective in known], hyperparameters)
    return found, found.caution()


def _estimate(
    units: Sequence[Sequence[float | None]], objectives: Sequence[float | None], names: Sequence[Hyperparameter]
) -> Importance:
    import numpy as np
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    # Ranks of a heavy tail would hide how much; a clipped tail does not let one disaster decide everything.
    inputs, targets = np.array(units, dtype=float), np.array(objectives, dtype=float)
    low, high = np.quantile(targets, [0.25, 0.75])
    reach = 3 * (high - low)
    if reach > 0:
        targets = np.clip(targets, low - reach, high + reach)
    rng = np.random.default_rng(0)
    error, shuffled = 0.0, np.zeros((len(names), _SHUFFLES))
    for train, test in KFold(_FOLDS, shuffle=True, random_state=0).split(inputs):
        forest = RandomForestRegressor(_TREES, random_state=0, n_jobs=1).fit(inputs[train], targets[train])
        error += float(((forest.predict(inputs[test]) - targets[test]) ** 2).sum())
        for place in range(len(names)):
            many = np.repeat(inputs[test][None], _SHUFFLES, axis=0)
            # From all trials, not from the fold's few: a fold of two has one other order.
            many[:, :, place] = rng.choice(inputs[:, place], size=many.shape[:2])
            told = forest.predict(many.reshape(-1, inputs.shape[1])).reshape(_SHUFFLES, -1)
            shuffled[place] += ((told - targets[test]) ** 2).sum(axis=1)
    variance = float(((targets - targets.mean()) ** 2).sum()) or 1.0
    costs = (shuffled - error) / variance
    order = sorted(range(len(names)), key=lambda place: -costs[place].mean())
    whole = float(costs.mean(axis=1).clip(min=0).sum()) or 1.0
    return Importance(
        shares={names[place].name: max(0.0, float(costs[place].mean())) / whole for place in order},
        spreads={names[place].name: float(costs[place].std()) / whole for place in order},
        explained=1 - error / variance,
        trials=len(targets),
    )
