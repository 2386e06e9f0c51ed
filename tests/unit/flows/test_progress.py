"""What a running search shows."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from components.tuning.engine import Progress
from components.tuning.result import Trial
from flows.progress import Live, Plain, reporting_to, time_left_s
from flows.resuming import Resumption


def trial(
    number: int, *, status: str = "Completed", objective: float | None = None, failure: str | None = None
) -> Trial:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Trial(
        training_job=f"job-{number:03d}",
        number=number,
        status=status,
        objective=objective,
        hyperparameters={"eta": "0.123456789"},
        started=moment,
        ended=moment,
        training_seconds=1,
        billable_seconds=1,
        failure=failure,
    )


TRIALS = (
    trial(1, objective=0.5),
    trial(2, status="Failed", failure="AlgorithmError: no"),
    trial(3, status="InProgress"),
)


def test_plain_output_is_a_line_per_finished_trial_once() -> None:
    """A log shows each finished trial once, with its outcome and the best so far."""
    stream = io.StringIO()
    plain = Plain(stream)
    progress = Progress(tuning_job="job", status="InProgress", trials=TRIALS)

    plain.search(progress, max_jobs=5, maximize=True)
    plain.search(progress, max_jobs=5, maximize=True)

    assert stream.getvalue().splitlines() == [
        "  trial 1 completed at 0.5; 1/5 done; best 0.5",
        "  trial 2 failed: AlgorithmError: no; 2/5 done; best 0.5",
    ]


def test_a_terminal_shows_trials_best_and_time_left() -> None:
    """The live view has the job, the count, the best so far and the running trials."""
    from rich.console import Console

    stream = io.StringIO()
    live = Live(Console(file=stream, force_terminal=True, width=140))
    live.search(Progress(tuning_job="wine-01", status="InProgress", trials=TRIALS), max_jobs=5, maximize=True)
    live.search_ended()

    shown = stream.getvalue()
    assert all(text in shown for text in ("wine-01", "2/5 trials", "best", "0.5", "InProgress", "eta=0.123456"))


def test_time_left_goes_by_the_pace_so_far() -> None:
    """Two trials in ten seconds: five more take twenty-five."""
    assert time_left_s(TRIALS, max_jobs=7, elapsed_s=10.0) == 25.0
    assert time_left_s((), max_jobs=7, elapsed_s=10.0) is None


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ([], ""),
        (["job-01"], "job-02 goes on after job-01, 2 trials kept\n"),
        (["job-01", "job-02"], "attached to job-02, 2 trials kept\n"),
    ],
    ids=["new", "next attempt", "attached"],
)
def test_resuming_is_told_once(before: list[str], told: str) -> None:
    """What was there before is named, with the trials that are not trained again; a new run says nothing."""
    stream = io.StringIO()
    resumption = Resumption(before)
    with reporting_to(Plain(stream)):
        for _ in range(2):
            resumption.tell(Progress(tuning_job="job-02", status="InProgress", trials=TRIALS))

    assert stream.getvalue() == told
