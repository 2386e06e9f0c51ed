"""`tune`: create or re-attach, follow, collect - on a scripted engine that answers as AMT does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.errors import Cancelled, JobDiffers, Refused
from tests.unit.tuning.scripted_amt import ScriptedAmt, run


def test_a_new_run_creates_its_first_attempt_with_all_jobs() -> None:
    """Nothing there: one Create, all pages of trials collected, seconds summed."""
    amt = ScriptedAmt()

    result = run(amt)

    assert [request["jobs"] for request in amt.requests] == [5]
    assert [trial.number for trial in result.trials] == [1, 2, 3, 4, 5]
    assert result.best.objective == 4.0
    assert (result.training_seconds, result.billable_seconds) == (10, 5)


def test_a_completed_job_is_collected_not_created_again() -> None:
    """Completed = collect."""
    amt = ScriptedAmt()
    amt.add("job-01", status="Completed", completed=3)

    result = run(amt)

    assert amt.requests == []
    assert len(result.trials) == 3


@pytest.mark.parametrize(("status", "failed", "left"), [("Stopped", 1, 2), ("Failed", 1, 3)])
def test_an_attempt_that_ended_early_is_followed_by_one_for_what_is_left(status: str, failed: int, left: int) -> None:
    """Finished trials of earlier attempts are counted, and the result spans all attempts."""
    amt = ScriptedAmt()
    amt.add("job-01", status=status, completed=2, failed=failed)

    result = run(amt)

    assert [(r["HyperParameterTuningJobName"], r["jobs"], r["used_s"]) for r in amt.requests] == [("job-02", left, 60)]
    assert result.attempts == ("job-01", "job-02")
    assert result.count("Completed") == 2 + left


def test_the_next_attempt_is_warm_started_from_the_last_five() -> None:
    """AMT takes five parents at most: the latest ones; the first attempt has none."""
    amt = ScriptedAmt()
    run(amt)
    assert amt.requests[0]["parents"] == ()
    amt = ScriptedAmt()
    for number in range(1, 8):
        amt.add(f"job-{number:02d}", status="Stopped", completed=1)
    run(amt, max_jobs=10)
    assert amt.requests[0]["jobs"] == 3
    assert amt.requests[0]["parents"] == tuple(f"job-{number:02d}" for number in range(3, 8))


def test_an_attempt_has_no_parents_beyond_the_quota() -> None:
    """Parents' training jobs count towards AMT's 750, so failures of earlier attempts may leave no room for them."""
    amt = ScriptedAmt()
    amt.add("job-01", status="Failed", completed=0, failed=5)
    run(amt, max_jobs=745)
    amt_without = ScriptedAmt()
    amt_without.add("job-01", status="Failed", completed=0, failed=5)
    run(amt_without, max_jobs=746)
    assert amt.requests[0]["parents"] == ("job-01",)
    assert amt_without.requests[0]["parents"] == ()


def test_a_search_whose_time_ran_out_without_an_objective_goes_on() -> None:
    """Completed says nothing of a search that found nothing: the same command, perhaps with more time, trains on."""
    amt = ScriptedAmt()
    amt.add("job-01", status="Completed", completed=0)

    assert len(run(amt).trials) == 5
    assert [request["jobs"] for request in amt.requests] == [5]


def test_a_job_that_another_command_created_meanwhile_is_attached_to() -> None:
    """Two commands on one run at once: the slower one's Create is refused, and it watches."""

    class Slower(ScriptedAmt):
        def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, str]:
            super().create_hyper_parameter_tuning_job(**request)
            raise ClientError({"Error": {"Code": "ResourceInUse", "Message": "already exists"}}, "Create")

    assert len(run(Slower()).trials) == 5


def test_another_command_s_job_is_not_stopped_for_having_other_limits() -> None:
    """The same run with other caps is the same job: whoever comes second follows it as it is."""

    class Slower(ScriptedAmt):
        def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, str]:
            super().create_hyper_parameter_tuning_job(**{**request, "limits": "theirs"})
            raise ClientError({"Error": {"Code": "ResourceInUse", "Message": "already exists"}}, "Create")

    amt = Slower()
    assert len(run(amt).trials) == 5
    assert amt.stopped == []


def test_a_created_job_that_differs_is_stopped() -> None:
    """What this command created itself and got otherwise, such as without Spot, does not go on costing money."""

    class Forgetful(ScriptedAmt):
        def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, str]:
            return super().create_hyper_parameter_tuning_job(**{**request, "jobs": request["jobs"] - 1})

    amt = Forgetful()
    with pytest.raises(JobDiffers, match="jobs: asked for 5, got 4"):
        run(amt)
    assert len(amt.stopped) == 1


def test_a_job_stopped_after_its_last_trial_is_collected() -> None:
    """Nothing is left to train."""
    amt = ScriptedAmt()
    amt.add("job-01", status="Stopped", completed=5)

    assert len(run(amt).trials) == 5
    assert amt.requests == []


def test_a_job_of_somebody_else_is_refused() -> None:
    """The full digest is checked on re-attach; a name alone proves nothing."""
    amt = ScriptedAmt()
    amt.add("job-01", status="InProgress", completed=0, digest="x")

    with pytest.raises(Refused, match="belongs to somebody else"):
        run(amt)


def test_cancelling_stops_the_job_and_says_how_to_go_on() -> None:
    """A cancelled run asks the engine to stop, waits for the end, and is resumable."""
    amt = ScriptedAmt(ends={"job-01": "InProgress"})

    with pytest.raises(Cancelled, match="the same command goes on"):
        run(amt, cancelled=lambda: True)

    assert amt.stopped == ["job-01"]
