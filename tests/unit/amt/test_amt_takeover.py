"""Who supervises: stops and takeovers from outside, dead processes, closing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from amt_cases import STUBBORN, a_request, names, pids_in, put_script, trials_of, wait_for_end, wait_until
from botocore.exceptions import ClientError

from components.amt.client import LocalAmt
from components.amt.folders import JobFolder, read_json
from components.errors import CannotWrite
from components.storage.local import FolderStore

STOP = """
import sys
from pathlib import Path
from components.amt.client import LocalAmt
from components.storage.local import FolderStore
amt = LocalAmt(home=Path(sys.argv[1]), store=FolderStore(Path(sys.argv[2])), supervise=False)
amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=sys.argv[3])
amt.close()
"""


def test_a_stop_from_another_process_is_heard(tmp_path: Path, amt: LocalAmt, store: FolderStore) -> None:
    """A process that only looks can stop a job that another one supervises, in whatever case it writes the name."""
    code = put_script(store, "import time\nprint('loss = 1', flush=True)\ntime.sleep(600)\n")
    amt.create_hyper_parameter_tuning_job(**a_request("far", code=code))
    wait_until(amt, "far", lambda _: sum(bool(amt.metric_curve(name)) for name in names(amt, "far")) == 2)
    command = [sys.executable, "-c", STOP, str(tmp_path / "amt"), str(tmp_path / "store"), "FAR"]
    subprocess.run(command, check=True, timeout=60)
    job = wait_for_end(amt, "far")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 0}


def test_a_stop_where_nobody_supervises_ends_the_job(tmp_path: Path, store: FolderStore) -> None:
    """Without a supervisor, stop itself finishes the job."""
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    looker.create_hyper_parameter_tuning_job(**a_request("lone", code=put_script(store, "")))
    looker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="lone")
    job = looker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="lone")
    looker.close()
    assert job["HyperParameterTuningJobStatus"] == "Stopped"


def test_a_second_client_takes_over(tmp_path: Path, store: FolderStore) -> None:
    """A client that waits for a job's lock goes on with it when the first one leaves; nothing runs twice."""
    code = put_script(
        store,
        "import os, sys, time\nprint('loss = 1', flush=True)\n"
        "gate = sys.argv[sys.argv.index('--gate') + 1]\n"
        "while not os.path.exists(gate): time.sleep(0.01)\n",
    )
    gate = tmp_path / "gate"
    first = LocalAmt(home=tmp_path / "amt", store=store)
    first.create_hyper_parameter_tuning_job(**a_request("relay", code=code, jobs=4, static={"gate": str(gate)}))
    wait_until(first, "relay", lambda _: sum(bool(first.metric_curve(n)) for n in names(first, "relay")) == 2)
    before = names(first, "relay")
    second = LocalAmt(home=tmp_path / "amt", store=store)
    second.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="relay")
    first.close()
    gate.touch()
    job = wait_for_end(second, "relay")
    after = names(second, "relay")
    attempts = [second.log_path(name).parent.suffix for name in after]
    second.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 4
    assert after[:2] == before
    assert attempts == [".2", ".2", ".1", ".1"]


def test_an_exit_record_is_adopted_and_not_run_again(tmp_path: Path, store: FolderStore) -> None:
    """A training job whose runner wrote exit.json is finished by the next supervisor from its files alone."""
    home = tmp_path / "amt"
    looker = LocalAmt(home=home, store=store)
    code = put_script(store, "print('loss = 0.75')\n")
    looker.create_hyper_parameter_tuning_job(**a_request("adopt", code=code, jobs=1))
    wait_for_end(looker, "adopt")
    (name,) = names(looker, "adopt")
    record = read_json(looker.log_path(name).parent / "exit.json")
    looker.close()
    with sqlite3.connect(home / "amt.sqlite") as connection:  # as if the supervisor had died before recording it
        connection.execute("UPDATE tuning_job SET status = 'InProgress', ended_s = NULL")
        connection.execute("UPDATE training_job SET status = 'InProgress', objective = NULL, ended_s = NULL")
    connection.close()
    amt = LocalAmt(home=home, store=store)
    job = wait_for_end(amt, "adopt")
    attempt = amt.log_path(name).parent.suffix
    again = read_json(amt.log_path(name).parent / "exit.json")
    amt.close()
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.75
    assert attempt == ".1"
    assert again == record


