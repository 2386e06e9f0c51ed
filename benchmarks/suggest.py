"""(g) What one proposal costs at 50, 200 and 750 trials: CPU seconds, one process, beside Optuna's GPSampler."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.methods import method
from benchmarks.tables import ROOT

SIZES = (50, 200, 750)
REPEATS = 5
SPACES: dict[str, dict[str, Any]] = {
    "6 continuous": {
        "ContinuousParameterRanges": [
            {"Name": f"x{i}", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"} for i in range(6)
        ]
    },
    "4 continuous, 2 integers, 2 categories": {
        "ContinuousParameterRanges": [
            {"Name": f"x{i}", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"} for i in range(4)
        ],
        "IntegerParameterRanges": [{"Name": f"n{i}", "MinValue": "1", "MaxValue": "64"} for i in range(2)],
        "CategoricalParameterRanges": [{"Name": f"c{i}", "Values": ["a", "b", "c", "d"]} for i in range(2)],
    },
}


def cpu_ms(name: str, space: str, trials: int) -> float:
    """Median CPU milliseconds of a proposal with so many finished trials and two that run."""
    from components.amt.samplers import Finished, make_sampler

    ranges = SPACES[space]
    rng = np.random.default_rng(trials)
    draw = make_sampler("Random", ranges, maximize=False, seed=3)
    drawn = [draw.propose(finished=[], running=[], number=number) for number in range(1, trials + 3)]
    configurations = [trial for trial in drawn if trial is not None]
    finished = [
        Finished(hyperparameters=trial, objective=_objective(trial) + 0.01 * float(rng.standard_normal()))
        for trial in configurations[:trials]
    ]
    sampler = method(name, ranges, seed=1)
    taken = []
    for repeat in range(REPEATS + 1):
        began = time.process_time()
        sampler.propose(finished=finished, running=configurations[trials:], number=trials + 3 + repeat)
        taken.append(time.process_time() - began)
    return statistics.median(taken[1:]) * 1000


def _objective(trial: dict[str, str]) -> float:
    return sum((float(value) - 0.3) ** 2 for name, value in trial.items() if name.startswith("x")) + sum(
        value == "a" for name, value in trial.items() if name.startswith("c")
    )


def main() -> list[Any]:
    """Measure ours here and GPSampler in the peers' environment."""
    from rich.console import Console
    from rich.table import Table

    from benchmarks.bars import Bar

    rows = {("Bayesian", space): [cpu_ms("Bayesian", space, trials) for trials in SIZES] for space in SPACES}
    rows |= _peers()
    shown = Table("method", "space", *(f"{trials} trials" for trials in SIZES), title="CPU ms of one proposal")
    for (name, space), values in rows.items():
        shown.add_row(name, space, *(f"{value:.0f}" for value in values))
    Console().print(shown)
    bars = []
    for space in SPACES:
        _, at_200, at_750 = rows["Bayesian", space]
        peer = rows.get(("GPSampler", space), [math.nan] * 3)[1]
        bars += [
            Bar.upper(f"g: CPU ms at 200 trials, {space}", at_200, 100.0),
            Bar.upper(f"g: 750 trials over 200, {space}", at_750 / at_200, 3.0),
            Bar.upper(f"g: at 200 trials, of GPSampler's CPU, {space}", at_200 / peer, 1.0),
        ]
    return bars


def _peers() -> dict[tuple[str, str], list[float]]:
    python = ROOT / ".venv-bench" / "bin" / "python"
    if not python.is_file():
        return {}
    done = subprocess.run([python, "-m", "benchmarks.suggest"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr[-2000:], file=sys.stderr)
        return {}
    return {("GPSampler", space): values for space, values in json.loads(done.stdout.splitlines()[-1]).items()}


if __name__ == "__main__":
    print(json.dumps({space: [cpu_ms("GPSampler", space, trials) for trials in SIZES] for space in SPACES}))
