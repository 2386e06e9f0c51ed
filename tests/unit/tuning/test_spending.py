"""A run's money: a thousand searches on a virtual clock never cost more than their cap, and give what they bought."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.errors import OverBudget, TuningFailed
from components.tuning.attempts import Attempt, Search
from components.tuning.budget import LEAST_RUNTIME_S, Limits
from components.tuning.ledger import month_of, total_usd
from components.tuning.spending import reconcile
from tests.unit.tuning.virtual_amt import VirtualAmt
from tests.unit.tuning.virtual_searches import purse_of, run, search_of


def test_a_thousand_searches_stay_within_their_caps(tmp_path: Path) -> None:
    """Whatever durations, failures, delays and caps: never dearer, and a result whenever a trial succeeded."""
    # A started second is charged whole: the cap may be passed by one second a training job.
    draw = random.Random(1)  # noqa: S311  repeatable draws
    shortened, refused, unlimited = 0, 0, 0
    for seed in range(1000):
        amt = VirtualAmt(seed, billed=draw.choice([1.0, 1.0, 0.35]))
        wanted = Limits(
            jobs=draw.randint(1, 40),
            parallel=1,
            job_runtime_s=draw.randint(30, 3000),
            runtime_s=draw.randint(LEAST_RUNTIME_S, 20_000),
        )
        wanted = Limits(**{**wanted.__dict__, "parallel": draw.randint(1, min(10, wanted.jobs))})
        cap_usd = 10 ** draw.uniform(-1, 1.5)
        purse = purse_of(amt, tmp_path / str(seed), cap_usd=cap_usd, shrink=draw.random() < 0.3)
        try:
            result = run(amt, search_of(purse, wanted), poll_s=draw.choice([15.0, 60.0, 300.0]))
        except OverBudget:
            refused += 1
            assert not amt.jobs, "refused before anything was created"
            continue
        rounding_usd = purse.usd_per_s * sum(len(job.trials) for job in amt.jobs.values())
        assert amt.charged_s() * purse.usd_per_s <= cap_usd + rounding_usd, (seed, wanted, cap_usd)
        succeeded = any(not t.fails and not t.stopped for job in amt.jobs.values() for t in job.trials)
        assert (result.best is not None) == succeeded
        limits = amt.jobs["job-1"].request["HyperParameterTuningJobConfig"]["ResourceLimits"]
        shortened += limits["MaxRuntimeInSeconds"] < wanted.runtime_s
        unlimited += limits["MaxRuntimeInSeconds"] == wanted.runtime_s
    assert min(shortened, refused, unlimited) > 50, "the draws must reach every case"


def test_the_watch_stops_what_costs_more_than_it_should(tmp_path: Path) -> None:
    """Were AMT's own limits not kept, the watch ends the search within the cap, and what was bought is the result."""
    amt = VirtualAmt(3, billed=1.0)
    purse = purse_of(amt, tmp_path, cap_usd=2.0)
    search = search_of(purse, Limits(jobs=40, parallel=4, job_runtime_s=300, runtime_s=20_000))

    def unlimited(attempt: Attempt) -> Mapping[str, Any]:
        request: Any = search.request_for(attempt)
        request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 1_000_000
        return request

    result = run(amt, Search(**{**search.__dict__, "request_for": unlimited}), poll_s=5.0)

    assert result.ended_by is not None
    assert "max_cost_usd of 2.00" in result.ended_by
    assert result.best is not None
    assert amt.charged_s() * purse.usd_per_s <= 2.0 + 0.001 * 60


def test_a_spent_run_gives_what_it_bought_and_starts_nothing(tmp_path: Path) -> None:
    """The same command after a search that was stopped for its cap: collected, not begun again."""
    amt = VirtualAmt(3, billed=1.0)
    purse = purse_of(amt, tmp_path, cap_usd=2.0)
    wanted = Limits(jobs=40, parallel=4, job_runtime_s=300, runtime_s=20_000)
    first = run(amt, search_of(purse, wanted), poll_s=5.0)
    amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="job-1")
    again = run(amt, search_of(purse, wanted), poll_s=5.0)
    assert again.best == first.best
    assert list(amt.jobs) == ["job-1"]


def test_runs_at_the_same_time_share_a_month(tmp_path: Path) -> None:
    """Five searches, one monthly cap: together within it; a dead one's reservation is settled by what it came to."""
    amt = VirtualAmt(5, billed=1.0)
    purse = purse_of(amt, tmp_path, cap_usd=None, month_cap_usd=6.0)
    wanted = Limits(jobs=10, parallel=2, job_runtime_s=300, runtime_s=1000)
    names = [f"job{number}" for number in range(5)]
    started = []
    for name in names:  # created, none followed: their processes die here
        try:
            request = search_of(purse, wanted, name).request_for(Attempt(number=1, jobs=10, used_s=0))
        except OverBudget:
            continue
        amt.create_hyper_parameter_tuning_job(**request)
        started.append(name)
    ledger, month = purse.ledger, month_of(amt.now_s)
    assert 0 < len(started) < 5
    assert total_usd(ledger.entries(), month) <= 6.0
    with pytest.raises(OverBudget, match="this month's"):  # a plan says what a run would be told
        purse.afford("another", wanted, spent_usd=0.0)
    amt.sleep(5000)
    reconcile(ledger, amt, region="us-east-1", now_s=amt.now_s)
    assert total_usd(ledger.entries(), month) == pytest.approx(amt.charged_s() * purse.usd_per_s)
    assert all(entry.spent_usd is not None for entry in ledger.entries())


def test_a_reservation_without_a_job_is_let_go_after_a_while(tmp_path: Path) -> None:
    """A run that died between reserving and creating takes nothing of the month for ever."""
    amt = VirtualAmt(5, billed=1.0)
    purse = purse_of(amt, tmp_path)
    wanted = Limits(jobs=1, parallel=1, job_runtime_s=60, runtime_s=120)
    purse.reserve("never", wanted, spent_usd=0.0)
    reconcile(purse.ledger, amt, region="us-east-1", now_s=amt.now_s + 60)
    assert purse.ledger.entries()[0].spent_usd is None
    reconcile(purse.ledger, amt, region="us-east-1", now_s=amt.now_s + 3600)
    assert purse.ledger.entries()[0].spent_usd == 0.0


def test_a_job_of_another_region_keeps_its_reservation(tmp_path: Path) -> None:
    """One ledger for several regions: a job that cannot be seen from here is not taken for one that never was."""
    amt = VirtualAmt(5, billed=1.0)
    purse = purse_of(amt, tmp_path, region="eu-west-1")
    purse.reserve("far", Limits(jobs=1, parallel=1, job_runtime_s=60, runtime_s=120), spent_usd=0.0)
    reconcile(purse.ledger, amt, region="us-east-1", now_s=amt.now_s + 86_400)
    assert purse.ledger.entries()[0].spent_usd is None


def test_no_money_and_nothing_bought_is_refused(tmp_path: Path) -> None:
    """A cap that pays for nothing is an error with its numbers, before anything is created."""
    amt = VirtualAmt(5, billed=1.0)
    purse = purse_of(amt, tmp_path, cap_usd=0.001)
    with pytest.raises((OverBudget, TuningFailed), match=r"within budget\.max_cost_usd of 0\.00 USD"):
        run(amt, search_of(purse, Limits(jobs=5, parallel=1, job_runtime_s=60, runtime_s=600)), poll_s=5.0)
    assert amt.jobs == {}
