"""Training jobs judged while they run: curves read as they grow, rules rebuilt after a crash."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from amt_cases import a_request, put_script, trials_of, wait_for_end

from components.amt import recovery
from components.amt.client import LocalAmt
from components.amt.folders import JobFolder, TrialFolder
from components.amt.live_stopping import LiveStopping
from components.amt.records import TrainingJob, TuningJob
from components.amt.requests import as_kept
from components.storage.local import FolderStore

HYPERBAND = {
    "Strategy": "Hyperband",
    "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}},
}


def a_job(**config: Any) -> TuningJob:
    """A running job that minimises `loss`."""
    request = a_request("live", code="s3://bucket/code.tar.gz", **config)
    return TuningJob(
        name="live", arn="arn", request=as_kept(request), tags=(), seed=0, status="InProgress",
        created_s=0.0, modified_s=0.0,
    )  # fmt: skip


class Trials:
    """Training jobs of one tuning job and their metrics files."""

    def __init__(self, home: Path) -> None:
        self._folder = JobFolder(home, "live")

    def trial(self, number: int, *, attempt: int = 1) -> tuple[TrainingJob, TrialFolder]:
        trial = TrainingJob(
            name=f"live-{number:03d}", tuning_job="live", number=number, attempt=attempt, tuned={},
            created_s=0.0, modified_s=0.0,
        )  # fmt: skip
        folder = self._folder.trial(trial.name, attempt)
        folder.root.mkdir(parents=True, exist_ok=True)
        return trial, folder

    def emit(self, number: int, *values: float, metric: str = "loss", attempt: int = 1) -> None:
        _, folder = self.trial(number, attempt=attempt)
        with folder.metrics.open("a") as file:
            file.writelines(json.dumps({"metric": metric, "value": value}) + "\n" for value in values)


def test_only_the_objective_counts_and_only_whole_lines(tmp_path: Path) -> None:
    """Other metrics are no resource, and half a line is read when it is whole."""
    trials, rule = Trials(tmp_path), LiveStopping(a_job(**HYPERBAND))
    for number, value in ((1, 0.1), (2, 0.2)):
        trials.emit(number, value)
        assert not rule.is_over(*trials.trial(number))
    trials.emit(3, *[0.9] * 9, metric="other")
    assert not rule.is_over(*trials.trial(3))
    _, folder = trials.trial(3)
    with folder.metrics.open("a") as file:
        file.write('{"metric": "loss", "va')
        file.flush()
        assert not rule.is_over(*trials.trial(3))
        file.write('lue": 0.9}\n')
    assert rule.is_over(*trials.trial(3))


def test_without_a_rule_nothing_is_read(tmp_path: Path) -> None:
    """A job without Hyperband and early stopping does not even look for curves."""
    trial, _ = Trials(tmp_path).trial(1)
    rule = LiveStopping(a_job())
    unreadable = TrialFolder(tmp_path / "a-file" / "below")
    (tmp_path / "a-file").write_text("")
    assert not rule.is_over(trial, unreadable)
    rule.ended(trial, unreadable)


def test_the_rungs_are_rebuilt_from_the_recorded_curves(tmp_path: Path) -> None:
    """After a crash the ended training jobs' curves give the same answer for the next one as before."""
    trials = Trials(tmp_path)
    before, after = LiveStopping(a_job(**HYPERBAND)), LiveStopping(a_job(**HYPERBAND))
    for number in range(1, 6):
        trials.emit(number, number / 10)
        before.is_over(*trials.trial(number))
        trial, folder = trials.trial(number)
        after.ended(replace(trial, status="Stopped" if number > 2 else "Completed"), folder)
    for number, value in ((6, 0.05), (7, 0.35)):
        trials.emit(number, value)
        assert before.is_over(*trials.trial(number)) is after.is_over(*trials.trial(number)) is (number == 7)


def test_what_was_emitted_before_an_interruption_counts(tmp_path: Path) -> None:
    """The resource is all that a training job has emitted, also before its Spot instance was taken away."""
    trials, rule = Trials(tmp_path), LiveStopping(a_job(**HYPERBAND))
    trials.emit(1, *[0.5] * 9)
    assert not rule.is_over(*trials.trial(1))
    trials.emit(1, 0.5, attempt=2)
    assert rule.is_over(*trials.trial(1, attempt=2))


def test_a_dead_attempt_counts_nothing(tmp_path: Path) -> None:
    """One that a crash took is begun anew: its folder is gone, and so are its values."""
    trials, rule = Trials(tmp_path), LiveStopping(a_job(**HYPERBAND))
    trials.emit(1, *[0.5] * 9)
    assert not rule.is_over(*trials.trial(1))
    recovery.clear_attempt(trials.trial(1)[1])
    trials.emit(1, *[0.5] * 9, attempt=2)
    assert not rule.is_over(*trials.trial(1, attempt=2))
    trials.emit(1, 0.5, attempt=2)
    assert rule.is_over(*trials.trial(1, attempt=2))


def test_only_completed_training_jobs_are_the_median(tmp_path: Path) -> None:
    """Early stopping holds against those that ran to their end; stopped and failed ones are left out."""
    trials, rule = Trials(tmp_path), LiveStopping(a_job(TrainingJobEarlyStoppingType="Auto"))
    for number in range(1, 20):
        trials.emit(number, 0.1, 0.1)
        trial, folder = trials.trial(number)
        status = "Completed" if number <= 9 else "Stopped" if number % 2 else "Failed"
        rule.ended(replace(trial, status=status), folder)
    trials.emit(20, 0.9)
    assert not rule.is_over(*trials.trial(20))
    trial, folder = trials.trial(21)
    trials.emit(21, 0.1, 0.1)
    rule.ended(replace(trial, status="Completed"), folder)
    trials.emit(20, 0.9)
    assert rule.is_over(*trials.trial(20))


def test_one_that_ends_at_max_resource_by_itself_completes_with_its_model(amt: LocalAmt, store: FolderStore) -> None:
    """A script whose last epoch is MaxResource saves its model; one that goes on beyond it is stopped."""
    script = (
        "import os, sys, time\n"
        "for _ in range(3): print('loss = 0.5', flush=True)\n"
        "time.sleep(0.3)\n"
        "if os.environ['TRAINING_JOB_NAME'].split('-')[1] == '002':\n"
        "    print('loss = 0.4', flush=True)\n"
        "    time.sleep(600)\n"
        "open(os.environ['SM_MODEL_DIR'] + '/model.txt', 'w').close()\n"
    )
    request = a_request(
        "resource", code=put_script(store, script), jobs=2, Strategy="Hyperband", static={"epochs": "3"}
    )
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(amt, "resource")
    rows = trials_of(amt, "resource")
    assert [row["TrainingJobStatus"] for row in rows] == ["Completed", "Stopped"]
    assert [round(row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], 3) for row in rows] == [0.5, 0.4]
    assert store.exists(f"s3://bucket/out/{rows[0]['TrainingJobName']}/output/model.tar.gz")
