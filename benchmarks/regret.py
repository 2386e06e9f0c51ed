"""(c) How good the best of 20 and of 50 trials is: 3 at a time, 20 seeds, six tasks, beside Optuna's samplers.

Regret is normalised per task: 0 is the best known value, 1 that of a median random configuration. Every run is kept in
`benchmarks/.cache/` under its method, task, seed and a digest of the sampler's source, so a repetition is quick and a
change of the sampler is measured anew. GPSampler needs torch and runs in the peers' environment (`.venv-bench`).
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import synthetic
from benchmarks.methods import METHODS, method
from benchmarks.tables import CACHE, RANGES, ROOT, table
from benchmarks.virtual_time import search

TRIALS, SEEDS = 50, 20
TABLES = ("digits", "breast_cancer", "bank", "flights")
SYNTHETIC = {
    "mixed7": (synthetic.MIXED7, synthetic.mixed7, synthetic.MIXED7_OPTIMUM, synthetic.MIXED7_MEDIAN),
    "branin_kind": (
        synthetic.BRANIN_KIND,
        synthetic.branin_kind,
        synthetic.BRANIN_KIND_OPTIMUM,
        synthetic.BRANIN_KIND_MEDIAN,
    ),
}
TASKS = (*SYNTHETIC, *TABLES)
IN_PEERS = ("GPSampler",)
AWS_ACCURACY = 0.89815  # AMT's own best of 50 on digits, published


def values_of(name: str, task: str, seed: int) -> list[float]:
    """Objectives of one search, in the order of its proposals; from the cache if it has been run."""
    path = CACHE / "regret" / f"{name}-{_digest() if name == 'Bayesian' else 'optuna5'}-{task}-{seed}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(_run(name, task, seed)))
        temporary.replace(path)
    return list(json.loads(path.read_text()))


def _run(name: str, task: str, seed: int) -> list[float]:
    if task in SYNTHETIC:
        ranges, function, _, _ = SYNTHETIC[task]
        rng = np.random.default_rng((seed, 99))
        return search(
            method(name, ranges, seed=seed), lambda trial: (function(trial), float(rng.lognormal(0, 0.5))), TRIALS
        )
    known = table(task)
    finals = known.finals

    def answer(trial: Mapping[str, str]) -> tuple[float, float]:
        row = known.nearest(trial)
        return float(finals[row]), float(known.seconds[row])

    return search(method(name, RANGES, seed=seed), answer, TRIALS)


def regret(task: str, value: float) -> float:
    """Normalised regret of an objective."""
    if task in SYNTHETIC:
        _, _, best, median = SYNTHETIC[task]
        return (value - best) / (median - best)
    return table(task).regret(value)


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((ROOT / "components" / "amt" / "samplers").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def regrets(name: str, trials: int, seeds: int) -> np.ndarray[Any, Any]:
    """Regret of the best of so many trials, shape (tasks, seeds)."""
    return np.array(
        [[regret(task, min(values_of(name, task, seed)[:trials])) for seed in range(seeds)] for task in TASKS]
    )


def run_peers(seeds: int) -> None:
    """Fill the cache with the methods that need the peers' environment; what fails is missing."""
    python = ROOT / ".venv-bench" / "bin" / "python"
    for name in IN_PEERS:
        if python.is_file():
            subprocess.run([python, "-m", "benchmarks.regret", name, str(seeds)], cwd=ROOT, check=False)


def main(seeds: int = SEEDS) -> list[Any]:
    """Run what is not in the cache, print the tables, and hold the results against the bars."""
    from rich.console import Console
    from rich.table import Table
    from scipy.stats import wilcoxon

    from benchmarks.bars import Bar

    run_peers(seeds)
    results: dict[str, np.ndarray[Any, Any]] = {}
    for name in METHODS:
        if name in IN_PEERS and not _is_complete(name, seeds):
            continue
        results[name] = regrets(name, TRIALS, seeds)
    for trials in (20, 50):
        shown = Table("method", *TASKS, "mean", title=f"mean normalised regret of {trials} trials, {seeds} seeds")
        for name in results:
            rows = regrets(name, trials, seeds)
            shown.add_row(name, *(f"{value:.3f}" for value in rows.mean(axis=1)), f"{rows.mean():.3f}")
        Console().print(shown)
    best = {name: [1 - min(values_of(name, "digits", seed)) for seed in range(seeds)] for name in results}
    for name, values in best.items():
        reached = sum(value >= AWS_ACCURACY - 1e-5 for value in values)
        print(f"digits, {name}: mean best {np.mean(values):.4f}, {reached} of {seeds} seeds reach {AWS_ACCURACY}")
    ours, tpe = results["Bayesian"].ravel(), results["TPE"].ravel()
    other = results["GPSampler"].mean() if "GPSampler" in results else math.nan
    return [
        Bar.upper("c: mean regret at 50 over TPE's", ours.mean() / tpe.mean(), 1.0),
        Bar.upper("c: p of ours being better than TPE, paired", wilcoxon(ours, tpe, alternative="less").pvalue, 0.05),
        Bar.upper("c: mean regret at 50 over GPSampler's", ours.mean() / other, 1.0),
        Bar.lower("c: digits, mean best above TPE's", np.mean(best["Bayesian"]) - np.mean(best["TPE"]), 0.0),
        Bar.lower("c: digits, mean best above Random's", np.mean(best["Bayesian"]) - np.mean(best["Random"]), 0.0),
    ]


def _is_complete(name: str, seeds: int) -> bool:
    return all(
        Path(CACHE / "regret" / f"{name}-optuna5-{task}-{seed}.json").exists()
        for task in TASKS
        for seed in range(seeds)
    )


if __name__ == "__main__":
    for wanted_seed in range(int(sys.argv[2])):
        for wanted_task in TASKS:
            values_of(sys.argv[1], wanted_task, wanted_seed)
