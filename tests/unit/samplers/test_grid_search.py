from __future__ import annotations

from typing import Any

from components.amt.samplers import make_sampler
from tests.unit.samplers.search_loop import search

RANGES: dict[str, Any] = {
    "CategoricalParameterRanges": [
        {"Name": "rate", "Values": ["0.1", "0.01"]},
        {"Name": "booster", "Values": ["gbtree", "dart", "gblinear"]},
    ]
}
SEQUENCE = [(booster, rate) for booster in ("gbtree", "dart", "gblinear") for rate in ("0.1", "0.01")]


def test_every_combination_comes_once_in_an_order_the_request_tells() -> None:
    """The product of all values, by name, the last fastest, whatever the seed and the parallelism."""
    for seed, parallel in ((0, 1), (7, 3)):
        sampler = make_sampler("Grid", RANGES, maximize=True, seed=seed)
        proposed: list[Any] = []

        def ran(trial: Any, proposed: list[Any] = proposed) -> float:
            proposed.append((trial["booster"], trial["rate"]))
            return 1.0

        finished = search(sampler, ran, 50, parallel=parallel)

        assert len(finished) == 6
        if parallel == 1:
            assert proposed == SEQUENCE
        assert sorted(proposed) == sorted(SEQUENCE)
