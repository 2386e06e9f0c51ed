from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from mlflow import MlflowClient
from tracking_cases import TrackingServer, curve_of, nested, no_curve, points, steps, trial

from components.errors import InvalidInput, Unavailable
from components.registry.tracking import RetrainingRun
from components.registry.trial_log import TrialLog
from components.tuning.result import CurvePoint


@pytest.fixture
def log(reopen: Callable[..., RetrainingRun]) -> Iterator[TrialLog]:
    log = TrialLog(open_run=reopen, curve=curve_of(*points(20)))
    yield log
    log.close(timeout_s=60)


def test_everything_offered_is_written(log: TrialLog, client: MlflowClient) -> None:
    """After a flush each trial's last state is in MLflow, whatever states it went through before."""
    for status in ("InProgress", "Stopping", "Stopped"):
        log.offer([trial(number, status) for number in range(1, 6)])

    run = log.flush(timeout_s=60)

    assert [found.info.status for found in nested(client, run.run_id)] == ["KILLED"] * 5
    assert log.problem is None


def test_the_search_does_not_wait(reopen: Callable[..., RetrainingRun], client: MlflowClient) -> None:
    """Offers come back while a write hangs; of what came meanwhile only each trial's latest state is written."""
    hanging, go_on = threading.Event(), threading.Event()
    asked: list[str] = []

    def slow(job: str, _seen: int) -> list[CurvePoint]:
        asked.append(job)
        hanging.set()
        assert go_on.wait(60)
        return []

    log = TrialLog(open_run=reopen, curve=slow, pause_s=0)
    log.offer([trial(1, "InProgress")])
    assert hanging.wait(60)
    for _ in range(100):
        log.offer([trial(1, "InProgress"), trial(2, "InProgress")])
    log.offer([trial(1), trial(2)])
    with pytest.raises(Unavailable, match=r"behind by 2 training jobs after 0.01 s \(the server is slow\)"):
        log.flush(timeout_s=0.01)
    go_on.set()

    run = log.close(timeout_s=60)

    assert [job[-3:] for job in asked] == ["001", "001", "002"]
    assert [found.info.status for found in nested(client, run.run_id)] == ["FINISHED", "FINISHED"]


def test_finished_trials_are_not_written_again(reopen: Callable[..., RetrainingRun]) -> None:
    """A search tells all its trials at every look; what is final is written once."""
    asked: list[str] = []

    def curve(job: str, seen: int) -> Sequence[CurvePoint]:
        asked.append(job)
        return points(3)[seen:]

    log = TrialLog(open_run=reopen, curve=curve, pause_s=0)
    for _ in range(3):
        log.offer([trial(1), trial(2)])
        log.flush(timeout_s=60)
    log.close(timeout_s=60)

    assert [job[-3:] for job in asked] == ["001", "002"]


def test_what_is_refused_is_told(reopen: Callable[..., RetrainingRun], client: MlflowClient) -> None:
    """A cause that waiting does not mend is raised by flush and close as it is."""
    client.delete_experiment(client.create_experiment("gone"))
    log = TrialLog(open_run=partial(reopen, experiment="gone"), curve=no_curve)
    log.offer([trial(1)])

    with pytest.raises(InvalidInput, match="'gone' is deleted"):
        log.close(timeout_s=60)


def test_a_server_that_comes_late_and_goes(late_server: TrackingServer, reopen: Callable[..., RetrainingRun]) -> None:
    """Without a server the search goes on; what it did not get is written when it is there, or is there again."""
    log = TrialLog(
        open_run=partial(reopen, tracking_uri=late_server.uri, artifact_root=None),
        curve=curve_of(*points(200, last=0.51)),
        pause_s=0,
    )
    log.offer([trial(1, "InProgress")])
    with pytest.raises(Unavailable, match="behind by 1 training jobs"):
        log.flush(timeout_s=1)
    assert "no MLflow server answers" in str(log.problem)

    late_server.start()
    run = log.flush(timeout_s=60)
    late_server.stop()
    log.offer([trial(1), trial(2, "InProgress")])
    with pytest.raises(Unavailable, match="behind by 2 training jobs"):
        log.flush(timeout_s=1)
    log.offer([trial(2, objective=0.51)])
    late_server.start()

    assert log.close(timeout_s=60) is run
    run.finish(status="FINISHED")
    client = MlflowClient(tracking_uri=late_server.uri)
    first, second = nested(client, run.run_id)
    assert [found.info.status for found in (first, second)] == ["FINISHED", "FINISHED"]
    assert steps(client, first.info.run_id) == list(range(200))
    assert steps(client, second.info.run_id) == list(range(200))
    assert client.get_run(run.run_id).data.metrics["trials_completed"] == 2