def test_a_runner_that_dies_is_an_internal_error(amt: LocalAmt, store: FolderStore) -> None:
    """A runner that is killed while its supervisor lives makes a failed training job, counted as RetryableError."""
    code = put_script(store, "import time\nprint('loss = 1', flush=True)\ntime.sleep(600)\n")
    amt.create_hyper_parameter_tuning_job(**a_request("dead", code=code, jobs=1))
    wait_until(amt, "dead", lambda _: any(amt.metric_curve(name) for name in names(amt, "dead")))
    (name,) = names(amt, "dead")
    processes = json.loads((amt.log_path(name).parent / "processes.json").read_text())
    os.kill(processes["runner"][0], signal.SIGKILL)
    job = wait_for_end(amt, "dead")
    psutil.wait_procs(
        [psutil.Process(pid) for pid in [processes["container"][0]] if psutil.pid_exists(pid)], timeout=10
    )
    assert job["TrainingJobStatusCounters"]["RetryableError"] == 1
    assert trials_of(amt, "dead")[0]["FailureReason"].startswith("InternalServerError: ")
    assert not psutil.pid_exists(processes["container"][0])


def test_a_fork_server_that_dies_is_replaced(amt: LocalAmt, store: FolderStore, tmp_path: Path) -> None:
    """Training jobs whose fork server is killed are run again by a new one, under the same names."""
    gate = tmp_path / "gate"
    code = put_script(
        store,
        "import os, sys, time\nprint('loss = 1', flush=True)\n"
        "while not os.path.exists(sys.argv[sys.argv.index('--gate') + 1]): time.sleep(0.01)\n",
    )
    amt.create_hyper_parameter_tuning_job(**a_request("server", code=code, jobs=1, static={"gate": str(gate)}))
    wait_until(amt, "server", lambda _: any(amt.metric_curve(name) for name in names(amt, "server")))
    (name,) = names(amt, "server")
    runner = json.loads((amt.log_path(name).parent / "processes.json").read_text())["runner"][0]
    psutil.Process(runner).parent().kill()  # type: ignore[union-attr]  # the server is alive
    gate.touch()
    job = wait_for_end(amt, "server")
    assert job["TrainingJobStatusCounters"]["Completed"] == 1
    assert names(amt, "server") == [name]
    assert amt.log_path(name).parent.suffix == ".2"


def test_only_the_lock_holder_supervises(tmp_path: Path, store: FolderStore) -> None:
    """A job whose lock somebody else holds is not touched until it falls free, and then runs at once."""
    home = tmp_path / "amt"
    looker = LocalAmt(home=home, store=store, supervise=False)
    looker.create_hyper_parameter_tuning_job(**a_request("held", code=put_script(store, "print('loss = 1')\n"), jobs=1))
    folder = JobFolder(home, "held")
    folder.root.mkdir(parents=True, exist_ok=True)
    with folder.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        amt = LocalAmt(home=home, store=store)
        amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="held")
        assert trials_of(looker, "held") == []
    job = wait_for_end(amt, "held")
    amt.close()
    looker.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1


def test_what_supervision_cannot_write_is_told_to_who_asks(tmp_path: Path, store: FolderStore) -> None:
    """A folder that cannot be used ends supervision with a clear error, and the job goes on when it is mended."""
    home = tmp_path / "amt"
    amt = LocalAmt(home=home, store=store)
    (home / "jobs").mkdir(parents=True)
    (home / "jobs" / "blocked").write_text("a file where a folder must be")
    amt.create_hyper_parameter_tuning_job(**a_request("blocked", code=put_script(store, "print('loss = 1')\n"), jobs=1))
    for thread in threading.enumerate():
        if thread.name == "amt-blocked":
            thread.join(30)
    with pytest.raises(CannotWrite, match="writ"):
        amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="blocked")
    (home / "jobs" / "blocked").unlink()
    job = wait_for_end(amt, "blocked")
    amt.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1


def test_closing_leaves_no_process_and_no_thread(tmp_path: Path, store: FolderStore) -> None:
    """After close no runner, script, server or thread of the engine is left, and the job is resumable."""
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    amt.create_hyper_parameter_tuning_job(**a_request("left", code=put_script(store, STUBBORN)))
    wait_until(amt, "left", lambda _: sum(bool(amt.metric_curve(name)) for name in names(amt, "left")) == 2)
    pids = [pid for name in names(amt, "left") for pid in pids_in(amt.log_path(name).read_text())]
    descendants = psutil.Process().children(recursive=True)
    amt.close()
    assert len(pids) == 4
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not any(process.is_running() for process in descendants)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("amt-")]
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    job = looker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="left")
    assert job["HyperParameterTuningJobStatus"] == "InProgress"
    looker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="left")
    assert {row["TrainingJobStatus"] for row in trials_of(looker, "left")} == {"Stopped"}
    looker.close()


def test_an_unknown_job_is_not_found(amt: LocalAmt) -> None:
    """Stopping a job that is not there is ResourceNotFound."""
    with pytest.raises(ClientError, match="can't find a tuning job called none"):
        amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="none")
