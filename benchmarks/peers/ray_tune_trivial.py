"""Ray Tune: an actor process for each trial, two at a time."""

from __future__ import annotations

import json
import sys
import time

import ray
from ray import tune


def train(config: dict[str, float]) -> None:
    """Report once."""
    del config
    tune.report({"loss": 0.5})


def main() -> None:
    """Run so many trials; the seconds over them."""
    trials = int(sys.argv[1])
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    tuner = tune.Tuner(
        train,
        param_space={"x": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(num_samples=trials, metric="loss", mode="min"),
    )
    began = time.perf_counter()
    tuner.fit()
    print(json.dumps({"ms_per_trial": (time.perf_counter() - began) / trials * 1000}))


main()
