"""Supervised tuning jobs with real processes: failing, hanging, limited, forked."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psutil
import pytest
from amt_cases import STUBBORN, XGBOOST, a_request, pids_in, put_script, trials_of, wait_for_end, wait_until

from components.amt.client import LocalAmt
from components.amt.validation import model_breaches
from components.storage.local import FolderStore


def test_five_failures_without_a_success_fail_the_job(amt: LocalAmt, store: FolderStore) -> None:
    """After five failed training jobs and no success the job is Failed, with AWS's text and the script's error."""
    code = put_script(store, "raise ValueError('no luck')\n")
    amt.create_hyper_parameter_tuning_job(**a_request("unlucky", code=code, jobs=20, parallel=1))
    job = wait_for_end(amt, "unlucky")
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 5
    assert "BestTrainingJob" not in job
    reason = trials_of(amt, "unlucky")[0]["FailureReason"]
    assert reason.startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no luck"')
    assert reason.endswith(", exit code: 1")


def test_some_failures_do_not_fail_the_job(amt: LocalAmt, store: FolderStore) -> None:
    """A failed training job is counted and the others carry on."""
    code = put_script(
        store,
        "import os, sys\nif '-002-' in os.environ['TRAINING_JOB_NAME']: sys.exit(3)\nprint('loss = 1')\n",
    )
    amt.create_hyper_parameter_tuning_job(**a_request("mixed", code=code, jobs=3))
    job = wait_for_end(amt, "mixed")
    rows = trials_of(amt, "mixed")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert [row["TrainingJobStatus"] for row in rows] == ["Completed", "Failed", "Completed"]
    assert [row["ObjectiveStatus"] for row in rows] == ["Succeeded", "Failed", "Succeeded"]
    assert rows[1]["FailureReason"].endswith("exit code: 3")


@pytest.mark.parametrize(
    "text", ["print('loss = 0.25')\nprint('loss = nan')\n", "print('nothing to see')\n"], ids=["NaN", "missing"]
)
def test_no_usable_objective(amt: LocalAmt, store: FolderStore, text: str) -> None:
    """A last value of NaN, or no value at all, is a failed objective of a completed training job."""
    amt.create_hyper_parameter_tuning_job(**a_request("void", code=put_script(store, text), jobs=2))
    job = wait_for_end(amt, "void")
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 2}
    assert "BestTrainingJob" not in job
    assert all("FinalHyperParameterTuningJobObjectiveMetric" not in row for row in trials_of(amt, "void"))
    told = amt.describe_training_job(TrainingJobName=trials_of(amt, "void")[0]["TrainingJobName"])
    assert model_breaches("DescribeTrainingJob", told, output=True) == []


def test_five_without_the_metric_fail_the_job(amt: LocalAmt, store: FolderStore) -> None:
    """A script that never prints its metric is given up after five training jobs, and the reason says why."""
    code = put_script(store, "print('lossy = 0.5')\n")
    amt.create_hyper_parameter_tuning_job(**a_request("mute", code=code, jobs=20, parallel=1))
    job = wait_for_end(amt, "mute")
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No objective metrics found after running 5 training jobs.")


def test_the_last_value_counts_as_float32(amt: LocalAmt, store: FolderStore) -> None:
    """The final objective is the last value emitted, rounded to 32 bits; every value is in the curve, in order."""
    code = put_script(store, "for v in (0.1, 0.3, 0.2): print(f'epoch\\tloss = {v}')\n")
    amt.create_hyper_parameter_tuning_job(**a_request("last", code=code, jobs=1))
    best = wait_for_end(amt, "last")["BestTrainingJob"]
    curve = [entry for entry in amt.metric_curve(best["TrainingJobName"]) if entry["metric"] == "loss"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.20000000298023224
    assert [(entry["step"], round(entry["value"], 3)) for entry in curve] == [(0, 0.1), (1, 0.3), (2, 0.2)]
    assert amt.metric_curve(best["TrainingJobName"], after=curve[-1]["seq"] + 1) == []


def test_a_script_that_ignores_sigterm_is_killed_with_its_children(amt: LocalAmt, store: FolderStore) -> None:
    """Stop sends SIGTERM, after the grace SIGKILL, to the whole process group; the last value is kept."""
    amt.create_hyper_parameter_tuning_job(**a_request("hang", code=put_script(store, STUBBORN), jobs=2, parallel=1))
    wait_until(amt, "hang", lambda _: any(amt.metric_curve(row["TrainingJobName"]) for row in trials_of(amt, "hang")))
    (name,) = [row["TrainingJobName"] for row in trials_of(amt, "hang")]
    pids = pids_in(amt.log_path(name).read_text())
    assert len(pids) == 2
    amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="hang")
    job = wait_for_end(amt, "hang")
    (row,) = trials_of(amt, "hang")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert row["TrainingJobStatus"] == "Stopped"
    assert row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.5
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_what_a_script_leaves_running_ends_with_it(amt: LocalAmt, store: FolderStore) -> None:
    """A process the script started ends with the container, even in a session of its own."""
    code = put_script(
        store,
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print('pids', child.pid)\nprint('loss = 1')\n",
    )
    amt.create_hyper_parameter_tuning_job(**a_request("daemon", code=code, jobs=1))
    name = wait_for_end(amt, "daemon")["BestTrainingJob"]["TrainingJobName"]
    (pid,) = pids_in(amt.log_path(name).read_text())
    assert not psutil.pid_exists(pid)


def test_a_training_job_over_its_time_is_stopped(amt: LocalAmt, store: FolderStore) -> None:
    """A training job's own MaxRuntimeInSeconds ends it as Stopped with MaxRuntimeExceeded; its objective counts."""
    request = a_request("slow", code=put_script(store, STUBBORN), jobs=1, max_runtime_s=1)
    amt.create_hyper_parameter_tuning_job(**request)
    job = wait_for_end(amt, "slow")
    told = amt.describe_training_job(TrainingJobName=trials_of(amt, "slow")[0]["TrainingJobName"])
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 1


