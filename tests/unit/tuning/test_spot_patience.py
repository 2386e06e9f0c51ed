"""`spot: prefer`, and stops that are heard: on a virtual clock, with and without Spot instances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from components.errors import Cancelled, JobDiffers
from components.tuning.attempts import Attempt, Search
from components.tuning.budget import Limits
from components.tuning.engine import Progress, begin
from components.tuning.job_check import charged
from components.tuning.trial_reader import TrialReader
from tests.unit.tuning.virtual_amt import VirtualAmt
from tests.unit.tuning.virtual_searches import engine_of, purse_of, run, search_of


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


def waiting(tmp_path: Path, *, spot: bool = False) -> tuple[VirtualAmt, Search]:
    """A Spot search that is created and that nothing starts for."""
    amt = VirtualAmt(4, billed=1.0, spot=spot)
    purse = purse_of(amt, tmp_path, cap_usd=None)
    wanted = Limits(jobs=6, parallel=2, job_runtime_s=300, runtime_s=7200)
    search = search_of(purse, wanted, spot=True, spot_patience_s=600)
    amt.create_hyper_parameter_tuning_job(**search.request_for(Attempt(number=1, jobs=6, used_s=0)))
    return amt, search


def test_a_stop_somebody_asked_for_buys_nothing_on_demand(tmp_path: Path) -> None:
    """Stopped elsewhere just before the patience is over, or cancelled while that stop is under way: it ends there."""
    amt, search = waiting(tmp_path / "elsewhere")
    seen: list[str] = []

    def stop_at(progress: Progress) -> None:
        seen.append(progress.status)
        if amt.now_s - amt.jobs["job-1"].created_s >= 540 and progress.status == "InProgress":
            amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="job-1")

    with pytest.raises(Cancelled, match="job-1 was stopped"):
        run(amt, search, poll_s=60, observe=stop_at)
    assert list(amt.jobs) == ["job-1"]

    amt, search = waiting(tmp_path / "meanwhile")
    with pytest.raises(Cancelled, match="job-1 was stopped"):
        run(amt, search, poll_s=60, cancelled=lambda: amt.jobs["job-1"].stopping)
    assert list(amt.jobs) == ["job-1"]


def test_another_process_s_patience_is_known_by_the_record(tmp_path: Path) -> None:
    """A run killed during its own stop for want of Spot is taken up on demand, not told that somebody cancelled it."""
    amt, search = waiting(tmp_path)
    amt.sleep(700)

    def stop_first(_: Progress) -> None:
        if not amt.jobs["job-1"].stopping:
            amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="job-1")

    result = run(amt, search, poll_s=60, observe=stop_first)
    assert (result.tuning_job, result.status) == ("job-2", "Completed")


def test_patience_leaves_half_of_the_time_for_training(tmp_path: Path) -> None:
    """Where a cap has left the search less time than the patience, it goes on on demand all the same."""
    amt = VirtualAmt(4, billed=1.0, spot=False)
    wanted = Limits(jobs=6, parallel=2, job_runtime_s=60, runtime_s=500)
    search = search_of(purse_of(amt, tmp_path, cap_usd=None), wanted, spot=True, spot_patience_s=900)
    assert run(amt, search, poll_s=30).tuning_job == "job-2"


def test_an_interrupt_is_heard_although_the_job_ended_first(tmp_path: Path) -> None:
    """Between the last look and Ctrl-C the search may have ended: the line does not go on to promote all the same."""
    amt = VirtualAmt(4, billed=1.0)
    search = search_of(
        purse_of(amt, tmp_path, cap_usd=None), Limits(jobs=2, parallel=2, job_runtime_s=300, runtime_s=7200)
    )

    def interrupted(_name: str, _seconds: float) -> None:
        amt.sleep(7200)
        raise KeyboardInterrupt

    with pytest.raises(Cancelled, match="had ended when it was to stop"):
        run(amt, search, poll_s=60, engine=replace(engine_of(amt), wait=interrupted))
    assert amt.jobs["job-1"].ended_s is not None
    assert run(amt, search, poll_s=60).status == "Completed", "the same command collects it"


def test_a_job_that_is_charged_otherwise_is_stopped_when_attached_to(tmp_path: Path) -> None:
    """A Create whose answer was lost, or a run killed before it looked: the job is compared when it is taken up."""
    amt, search = waiting(tmp_path, spot=True)
    asked = charged(amt.jobs["job-1"].request["TrainingJobDefinition"])
    fine = replace(search, charged=(asked,))
    begin(engine_of(amt), fine, TrialReader(amt))
    with pytest.raises(JobDiffers, match="job-1 is not charged as asked for and has been stopped"):
        begin(
            engine_of(amt), replace(search, charged=({**asked, "EnableManagedSpotTraining": False},)), TrialReader(amt)
        )
    assert amt.jobs["job-1"].stopping
