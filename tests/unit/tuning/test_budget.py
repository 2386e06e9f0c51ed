"""What a search may cost at the worst, and limits that keep it within a cap."""

from __future__ import annotations

import random

import pytest

from components.errors import OverBudget
from components.tuning.budget import LEAST_RUNTIME_S, STOP_GRACE_S, Limits, within_cap

HOUR = Limits(jobs=50, parallel=3, job_runtime_s=600, runtime_s=3600)
USD_PER_S = 0.115 / 3600


def test_the_worst_case_is_the_smaller_of_both_bounds() -> None:
    """Every training job to its limit, or all that run together until the tuning job's limit and its grace."""
    assert HOUR.worst_case_usd(USD_PER_S) == pytest.approx(USD_PER_S * 3 * 3720)
    few = Limits(jobs=2, parallel=2, job_runtime_s=600, runtime_s=3600)
    assert few.worst_case_usd(USD_PER_S) == pytest.approx(USD_PER_S * 2 * 600)


def test_time_is_lowered_before_anything_else() -> None:
    """Half the money is half the time, as far as AMT's least; the number of training jobs stays."""
    cap_usd = HOUR.worst_case_usd(USD_PER_S) / 2
    limits = within_cap(HOUR, usd_per_s=USD_PER_S, cap_usd=cap_usd, shrink=True, law="cap")
    assert limits == Limits(jobs=50, parallel=3, job_runtime_s=600, runtime_s=1740)


def test_training_jobs_are_left_out_only_when_asked() -> None:
    """Where AMT's shortest search costs too much: refused with the numbers, or fewer training jobs."""
    cap_usd = USD_PER_S * 650
    with pytest.raises(OverBudget, match=r"within cap of 0\.02 USD, got 0\.36 USD, and 0\.02 USD .*on_cap to shrink"):
        within_cap(HOUR, usd_per_s=USD_PER_S, cap_usd=cap_usd, shrink=False, law="cap")
    limits = within_cap(HOUR, usd_per_s=USD_PER_S, cap_usd=cap_usd, shrink=True, law="cap")
    assert (limits.jobs, limits.parallel) == (1, 1)
    with pytest.raises(OverBudget, match="one training job alone can cost"):
        within_cap(HOUR, usd_per_s=USD_PER_S, cap_usd=USD_PER_S * 599, shrink=True, law="cap")


def test_any_limits_within_a_cap_cost_no_more_than_it() -> None:
    """Over ten thousand draws the worst case of what is allowed is within the cap, and nothing cheap is changed."""
    draw = random.Random(0)  # noqa: S311  repeatable draws
    for _ in range(10_000):
        wanted = Limits(
            jobs=draw.randint(1, 750),
            parallel=draw.randint(1, 20),
            job_runtime_s=draw.randint(1, 10_000),
            runtime_s=draw.randint(LEAST_RUNTIME_S, 100_000),
        )
        usd_per_s, cap_usd = draw.uniform(1e-6, 1e-2), 10 ** draw.uniform(-3, 3)
        try:
            limits = within_cap(wanted, usd_per_s=usd_per_s, cap_usd=cap_usd, shrink=draw.random() < 0.5, law="cap")
        except OverBudget:
            assert wanted.worst_case_usd(usd_per_s) > cap_usd
            continue
        assert limits.worst_case_usd(usd_per_s) <= cap_usd * (1 + 1e-9)
        assert limits.runtime_s >= LEAST_RUNTIME_S
        if wanted.worst_case_usd(usd_per_s) <= cap_usd:
            assert limits == wanted


def test_no_cap_changes_nothing() -> None:
    """Null is no cap."""
    assert within_cap(HOUR, usd_per_s=1e6, cap_usd=None, shrink=False, law="cap") is HOUR
    assert STOP_GRACE_S == 120