def test_a_training_job_may_take_28_days(amt: LocalAmt, store: FolderStore) -> None:
    """AWS's longest MaxRuntimeInSeconds is more than epoll can wait for, and trains all the same."""
    code = put_script(store, "print('loss = 1')\n")
    amt.create_hyper_parameter_tuning_job(**a_request("long", code=code, jobs=1, max_runtime_s=28 * 86_400))
    assert wait_for_end(amt, "long")["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_job_over_its_time_completes(tmp_path: Path, store: FolderStore) -> None:
    """MaxRuntimeInSeconds counts supervised time over all supervisors; then what runs is stopped, Completed."""
    limits = {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2, "MaxRuntimeInSeconds": 120}
    code = put_script(store, "import time\nprint('loss = 1', flush=True)\ntime.sleep(600)\n")
    first = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    first.create_hyper_parameter_tuning_job(**a_request("spent", code=code, ResourceLimits=limits))
    with sqlite3.connect(tmp_path / "amt" / "amt.sqlite") as connection:
        connection.execute("UPDATE tuning_job SET runtime_s = 119")
    connection.close()
    first.close()
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    job = wait_for_end(amt, "spent")
    rows = trials_of(amt, "spent")
    amt.close()
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ConsumedResources"]["RuntimeInSeconds"] >= 120
    assert {row["TrainingJobStatus"] for row in rows} == {"Stopped"}


def test_parallel_training_jobs_reach_their_limit_and_never_pass_it(
    amt: LocalAmt, store: FolderStore, tmp_path: Path
) -> None:
    """MaxParallelTrainingJobs run at the same time, each on its share of the processors, and never one more."""
    code = put_script(
        store,
        # Each waits until two others are there, so fewer than three at a time would hang.
        "import fcntl, os, pathlib, sys, time\n"
        "room = pathlib.Path(sys.argv[sys.argv.index('--room') + 1])\n"
        "name = os.environ['TRAINING_JOB_NAME']\n"
        "mine = int(name.split('-')[1])\n"
        "(room / f'in-{mine}').touch()\n"
        "group = [n for n in range(1, 7) if (n - 1) // 3 == (mine - 1) // 3]\n"
        "while not all((room / f'in-{n}').exists() for n in group): time.sleep(0.01)\n"
        "alive = len(list(room.glob('in-*'))) - len(list(room.glob('out-*')))\n"
        "print('alive', alive)\nprint('loss =', alive)\n"
        "(room / f'out-{mine}').touch()\n",
    )
    room = tmp_path / "room"
    room.mkdir()
    amt.create_hyper_parameter_tuning_job(
        **a_request("crowd", code=code, jobs=6, parallel=3, static={"room": str(room)})
    )
    job = wait_for_end(amt, "crowd")
    alive = [row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for row in trials_of(amt, "crowd")]
    assert job["TrainingJobStatusCounters"]["Completed"] == 6
    assert max(alive) <= 3


def test_a_script_segfault_is_the_algorithms_error(amt: LocalAmt, store: FolderStore) -> None:
    """A container killed by a signal has failed with exit code 128 + n."""
    code = put_script(store, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    amt.create_hyper_parameter_tuning_job(**a_request("segv", code=code, jobs=1))
    wait_for_end(amt, "segv")
    assert trials_of(amt, "segv")[0]["FailureReason"].endswith("exit code: 139")


def test_the_built_in_trainer_runs_forked_and_strict(amt: LocalAmt, store: FolderStore) -> None:
    """sagemaker-xgboost trains from the fork server, leaves its model, and refuses a bad hyperparameter in the job."""
    amt.warm_up(XGBOOST)
    amt.create_hyper_parameter_tuning_job(**a_request("boost", code=None, jobs=2, metric="validation:logloss"))
    best = wait_for_end(amt, "boost")["BestTrainingJob"]["TrainingJobName"]
    told = amt.describe_training_job(TrainingJobName=best)
    assert model_breaches("DescribeTrainingJob", told, output=True) == []
    assert store.exists(told["ModelArtifacts"]["S3ModelArtifacts"])
    assert "train:logloss" in {entry["metric"] for entry in amt.metric_curve(best)}
    bad = a_request("bad", code=None, jobs=1, metric="validation:logloss", static={"nonsense": "1"})
    amt.create_hyper_parameter_tuning_job(**bad)
    wait_for_end(amt, "bad")
    assert "Extraneous hyperparameter found: nonsense" in trials_of(amt, "bad")[0]["FailureReason"]


def test_without_a_fork_server_the_same_jobs_run(tmp_path: Path, store: FolderStore) -> None:
    """On a platform without the fork server a fresh interpreter runs the same runner and trainer."""
    amt = LocalAmt(home=tmp_path / "plain", store=store, fork=False)
    amt.create_hyper_parameter_tuning_job(**a_request("plain", code=None, jobs=1, metric="validation:logloss"))
    job = wait_for_end(amt, "plain")
    amt.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_finite_space_that_is_exhausted_completes(amt: LocalAmt, store: FolderStore) -> None:
    """When every combination has been tried the job is Completed."""
    ranges = {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["1", "2"]}]}
    limits = {"MaxParallelTrainingJobs": 1, "MaxNumberOfTrainingJobs": 2}
    code = put_script(store, "import sys\nprint('loss =', sys.argv[sys.argv.index('--eta') + 1])\n")
    request = a_request("finite", code=code, ParameterRanges=ranges, ResourceLimits=limits)
    amt.create_hyper_parameter_tuning_job(**request)
    job = wait_for_end(amt, "finite")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert {row["TunedHyperParameters"]["eta"] for row in trials_of(amt, "finite")} == {"1", "2"}
