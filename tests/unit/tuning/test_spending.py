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
from components.tuning.engine import Clock, Engine, begin, tune
from components.tuning.ledger import SqliteLedger, month_of, total_usd
from components.tuning.prices import Price
from components.tuning.result import TuningResult
from components.tuning.spending import Purse, reconcile
from components.tuning.trial_reader import TrialReader
from tests.unit.tuning.virtual_amt import VirtualAmt


def purse_of(amt: VirtualAmt, folder: Path, **changes: Any) -> Purse:
    parts: dict[str, Any] = {
        "model": "m",
        "price": Price(instance_type="ml.m5.large", usd_per_hour=3.6, source="test"),  # a tenth of a cent a second
        "region": "us-east-1",
        "instances": 1,
        "cap_usd": 5.0,
        "month_cap_usd": None,
        "shrink": False,
        "ledger": SqliteLedger(folder / "ledger.sqlite"),
        "clock": lambda: amt.now_s,
    }
    return Purse(**{**parts, **changes})


def search_of(
    purse: Purse, wanted: Limits, name: str = "job", *, spot: bool = False, spot_patience_s: float | None = None
) -> Search:
    def request_for(attempt: Attempt) -> Mapping[str, Any]:
        limits = purse.reserve(
            f"{name}-{attempt.number}",
            Limits(
                jobs=attempt.jobs,
                parallel=min(wanted.parallel, attempt.jobs),
                job_runtime_s=wanted.job_runtime_s,
                runtime_s=max(LEAST_RUNTIME_S, wanted.runtime_s - attempt.used_s),
            ),
            spent_usd=attempt.billable_s * purse.usd_per_s,
        )
        return {
            "HyperParameterTuningJobName": f"{name}-{attempt.number}",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": limits.jobs,
                    "MaxParallelTrainingJobs": limits.parallel,
                    "MaxRuntimeInSeconds": limits.runtime_s,
                },
            },
            "TrainingJobDefinition": {
                "StoppingCondition": {"MaxRuntimeInSeconds": limits.job_runtime_s},
                "EnableManagedSpotTraining": spot and not attempt.on_demand,
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
        }

    return Search(
        name_of=lambda attempt: f"{name}-{attempt}",
        request_for=request_for,
        digest="d",
        max_jobs=wanted.jobs,
        maximize=True,
        why_stop=lambda trials: purse.why_stop(trials, wanted.job_runtime_s),
        spot_patience_s=spot_patience_s,
    )


def engine_of(amt: VirtualAmt) -> Engine:
    return Engine(
        name="virtual",
        client=amt,
        wait=lambda _name, seconds: amt.sleep(seconds),
        curve=lambda _job, _after: (),
        log=lambda _job: "",
        close=lambda: None,
    )


def run(amt: VirtualAmt, search: Search, poll_s: float) -> TuningResult:
    return tune(
        engine_of(amt),
        search,
        observe=lambda _progress: None,
        cancelled=lambda: False,
        poll_s=poll_s,
        clock=Clock(monotonic=lambda: amt.now_s, sleep=amt.sleep),
    )


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


def test_no_spot_instance_for_so_long_means_on_demand(tmp_path: Path) -> None:
    """With `spot: prefer` a search that nothing starts for is stopped and made again on demand, within the same cap."""
    amt = VirtualAmt(4, billed=1.0, spot=False)
    purse = purse_of(amt, tmp_path, cap_usd=2.0)
    wanted = Limits(jobs=6, parallel=2, job_runtime_s=300, runtime_s=7200)
    began_s = amt.now_s
    result = run(amt, search_of(purse, wanted, spot=True, spot_patience_s=600), poll_s=60)

    first, second = amt.jobs.values()
    assert 600 <= (first.ended_s or 0) - began_s < 900
    assert [each.request["TrainingJobDefinition"]["EnableManagedSpotTraining"] for each in (first, second)] == [
        True,
        False,
    ]
    assert (result.tuning_job, result.status, result.ended_by) == ("job-2", "Completed", None)
    assert len(second.trials) == 6
    assert amt.charged_s() * purse.usd_per_s <= 2.0 + purse.usd_per_s * 6


def test_a_spot_search_that_has_started_stays_on_spot(tmp_path: Path) -> None:
    """Patience is for the first start: afterwards, and without `prefer`, nothing is stopped for being slow."""
    wanted = Limits(jobs=6, parallel=2, job_runtime_s=300, runtime_s=7200)
    for patience_s in (600.0, None):
        amt = VirtualAmt(4, billed=1.0)
        purse = purse_of(amt, tmp_path / str(patience_s), cap_usd=None)
        run(amt, search_of(purse, wanted, spot=True, spot_patience_s=patience_s), poll_s=60)
        assert list(amt.jobs) == ["job-1"]


def test_a_run_taken_up_after_waiting_in_vain_goes_on_on_demand(tmp_path: Path) -> None:
    """What is on record decides: stopped early by hand, the next attempt is on Spot; after the patience, on demand."""
    for stopped_after_s, on_demand in ((60.0, False), (700.0, True)):
        amt = VirtualAmt(4, billed=1.0, spot=False)
        purse = purse_of(amt, tmp_path / str(stopped_after_s), cap_usd=None)
        wanted = Limits(jobs=6, parallel=2, job_runtime_s=300, runtime_s=7200)
        search = search_of(purse, wanted, spot=True, spot_patience_s=600)
        amt.create_hyper_parameter_tuning_job(**search.request_for(Attempt(number=1, jobs=6, used_s=0)))
        amt.sleep(stopped_after_s)
        amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="job-1")
        amt.sleep(1)
        begin(engine_of(amt), search, TrialReader(amt))
        definition = amt.jobs["job-2"].request["TrainingJobDefinition"]
        assert definition["EnableManagedSpotTraining"] is not on_demand


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
