"""DeleteHyperParameterTuningJob: the entry goes, what was trained stays, the name is free."""

from __future__ import annotations

import fcntl
import threading
import time
from pathlib import Path

import pytest
from amt_cases import a_request, names, put_script, wait_for_end, wait_until
from botocore.exceptions import ClientError

from components.amt.client import LocalAmt
from components.amt.folders import JobFolder
from components.amt.store import AmtStore
from components.storage.local import FolderStore

ETA = "import sys\nprint('loss =', sys.argv[sys.argv.index('--eta') + 1])\n"


def test_an_unknown_job_and_a_deleted_one_are_not_found(amt: LocalAmt, store: FolderStore) -> None:
    """Delete of what is not there is ResourceNotFound, the second time too."""
    amt.create_hyper_parameter_tuning_job(**a_request("once", code=put_script(store, ETA), jobs=1))
    wait_for_end(amt, "once")
    amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="once")
    for name in ("once", "never"):
        with pytest.raises(ClientError) as caught:
            amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


def test_logs_curves_and_tags_of_a_deleted_job_stay(amt: LocalAmt, store: FolderStore) -> None:
    """What was trained stays to be seen, also when its job's name has been given away."""
    code = put_script(store, ETA)
    request = {**a_request("twice", code=code, jobs=2), "Tags": [{"Key": "run", "Value": "first"}]}
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(amt, "twice")
    before = names(amt, "twice")
    curves = [amt.metric_curve(name) for name in before]
    arn = amt.describe_training_job(TrainingJobName=before[0])["TrainingJobArn"]
    amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="Twice")
    request["Tags"] = [{"Key": "run", "Value": "second"}]
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(amt, "twice")
    assert [amt.metric_curve(name) for name in before] == curves
    assert "loss = " in amt.log_path(before[0]).read_text()
    assert amt.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "run", "Value": "first"}]
    listed = amt.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    assert sorted(row["TrainingJobName"] for row in listed) == sorted([*before, *names(amt, "twice")])


def test_a_name_is_deleted_and_created_again_and_again(amt: LocalAmt, store: FolderStore) -> None:
    """At once after its end, each time: every job of the name is run to its end."""
    code = put_script(store, ETA)
    seen: set[str] = set()
    for _ in range(6):
        amt.create_hyper_parameter_tuning_job(**a_request("again", code=code, jobs=1))
        assert wait_for_end(amt, "again")["HyperParameterTuningJobStatus"] == "Completed"
        seen.update(names(amt, "again"))
        amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="again")
    assert len(seen) == 6


def test_one_of_many_deletes_wins(amt: LocalAmt, store: FolderStore) -> None:
    """Several at once: one succeeds, the others find nothing, and nothing else is hurt."""
    amt.create_hyper_parameter_tuning_job(**a_request("contested", code=put_script(store, ETA), jobs=1))
    wait_for_end(amt, "contested")
    (trial,) = names(amt, "contested")
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def delete() -> None:
        start.wait(10)
        try:
            amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="contested")
            outcomes.append("deleted")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes.count("deleted") == 1
    assert set(outcomes) <= {"deleted", "ResourceNotFound"}
    assert amt.describe_training_job(TrainingJobName=trial)["TrainingJobStatus"] == "Completed"


def test_who_waited_for_a_deleted_jobs_lock_takes_that_of_the_next_one(tmp_path: Path, store: FolderStore) -> None:
    """A lock belongs to one job: whoever waited for it when its job was deleted runs no other one under it."""
    home, gate = tmp_path / "amt", tmp_path / "gate"
    script = f"{ETA}import os, time\ngate = sys.argv[sys.argv.index('--gate') + 1]\n"
    code = put_script(store, f"{script}while not os.path.exists(gate): time.sleep(0.01)\n")
    request = a_request("same", code=code, jobs=1, static={"gate": str(gate)})
    lock = JobFolder(home, "same").lock
    lock.parent.mkdir(parents=True)
    client, record = LocalAmt(home=home, store=store), AmtStore(home / "amt.sqlite")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        client.create_hyper_parameter_tuning_job(**request)  # waits for the lock
        record.move_tuning_job("same", expected=("InProgress",), to="Stopped", at_s=time.time(), ended_s=time.time())
        client.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="same")
        client.create_hyper_parameter_tuning_job(**request)
    wait_until(client, "same", lambda _: any(bool(client.metric_curve(name)) for name in names(client, "same")))
    with lock.open("w") as free, pytest.raises(BlockingIOError):
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)
    gate.touch()
    assert wait_for_end(client, "same")["HyperParameterTuningJobStatus"] == "Completed"
    client.close()
    record.close()
