"""`tune` interrupted by a signal or an error: the job is stopped, or left to be taken up again."""

from __future__ import annotations

from typing import Any

import pytest

from components.errors import Cancelled
from tests.unit.tuning.scripted_amt import ScriptedAmt, run


class Signal(BaseException):
    """What a signal's handler raises wherever the process is."""


class SignalledAmt(ScriptedAmt):
    """An engine during one of whose calls the process is told to end."""

    def __init__(self, during: str) -> None:
        super().__init__(ends={"job-01": "InProgress"})
        self.during = during

    def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, str]:
        super().create_hyper_parameter_tuning_job(**request)
        return self._reached("create")

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        return {**super().list_training_jobs_for_hyper_parameter_tuning_job(**request), **self._reached("look")}

    def _reached(self, call: str) -> dict[str, Any]:
        if call == self.during:
            self.during = ""
            raise Signal
        return {}


@pytest.mark.parametrize("during", ["create", "look"])
def test_a_signal_that_means_cancel_stops_the_job_wherever_it_comes(during: str) -> None:
    """Also when the answer to Create was still to come: the job that is there is stopped, and its end awaited."""
    amt = SignalledAmt(during)

    with pytest.raises(Cancelled, match="the same command goes on"):
        run(amt, stops_job=lambda error: isinstance(error, Signal))

    assert amt.stopped == ["job-01"]


@pytest.mark.parametrize("during", ["create", "look"])
def test_any_other_signal_leaves_the_job(during: str) -> None:
    """The signal goes on its way, and the job trains on to be taken up again."""
    amt = SignalledAmt(during)

    with pytest.raises(Signal):
        run(amt)

    assert amt.stopped == []
    assert amt.jobs["job-01"]["status"] == "InProgress"


def test_an_error_that_stops_the_job_is_raised_all_the_same() -> None:
    """A run that fails with `on_crash: stop` stops its job and tells its own error, not that it was cancelled."""
    amt = ScriptedAmt(ends={"job-01": "InProgress"})

    def fail() -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(amt, cancelled=fail, stops_job=lambda error: isinstance(error, ZeroDivisionError))

    assert amt.stopped == ["job-01"]
