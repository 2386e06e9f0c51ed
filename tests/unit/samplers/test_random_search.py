from __future__ import annotations

import math

import numpy as np

from components.amt.samplers import Finished, make_sampler
from tests.unit.samplers.search_loop import MIXED7, continuous, mixed7, search


def test_the_sequence_is_the_same_at_any_parallelism() -> None:
    """The same RandomSeed gives the same configurations by number, with one job or with ten at a time."""
    sampler = make_sampler("Random", MIXED7, maximize=False, seed=8)

    alone = search(sampler, mixed7, 30)
    ten = search(sampler, mixed7, 30, parallel=10)

    assert sorted(map(repr, alone)) == sorted(map(repr, ten))
    assert alone[4].hyperparameters == sampler.propose(finished=[], running=[], number=5)


def test_the_sequence_is_the_same_at_any_parallelism_in_a_finite_space() -> None:
    """Draws that collide are drawn again in the same way, whatever has ended by then."""
    small = {"IntegerParameterRanges": [continuous("a", 1, 5), continuous("b", 1, 5)]}
    sampler = make_sampler("Random", small, maximize=False, seed=8)
    sequences = []
    for parallel in (1, 7):
        proposed: list[dict[str, str]] = []
        for number in range(1, 26):
            ended = proposed[: max(0, number - parallel)]
            trial = sampler.propose(
                finished=[Finished(hyperparameters=trial, objective=1.0) for trial in ended[::-1]],
                running=proposed[len(ended) :],
                number=number,
            )
            assert trial is not None
            proposed.append(trial)
        sequences.append(proposed)

    assert sequences[0] == sequences[1]


def test_draws_are_uniform_on_their_scale() -> None:
    """Every scale's draws, brought back to it, are uniform: no decile of 600 draws is far from 60; categories alike."""
    ranges = {
        "ContinuousParameterRanges": [
            continuous("linear", -2.0, 8.0),
            continuous("log", 1e-6, 1.0, "Logarithmic"),
            continuous("reverse", 0.0, 0.999, "ReverseLogarithmic"),
        ],
        "IntegerParameterRanges": [continuous("whole", 1, 10)],
        "CategoricalParameterRanges": [{"Name": "category", "Values": list("abcdefghij")}],
    }
    sampler = make_sampler("Random", ranges, maximize=False, seed=0)
    trials = [sampler.propose(finished=[], running=[], number=number) or {} for number in range(1, 601)]

    shares = {
        "linear": [(float(trial["linear"]) + 2) / 10 for trial in trials],
        "log": [math.log(float(trial["log"])) / -math.log(1e-6) + 1 for trial in trials],
        "reverse": [math.log(1 - float(trial["reverse"])) / math.log(0.001) for trial in trials],
        "whole": [(int(trial["whole"]) - 0.5) / 10 for trial in trials],
        "category": [("abcdefghij".index(trial["category"]) + 0.5) / 10 for trial in trials],
    }
    for name, share in shares.items():
        counts, _ = np.histogram(share, bins=10, range=(0, 1))
        assert counts.sum() == 600, name
        assert 30 <= counts.min() <= counts.max() <= 95, (name, counts)
