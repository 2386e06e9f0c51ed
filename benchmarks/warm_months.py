"""(e2) Warm starts along the months of one model, and from parents that AMT would not take.

Real trainings from the tables, in virtual time. Along the months January's flights are searched cold, February's with
January's search as its parent, March's with both, April's with all three, 20 trials each; beside each stands a cold
search of the same month and seed. Counted are the trials until the cold search's best is reached, one more than there
are when it never is. What `warm_start.trials_saved` says of each child knows January's run only; beside it stands
what the cold search of the month itself took to that level.

Beyond AMT: one parent of the month before, over other hyperparameters or ranges, or nine of them, beside a cold search
over the child's own space. Shown is what it changes in normalised regret (0 the best of the table, 1 its median), with
its standard error; above 0 the parent did harm.
"""

from __future__ import annotations

import copy
import itertools
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from benchmarks.tables import RANGES, table
from benchmarks.virtual_time import search
from components.amt.samplers import Finished, ParentJob, make_sampler, trials_of_another_space
from components.tuning.trials_saved import Tried, trials_saved

MONTHS = ("flights", "flights_next", "flights_march", "flights_april")
TRIALS, LONGER, SEEDS = 20, 25, 20
SHOWN = (5, 10, 25)
# The depth is what decides on these data; what the parent had it at, nobody tells the child.
HIDDEN = ("1", "6", "10")
NARROWER = {"eta": ("0.1", "0.2"), "max_depth": ("4", "10")}
WORST_RATIO, WORST_HARM = 1.0, 0.02


class _Kept:
    """A sampler whose proposals are kept."""

    def __init__(self, ranges: Mapping[str, Any], seed: int, parents: Sequence[ParentJob]) -> None:
        self._sampler = make_sampler("Bayesian", ranges, maximize=False, seed=seed, parents=parents)
        self.proposed: list[dict[str, str]] = []

    def propose(
        self, *, finished: Sequence[Finished], running: Sequence[Mapping[str, str]], number: int
    ) -> dict[str, str] | None:
        trial = self._sampler.propose(finished=finished, running=running, number=number)
        assert trial is not None
        self.proposed.append(trial)
        return trial


def run(
    month: str,
    ranges: Mapping[str, Any],
    seed: int,
    trials: int,
    parents: Sequence[ParentJob] = (),
    fixed: Mapping[str, str] | None = None,
) -> list[Finished]:
    """A search on one month, in the order of its proposals; `fixed` is what it does not tune."""
    found = table(month)

    def answer(trial: Mapping[str, str]) -> tuple[float, float]:
        row = found.nearest({**(fixed or {}), **trial})
        return float(found.finals[row]), float(found.seconds[row])

    sampler = _Kept(ranges, seed, parents)
    values = search(sampler, answer, trials)
    return [Finished(hyperparameters=t, objective=v) for t, v in zip(sampler.proposed, values, strict=True)]


def known(trials: Sequence[Finished]) -> ParentJob:
    """A parent of the same space."""
    return ParentJob(finished=trials, identical=False)


def translated(ranges: Mapping[str, Any], trials: Sequence[Finished]) -> ParentJob:
    """A parent of another space."""
    return known(trials_of_another_space(ranges, trials, maximize=False))


def spaces() -> tuple[dict[str, Any], dict[str, Any]]:
    """The four ranges without the depth, and with two of them narrower."""
    shallow = {kind: RANGES[kind] for kind in ("ContinuousParameterRanges",)}
    narrow = copy.deepcopy(RANGES)
    for entry in (*narrow["ContinuousParameterRanges"], *narrow["IntegerParameterRanges"]):
        entry["MinValue"], entry["MaxValue"] = NARROWER.get(entry["Name"], (entry["MinValue"], entry["MaxValue"]))
    return shallow, narrow


def curve(month: str, trials: Sequence[Finished]) -> list[float]:
    """Normalised regret of the best so far."""
    best = np.minimum.accumulate([trial.objective for trial in trials if trial.objective is not None])
    return [table(month).regret(float(value)) for value in best]


def trials_to(level: float, trials: Sequence[Finished]) -> int:
    """As in `warm_start`."""
    reached = [trial.objective is not None and trial.objective <= level for trial in trials]
    return reached.index(True) + 1 if any(reached) else len(trials) + 1


