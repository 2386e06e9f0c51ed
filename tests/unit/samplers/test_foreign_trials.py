"""Trials of a search over other hyperparameters or ranges, read as trials of this one's space."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.amt.samplers import Finished, ParentJob, make_sampler, trials_of_another_space
from tests.unit.samplers.search_loop import BRANIN, BRANIN_OPTIMUM, best, branin, continuous, search

RANGES: dict[str, Any] = {
    "ContinuousParameterRanges": [continuous("eta", 0.1, 0.5), continuous("new", 0, 1)],
    "IntegerParameterRanges": [continuous("depth", 1, 9)],
    "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
}


def read(*trials: tuple[dict[str, str], float | None], maximize: bool = False) -> tuple[Finished, ...]:
    """As trials of `RANGES`."""
    told = [Finished(hyperparameters=values, objective=objective) for values, objective in trials]
    return trials_of_another_space(RANGES, told, maximize=maximize)


def test_values_are_kept_moved_to_the_nearest_end_or_dropped() -> None:
    """Inside stays, outside goes to the end, a fraction to a whole number; what is not of this space is gone."""
    inside, outside = read(
        ({"eta": "0.30", "depth": "4", "kind": "b", "new": "0.2", "old": "1"}, 1.0),
        ({"eta": "0.9", "depth": "0.4", "kind": "a", "new": "-3"}, 2.0),
    )
    assert inside == Finished(hyperparameters={"eta": "0.3", "depth": "4", "kind": "b", "new": "0.2"}, objective=1.0)
    assert outside.hyperparameters == {"eta": "0.5", "depth": "1", "kind": "a", "new": "0.0"}


def test_what_cannot_be_read_takes_its_trial_with_it() -> None:
    """A category that is gone, no number, and a trial without a result."""
    whole = {"eta": "0.3", "depth": "4", "kind": "b", "new": "0.2"}
    assert read(({**whole, "kind": "c"}, 1.0), ({**whole, "eta": "nan"}, 1.0), ({**whole, "depth": "x"}, 1.0)) == ()
    assert read((whole, None), (whole, float("nan")), (whole, float("inf"))) == ()


def test_what_was_unknown_is_spread_the_best_in_the_middle() -> None:
    """Sixteen trials without `new`: the best has it in the middle, all together in each sixteenth of its range once."""
    found = read(
        *(({"eta": "0.3", "depth": "4", "kind": "a"}, float(number)) for number in range(15)), maximize=True
    )  # fmt: skip
    assert [trial.objective for trial in found] == [float(number) for number in reversed(range(15))]
    values = [float(trial.hyperparameters["new"]) for trial in found]
    assert values[0] == 0.5
    assert sorted(int(value * 16) for value in values) == list(range(1, 16))


def test_a_parent_without_a_hyperparameter_leads_and_does_not_mislead() -> None:
    """Branin, and a parent that had y at a bad value throughout and does not tell: the search still comes near."""
    line = {"ContinuousParameterRanges": BRANIN["ContinuousParameterRanges"][:1]}
    old = search(
        make_sampler("Random", line, maximize=False, seed=3), lambda trial: branin({**trial, "y": "14.0"}), 20
    )  # fmt: skip
    parents = [ParentJob(finished=trials_of_another_space(BRANIN, old, maximize=False), identical=False)]

    def regret(*known: ParentJob) -> float:
        runs = [make_sampler("Bayesian", BRANIN, maximize=False, seed=seed, parents=known) for seed in range(7)]
        return float(np.median([best(search(each, branin, 20, parallel=3)) - BRANIN_OPTIMUM for each in runs]))

    assert regret(*parents) < max(1.0, 2 * regret())
