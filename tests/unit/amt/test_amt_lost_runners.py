"""Training jobs that end without a word of their runner: nothing of them lives on, and what they gave is kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import psutil
import pytest
from amt_cases import STUBBORN, a_request, names, pids_in, put_script, trials_of, wait_for_end, wait_until

from components.amt import training_job
from components.amt.client import LocalAmt
from components.amt.folders import JobFolder, read_json
from components.amt.records import TrainingJob
from components.storage.local import FolderStore

KEEPING = """
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(Path(os.environ['SAGEMAKER_BASE_DIR']) / 'checkpoints' / 'step.7').write_text('seven')
print('loss = 0.25', flush=True)
time.sleep(600)
"""


def runner_of(home: Path, job: str, trial: str) -> psutil.Process:
    pid, _ = (read_json(JobFolder(home, job).trial(trial, 1).processes) or {})["runner"]
    return psutil.Process(int(pid))


def stop_and_lose_runner(amt: LocalAmt, home: Path, job: str) -> dict[str, Any]:
    """Stop a job whose training job does not listen, kill the runner; the training job as it is then listed."""
    (name,) = names(amt, job)
    runner = runner_of(home, job, name)
    amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    runner.kill()
    wait_for_end(amt, job)
    return trials_of(amt, job)[0]


@pytest.fixture
def slow_to_kill(tmp_path: Path, store: FolderStore) -> Any:
    client = LocalAmt(home=tmp_path / "amt", store=store, stop_grace_s=300)
    yield client
    client.close()


def test_what_a_script_started_ends_when_its_runner_is_killed(
    tmp_path: Path, slow_to_kill: LocalAmt, store: FolderStore
) -> None:
    """A stopped job's script may have children; a runner that dies leaves none of them, and its results count."""
    amt = slow_to_kill
    amt.create_hyper_parameter_tuning_job(**a_request("lost", code=put_script(store, STUBBORN), jobs=1))
    wait_until(amt, "lost", lambda _: any(map(amt.metric_curve, names(amt, "lost"))))
    pids = pids_in(amt.log_path(names(amt, "lost")[0]).read_text())

    row = stop_and_lose_runner(amt, tmp_path / "amt", "lost")

    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert row["TrainingJobStatus"] == "Stopped"
    assert row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.5


def test_checkpoints_are_stored_before_they_go(tmp_path: Path, slow_to_kill: LocalAmt, store: FolderStore) -> None:
    """The only copy of what a killed training job kept is in the store when the job has ended."""
    amt = slow_to_kill
    request = a_request("kept", code=put_script(store, KEEPING), jobs=1)
    request["TrainingJobDefinition"]["CheckpointConfig"] = {"S3Uri": "s3://bucket/checkpoints"}
    amt.create_hyper_parameter_tuning_job(**request)
    wait_until(amt, "kept", lambda _: any(map(amt.metric_curve, names(amt, "kept"))))

    row = stop_and_lose_runner(amt, tmp_path / "amt", "kept")

    assert store.get_bytes(f"s3://bucket/checkpoints/{row['TrainingJobName']}/step.7") == b"seven"


def test_a_new_job_of_a_deleted_one_s_name_is_supervised_at_once(tmp_path: Path, store: FolderStore) -> None:
    """Create, end, delete, create again: nobody need ask about the second one for it to be trained."""
    code = put_script(store, "print('loss = 1')\n")
    packages = tmp_path / "amt" / "cache" / "pip" / "many"
    packages.mkdir(parents=True)
    for number in range(3000):  # what the supervisor goes through when a job has ended
        (packages / str(number)).touch()
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    try:
        for _ in range(3):
            amt.create_hyper_parameter_tuning_job(**a_request("again", code=code, jobs=1))
            wait_for_end(looker, "again")
            amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="again")
    finally:
        looker.close()
        amt.close()


def test_nan_before_an_interruption_is_told_to_nobody() -> None:
    """JSON has no NaN: what a container emitted before its Spot instance went is told without it."""
    trial = TrainingJob(name="t-001", tuning_job="t", number=1, tuned={}, created_s=1.0, modified_s=1.0, transitions=())
    record = {
        "started_s": 2.0,
        "ended_s": 3.0,
        "metrics": [
            {"MetricName": "loss", "Value": math.nan, "Timestamp": 2.5},
            {"MetricName": "auc", "Value": 0.5, "Timestamp": 2.5},
        ],
    }
    assert [entry["MetricName"] for entry in training_job.interrupted(trial, record, 4.0).metrics] == ["auc"]
