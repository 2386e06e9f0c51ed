"""Who supervises: stops and takeovers from outside, dead processes, closing."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from amt_cases import STUBBORN, a_request, names, pids_in, put_script, trials_of, wait_for_end, wait_until
from botocore.exceptions import ClientError

from components.amt import doorbell
from components.amt.client import LocalAmt
from components.amt.folders import JobFolder, read_json, write_json
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
    assert record is not None
    record = {**record, "started_s": record["started_s"] - 1000, "ended_s": record["ended_s"] - 1000}
    write_json(looker.log_path(name).parent / "exit.json", record)
    looker.close()
    _forget_the_end(home, "InProgress")
    amt = LocalAmt(home=home, store=store)
    job = wait_for_end(amt, "adopt")
    attempt = amt.log_path(name).parent.suffix
    again = read_json(amt.log_path(name).parent / "exit.json")
    told = amt.describe_training_job(TrainingJobName=name)
    amt.close()
    assert abs(told["TrainingEndTime"].timestamp() - record["ended_s"]) < 100
    assert told["BillableTimeInSeconds"] < 100
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 0.75
    assert attempt == ".1"
    assert again == record


def _forget_the_end(home: Path, status: str) -> None:
    """As if the supervisor had died 1000 s ago, before it could record how its one training job ended."""
    with sqlite3.connect(home / "amt.sqlite") as connection:
        connection.execute("UPDATE tuning_job SET status = ?, ended_s = NULL", (status,))
        connection.execute(
            "UPDATE training_job SET status = ?, secondary_status = 'Training', transitions = '[]', objective = NULL,"
            " ended_s = NULL, started_s = started_s - 1000, created_s = created_s - 1000,"
            " modified_s = modified_s - 1000",
            (status,),
        )
    connection.close()


def test_what_was_stopped_while_nobody_looked_ended_when_last_seen(tmp_path: Path, store: FolderStore) -> None:
    """A training job a dead supervisor was stopping ends when it last showed a sign of life, not when it is found."""
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    amt.create_hyper_parameter_tuning_job(**a_request("late", code=put_script(store, "print('loss = 1')\n"), jobs=1))
    wait_for_end(amt, "late")
    (name,) = names(amt, "late")
    log = amt.log_path(name)
    amt.close()
    (log.parent / "exit.json").unlink()
    last_s = log.stat().st_mtime - 900
    os.utime(log, (last_s, last_s))
    _forget_the_end(tmp_path / "amt", "Stopping")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    wait_for_end(amt, "late")
    told = amt.describe_training_job(TrainingJobName=name)
    amt.close()
    assert told["TrainingJobStatus"] == "Stopped"
    assert abs(told["TrainingEndTime"].timestamp() - last_s) < 5


def test_a_runner_that_keeps_dying_is_an_internal_error(amt: LocalAmt, store: FolderStore) -> None:
    """A runner that is killed three times makes a failed training job, counted as RetryableError."""
    code = put_script(
        store,
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)\n",
    )
    amt.create_hyper_parameter_tuning_job(**a_request("dead", code=code, jobs=1))
    job = wait_for_end(amt, "dead")
    (row,) = trials_of(amt, "dead")
    processes = json.loads((amt.log_path(row["TrainingJobName"]).parent / "processes.json").read_text())
    containers = [psutil.Process(pid) for pid, _ in processes.values() if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(containers, timeout=10)
    assert job["TrainingJobStatusCounters"]["RetryableError"] == 1
    assert row["FailureReason"].startswith("InternalServerError: ")
    assert amt.log_path(row["TrainingJobName"]).parent.suffix == ".3"
    assert alive == []


@pytest.mark.parametrize(("what", "attempts_before"), [("server", 0), ("runner", 0), ("server", 8)])
def test_what_is_killed_around_a_training_job_is_replaced(
    store: FolderStore, tmp_path: Path, what: str, attempts_before: int
) -> None:
    """A training job whose fork server or runner is killed is run again, however many supervisors died before."""
    amt = LocalAmt(home=tmp_path / "amt", store=store, supervise=attempts_before == 0)
    gate = tmp_path / "gate"
    code = put_script(
        store,
        "import os, sys, time\nprint('loss = 1', flush=True)\n"
        "while not os.path.exists(sys.argv[sys.argv.index('--gate') + 1]): time.sleep(0.01)\n",
    )
    amt.create_hyper_parameter_tuning_job(**a_request("server", code=code, jobs=1, static={"gate": str(gate)}))
    if attempts_before:
        amt.close()
        with sqlite3.connect(tmp_path / "amt" / "amt.sqlite") as connection:
            columns = "name, tuning_job, number, attempt, tuned, status, secondary_status, transitions, "
            columns += "objective_status, metrics, created_s, modified_s, internal_error"
            values = ["server-001-0", "server", 1, attempts_before, '{"eta": "0.5"}', "InProgress", "Training", "[]"]
            values += ["Pending", "[]", 1.0, 1.0, 0]
            marks = ",".join("?" * len(values))
            connection.execute(f"INSERT INTO training_job ({columns}) VALUES ({marks})", values)  # noqa: S608 - ours
        connection.close()
        amt = LocalAmt(home=tmp_path / "amt", store=store)
    wait_until(amt, "server", lambda _: any(amt.metric_curve(name) for name in names(amt, "server")))
    (name,) = names(amt, "server")
    runner = json.loads((amt.log_path(name).parent / "processes.json").read_text())["runner"][0]
    killed = psutil.Process(runner) if what == "runner" else psutil.Process(runner).parent()
    assert killed is not None
    killed.kill()
    gate.touch()
    job = wait_for_end(amt, "server")
    after, attempt = names(amt, "server"), amt.log_path(name).parent.suffix
    amt.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1
    assert after == [name]
    assert attempt == f".{attempts_before + 2}"


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


def test_a_bell_that_cannot_be_made_leaves_the_job_resumable(tmp_path: Path, store: FolderStore) -> None:
    """A supervisor that cannot even begin says what it cannot write; the job goes on when that is mended."""
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    poke = JobFolder(tmp_path / "amt", "mute").poke
    poke.mkdir(parents=True)
    amt.create_hyper_parameter_tuning_job(**a_request("mute", code=put_script(store, "print('loss = 1')\n"), jobs=1))
    for thread in threading.enumerate():
        if thread.name == "amt-mute":
            thread.join(30)
    with pytest.raises(CannotWrite, match="cannot run tuning job mute"):
        amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="mute")
    poke.rmdir()
    job = wait_for_end(amt, "mute")
    amt.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1


def test_a_job_that_has_ended_is_left_alone(tmp_path: Path, amt: LocalAmt, store: FolderStore) -> None:
    """A supervisor that finds its job ended stops what it runs and leaves; nothing is proposed any more."""
    code = put_script(store, "import time\nprint('loss = 1', flush=True)\ntime.sleep(600)\n")
    amt.create_hyper_parameter_tuning_job(**a_request("over", code=code, jobs=4, parallel=1))
    wait_until(amt, "over", lambda _: any(amt.metric_curve(name) for name in names(amt, "over")))
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "amt-over"]
    with sqlite3.connect(tmp_path / "amt" / "amt.sqlite") as connection:
        connection.execute("UPDATE tuning_job SET status = 'Failed', ended_s = modified_s")
    connection.close()
    assert doorbell.ring(JobFolder(tmp_path / "amt", "over").poke)
    thread.join(15)
    assert not thread.is_alive()
    assert len(names(amt, "over")) == 1


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
