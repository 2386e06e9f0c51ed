"""Syne Tune's local backend: a script in a process of its own for each trial, two at a time, its fastest polling."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import RandomSearch

SCRIPT = """
import argparse
from syne_tune import Reporter
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.parse_known_args()
Reporter()(loss=0.5)
"""


def main() -> None:
    """Run so many trials; the seconds over them."""
    trials = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(SCRIPT)
        tuner = Tuner(
            trial_backend=LocalBackend(entry_point=str(script)),
            scheduler=RandomSearch(config_space={"x": uniform(0, 1)}, metrics=["loss"]),
            stop_criterion=StoppingCriterion(max_num_trials_finished=trials),
            n_workers=2,
            sleep_time=0.02,
            save_tuner=False,
        )
        began = time.perf_counter()
        tuner.run()
        print(json.dumps({"ms_per_trial": (time.perf_counter() - began) / trials * 1000}))


main()