def along_the_months(seeds: int) -> list[Bar]:
    """January to April."""
    shown = Table("month", "parents", "cold trials", "warm trials", "ratio", "saved", "estimate", "true at its level")
    pairs: list[tuple[int, int]] = []
    rows: dict[str, list[tuple[int, int]]] = {month: [] for month in MONTHS[1:]}
    estimates: dict[str, list[tuple[int, int]]] = {month: [] for month in MONTHS[1:]}
    for seed in range(seeds):
        earlier = [run(MONTHS[0], RANGES, seed, TRIALS)]
        for month in MONTHS[1:]:
            alone = run(month, RANGES, 100 + seed, TRIALS)
            warm = run(month, RANGES, 100 + seed, TRIALS, [known(trials) for trials in reversed(earlier)])
            level = min(trial.objective for trial in alone if trial.objective is not None)
            said = trials_saved(tried(warm), tried(earlier[0]), cold_search="", maximize=False, across_data=True)
            pair = (trials_to(level, alone), trials_to(level, warm))
            if said is not None:
                estimates[month].append((said.trials, trials_to(said.objective, alone) - said.warm_trials))
            rows[month].append(pair)
            pairs.append(pair)
            earlier.append(warm)
    for number, (month, row) in enumerate(rows.items(), start=1):
        cold, taught = (statistics.median(each[side] for each in row) for side in (0, 1))
        saved = statistics.median(each[0] - each[1] for each in row)
        estimate, true = (statistics.median(each[side] for each in estimates[month]) for side in (0, 1))
        cells = (f"{cold:g}", f"{taught:g}", f"{taught / cold:.2f}", f"{saved:g}", f"{estimate:g}", f"{true:g}")
        shown.add_row(month.removeprefix("flights_"), str(number), *cells)
    cold, taught = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    fewer = sum(warm < alone for alone, warm in pairs) / len(pairs)
    shown.add_row("all", "", f"{cold:g}", f"{taught:g}", f"{taught / cold:.2f}", f"fewer in {fewer:.0%}", "", "")
    Console().print(shown)
    return [Bar.upper("e2: trials to the cold search's best, February to April", taught / cold, WORST_RATIO)]


def tried(trials: Sequence[Finished]) -> list[Tried]:
    """As the estimate takes them."""
    return [Tried(hyperparameters=trial.hyperparameters, objective=trial.objective) for trial in trials]


def beyond_amt(seeds: int) -> list[Bar]:
    """What each kind of parent changes."""
    shallow, narrow = spaces()
    changes: dict[str, list[list[float]]] = {}
    for seed in range(seeds // 2):
        for before, month in itertools.pairwise(MONTHS):
            base = {
                "cold": curve(month, run(month, RANGES, seed, LONGER)),
                "narrow": curve(month, run(month, narrow, seed, LONGER)),
                "shallow": curve(month, run(month, shallow, seed, LONGER, fixed={"max_depth": "3"})),
            }

            def compare(what: str, beside: list[float], trials: list[Finished]) -> None:
                own = curve(month, trials)  # noqa: B023  used within the turn
                changes.setdefault(what, []).append([own[n - 1] - beside[n - 1] for n in SHOWN])

            old = run(before, RANGES, 1000 + seed, TRIALS)
            compare("the same space", base["cold"], run(month, RANGES, seed, LONGER, [known(old)]))
            for depth in HIDDEN:
                other = run(before, shallow, 1000 + seed, TRIALS, fixed={"max_depth": depth})
                taught = run(month, RANGES, seed, LONGER, [translated(RANGES, other)])
                compare(f"max_depth added, was {depth}", base["cold"], taught)
            taught = run(month, shallow, seed, LONGER, [translated(shallow, old)], {"max_depth": "3"})
            compare("max_depth dropped, is 3", base["shallow"], taught)
            compare("ranges", base["narrow"], run(month, narrow, seed, LONGER, [translated(narrow, old)]))
            others = [each for each in MONTHS if each != month] * 3
            many = [run(each, RANGES, 2000 + 9 * seed + n, TRIALS) for n, each in enumerate(others)]
            taught = run(month, RANGES, seed, LONGER, [known(trials) for trials in many])
            compare("nine parents", base["cold"], taught)
    shown = Table("parent", *(f"regret at {n}, change" for n in SHOWN))
    worst = -1.0
    for what, rows in changes.items():
        values = np.array(rows)
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
        shown.add_row(what, *(f"{m:+.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True)))
        worst = max(worst, float(mean.max()))
    Console().print(shown)
    return [Bar.upper("e2: regret added by a parent beyond AMT, the worst", worst, WORST_HARM)]


def main(seeds: int = SEEDS) -> list[Bar]:
    """Measure both."""
    return along_the_months(seeds) + beyond_amt(seeds)
