"""What a warm start saved: counted where two searches can be compared, and nothing where they cannot."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from components.tuning.trials_saved import Tried, sentence, trials_saved


def tried(objectives: Sequence[float | None], names: Sequence[float] = ()) -> list[Tried]:
    """Trials; `names` are values of eta, else each is one of its own."""
    values = names or [hash((index, *objectives)) for index in range(len(objectives))]
    return [
        Tried(hyperparameters={"eta": str(value)}, objective=objective)
        for value, objective in zip(values, objectives, strict=True)
    ]


@pytest.mark.parametrize(
    ("warm", "cold", "counted"),
    [
        ([0.9, 0.5], [0.1, 0.2, 0.8], (3, 1)),  # the warm one came further: to the cold best
        ([0.1, 0.7, 0.6], [0.2, 0.6, 0.8, 0.9], (3, 2)),  # it came less far: to its own best
        ([0.2, 0.3, 0.9], [0.9, 0.1], (1, 3)),  # it did not pay
        ([None, 0.9], [None, None, 0.5, None], (3, 2)),  # failed trials are trials
    ],
)
def test_trials_to_what_both_reached(
    warm: list[float | None], cold: list[float | None], counted: tuple[int, int]
) -> None:
    """Both are counted to the worse of their two bests, on either side of zero, for either direction."""
    for maximize in (True, False):
        sign = 1 if maximize else -1
        ours, theirs = ([None if v is None else sign * v for v in side] for side in (warm, cold))
        found = trials_saved(tried(ours), tried(theirs), cold_search="a", maximize=maximize, across_data=False)
        assert found is not None
        assert (found.cold_trials, found.warm_trials) == counted
        assert found.trials == counted[0] - counted[1]


def test_other_data_move_the_level_by_what_both_have_trained() -> None:
    """The new data lift everything by 0.2: configurations that both trained tell it, and it is marked an estimate."""
    cold = tried([0.1, 0.3, 0.5, 0.4], names=[1, 2, 3, 4])
    warm = tried([0.7, 0.6, 0.72], names=[3.0, 4, 9])
    found = trials_saved(warm, cold, cold_search="a", maximize=True, across_data=True)
    assert found is not None
    assert (found.cold_trials, found.warm_trials, found.across_data) == (3, 1, True)
    assert found.objective == pytest.approx(0.7)
    assert "2 trials saved" in sentence(found.document())
    assert "estimate across data" in sentence(found.document())


def test_nothing_is_said_where_nothing_can_be() -> None:
    """Other data without a common configuration, and searches without a result."""
    cold = tried([0.1, 0.3], names=[1, 2])
    assert trials_saved(tried([0.7], names=[7]), cold, cold_search="a", maximize=True, across_data=True) is None
    assert trials_saved(tried([None]), cold, cold_search="a", maximize=True, across_data=False) is None
    assert trials_saved(tried([0.7]), tried([None]), cold_search="a", maximize=True, across_data=False) is None
    assert trials_saved([], [], cold_search="a", maximize=True, across_data=True) is None


def test_hyperparameters_that_only_one_has_do_not_tell_configurations_apart() -> None:
    """A cold trial with its static ones beside a warm one with an added hyperparameter; text counts as text."""
    cold = [Tried(hyperparameters={"eta": "0.10", "booster": "dart", "num_round": "9"}, objective=0.5)]
    same = [Tried(hyperparameters={"eta": "1e-1", "booster": "dart", "gamma": "1"}, objective=0.6)]
    other = [Tried(hyperparameters={"eta": "0.1", "booster": "gbtree"}, objective=0.6)]
    found = trials_saved(same, cold, cold_search="a", maximize=True, across_data=True)
    assert found is not None
    assert found.trials == 0
    assert trials_saved(other, cold, cold_search="a", maximize=True, across_data=True) is None
