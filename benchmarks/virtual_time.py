"""A search answered from a table, three trials at a time, in virtual time: seconds are those the trainings took."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence

from components.amt.samplers import Finished, Sampler

# What a trial gets: its objective to be minimised, and its seconds.
Answer = Callable[[Mapping[str, str]], tuple[float, float]]


def search(sampler: Sampler, answer: Answer, trials: int, *, parallel: int = 3) -> list[float]:
    """Run a search; the objectives in the order in which the trials were proposed."""
    now, values = 0.0, [0.0] * trials
    running: list[tuple[float, int, dict[str, str], float]] = []
    finished: list[Finished] = []
    started = 0
    while started < trials or running:
        while started < trials and len(running) < parallel:
            pending: Sequence[dict[str, str]] = [trial for _, _, trial, _ in sorted(running, key=lambda run: run[1])]
            proposed = sampler.propose(finished=finished, running=pending, number=started + 1)
            assert proposed is not None
            value, seconds = answer(proposed)
            values[started] = value
            heapq.heappush(running, (now + seconds, started, proposed, value))
            started += 1
        now, _, trial, value = heapq.heappop(running)
        finished.append(Finished(hyperparameters=trial, objective=value))
    return values
