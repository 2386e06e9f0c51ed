"""Single training jobs across processes: who supervises, who stops, what a crash leaves; and AWS's own waiter."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from amt_cases import XGBOOST, a_request, names, put_script, wait_for_end, wait_until
from botocore.exceptions import ClientError, WaiterError
from botocore.loaders import Loader
from botocore.waiter import NormalizedOperationMethod, Waiter, WaiterModel

from components.amt.client import LocalAmt
from components.storage.local import FolderStore
from tests.contract.training_job_cases import LONG, a_training_job, wait_for

# Waits until the file named by --gate is there.
GATED = (
    "import os, sys, time\nprint('loss = 0.25', flush=True)\n"
    "while not os.path.exists(sys.argv[sys.argv.index('--gate') + 1]): time.sleep(0.01)\n"
)
HOME = """
import json, sys
from pathlib import Path
from components.amt.client import LocalAmt
from components.storage.local import FolderStore
from tests.contract.training_job_cases import wait_for
amt = LocalAmt(home=Path(sys.argv[1]), store=FolderStore(Path(sys.argv[2])), supervise=sys.argv[3] == "supervise")
"""
SUPERVISE = """
amt.create_training_job(**json.loads(sys.argv[4]))
while not amt.metric_curve("Torn"):
    amt.wait_for_change("Torn", 10)
print("training", flush=True)
sys.stdin.read()
"""
STOP = "amt.stop_training_job(TrainingJobName=sys.argv[4])\namt.close()\n"


def gated(name: str, store: FolderStore, gate: Path) -> dict[str, Any]:
    """CreateTrainingJob for a script that trains until its gate is there."""
    request = a_training_job(name, code=put_script(store, GATED))
    request["HyperParameters"]["gate"] = str(gate)
    return request


def process(body: str, folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Another process with a client `amt` on the same home."""
    command = [sys.executable, "-c", HOME + body, str(folder / "amt"), str(folder / "store"), *arguments]
    root = Path(__file__).parents[3]
    path = os.pathsep.join(str(part) for part in (root, root / "tests"))
    return subprocess.Popen(command, text=True, env={**os.environ, "PYTHONPATH": path}, **options)


def waiter(amt: LocalAmt) -> Waiter:
    """AWS's waiter for training jobs over the answers of a client in process; one that looks once."""
    document = Loader().load_service_model("sagemaker", "waiters-2")
    config = WaiterModel(document).get_waiter("TrainingJobCompletedOrStopped")
    return Waiter("TrainingJobCompletedOrStopped", config, NormalizedOperationMethod(amt.describe_training_job))


def test_a_killed_supervisor_s_training_job_is_finished(tmp_path: Path, store: FolderStore) -> None:
    """After kill -9 of the process that trains, the next client runs the training job again under its name."""
    gate = tmp_path / "gate"
    request = json.dumps(gated("Torn", store, gate))
    with process(
        SUPERVISE, tmp_path, "supervise", request, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "training\n"
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait(30)
    gate.touch()
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    job = wait_for(amt, "Torn", "Completed", "Failed", "Stopped")
    attempt = amt.log_path("Torn").parent.suffix
    listed = amt.list_training_jobs()["TrainingJobSummaries"]
    amt.close()
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert attempt == ".2"
    assert [row["TrainingJobName"] for row in listed] == ["Torn"]
    assert job["SecondaryStatusTransitions"][0]["Status"] == "Starting"
    assert [(entry["MetricName"], entry["Value"]) for entry in job["FinalMetricDataList"]] == [("loss", 0.25)]


def test_one_process_submits_and_another_trains(tmp_path: Path, store: FolderStore) -> None:
    """A client that only looks submits and watches; nothing runs until a supervising client describes the job."""
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    looker.create_training_job(**a_training_job("Handed", code=put_script(store, "print('loss = 1')\n")))
    before = looker.describe_training_job(TrainingJobName="Handed")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    amt.describe_training_job(TrainingJobName="Handed")
    after = wait_for(looker, "Handed", "Completed", "Failed")
    amt.close()
    looker.close()
    assert (before["TrainingJobStatus"], before["SecondaryStatus"]) == ("InProgress", "Starting")
    assert after["TrainingJobStatus"] == "Completed"


def test_a_training_job_is_stopped_from_another_process(tmp_path: Path, amt: LocalAmt, store: FolderStore) -> None:
    """A process that only looks can stop a training job that another one supervises, whatever the name's case."""
    amt.create_training_job(**a_training_job("Afar", code=put_script(store, LONG)))
    amt.wait_for_change("Afar", 0)
    while not amt.metric_curve("Afar"):
        amt.wait_for_change("Afar", 30)
    assert process(STOP, tmp_path, "look", "aFAR").wait(60) == 0
    job = wait_for(amt, "Afar", "Stopped", "Completed", "Failed")
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"


def test_a_trial_is_stopped_from_another_process(tmp_path: Path, amt: LocalAmt, store: FolderStore) -> None:
    """A trial that another process stops is Stopped; its tuning job goes on and completes with the next one."""
    gate = tmp_path / "gate"
    request = a_request("Part", code=put_script(store, GATED), jobs=2, parallel=1, static={"gate": str(gate)})
    amt.create_hyper_parameter_tuning_job(**request)
    wait_until(amt, "Part", lambda _: any(amt.metric_curve(name) for name in names(amt, "Part")))
    (first,) = names(amt, "Part")
    assert process(STOP, tmp_path, "look", first).wait(60) == 0
    wait_until(amt, "Part", lambda job: job["TrainingJobStatusCounters"]["Stopped"] == 1)
    gate.touch()
    job = wait_for_end(amt, "Part")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert (job["TrainingJobStatusCounters"]["Completed"], job["TrainingJobStatusCounters"]["Stopped"]) == (1, 1)


def test_a_training_job_nobody_supervises_is_ended_by_its_stop(tmp_path: Path, store: FolderStore) -> None:
    """Without a supervisor, stop itself finishes the training job, and says so at once."""
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    looker.create_training_job(**a_training_job("Lone", code=put_script(store, "")))
    looker.stop_training_job(TrainingJobName="Lone")
    job = looker.describe_training_job(TrainingJobName="Lone")
    looker.close()
    assert job["TrainingJobStatus"] == "Stopped"


def test_aws_s_waiter_understands_every_end(amt: LocalAmt, store: FolderStore) -> None:
    """TrainingJobCompletedOrStopped returns for Completed and Stopped, and fails for Failed and for an unknown name."""
    once = {"Delay": 0, "MaxAttempts": 1}
    amt.create_training_job(**a_training_job("Good", code=put_script(store, "print('loss = 1')\n")))
    amt.create_training_job(**a_training_job("Bad", code=put_script(store, "raise SystemExit(3)\n")))
    amt.create_training_job(**a_training_job("Cut", code=put_script(store, LONG)))
    amt.stop_training_job(TrainingJobName="Cut")
    for name in ("Good", "Bad", "Cut"):
        wait_for(amt, name, "Completed", "Failed", "Stopped")
    waiter(amt).wait(TrainingJobName="Good", WaiterConfig=once)
    waiter(amt).wait(TrainingJobName="Cut", WaiterConfig=once)
    with pytest.raises(WaiterError, match="terminal failure"):
        waiter(amt).wait(TrainingJobName="Bad", WaiterConfig=once)
    with pytest.raises(WaiterError, match="ValidationException"):
        waiter(amt).wait(TrainingJobName="nobody", WaiterConfig=once)


def test_a_built_in_s_own_words_are_the_reason(amt: LocalAmt) -> None:
    """FailureReason has the built-in's kind of error and its words, then the exit code."""
    request = a_training_job("Told", code=None)
    request["HyperParameters"]["objective"] = "no:such"
    amt.create_training_job(**request)
    reason = wait_for(amt, "Told", "Failed", "Completed")["FailureReason"]
    assert reason.startswith("ClientError: Hyperparameter objective: no:such")
    assert reason.endswith(", exit code: 1")


def test_a_long_reason_is_cut(amt: LocalAmt, store: FolderStore) -> None:
    """FailureReason has at most 1024 characters, the exit code among them; a script's is worded by the toolkit."""
    code = put_script(store, "raise ValueError('the label is missing ' + 'x' * 5000)\n")
    amt.create_training_job(**a_training_job("Long", code=code))
    reason = wait_for(amt, "Long", "Failed", "Completed")["FailureReason"]
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "the label is missing xxx" in reason
    assert reason.endswith(", exit code: 1")
    assert len(reason) <= 1024


def test_a_fault_of_the_engine_is_a_failed_training_job(tmp_path: Path, store: FolderStore) -> None:
    """A training job that the engine itself cannot run is Failed and says why: it has no tuning job that could."""
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    looker.create_training_job(**a_training_job("Fault", code=put_script(store, "print('loss = 1')\n")))
    looker.close()
    with sqlite3.connect(tmp_path / "amt" / "amt.sqlite") as connection:
        limits = "$.HyperParameterTuningJobConfig.ResourceLimits"
        connection.execute("UPDATE tuning_job SET request = json_remove(request, ?)", (limits,))
    connection.close()
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    job = wait_for(amt, "Fault", "Failed", "Stopped", "Completed")
    amt.close()
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")


def test_what_is_echoed_is_what_was_asked_for(amt: LocalAmt, store: FolderStore) -> None:
    """The metrics switch comes back as given, and no objective or tuning job is made up."""
    request = a_training_job("Echo", code=put_script(store, "print('loss = 1')\n"))
    request["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] = True
    amt.create_training_job(**request)
    job = wait_for(amt, "Echo", "Completed", "Failed")
    assert job["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is True
    assert job["HyperParameters"] == request["HyperParameters"]
    assert not {"TuningJobArn", "Echoed", "HyperParameterTuningJobConfig"} & job.keys()


def test_another_entry_point_is_refused_by_name(amt: LocalAmt, store: FolderStore) -> None:
    """ContainerEntrypoint and ContainerArguments would change what runs, so both are named and nothing is recorded."""
    request = a_training_job("Entry", code=put_script(store, "print('loss = 1')\n"))
    request["AlgorithmSpecification"] |= {"ContainerEntrypoint": ["/bin/true"], "ContainerArguments": ["-v"]}
    with pytest.raises(ClientError, match=r"ContainerEntrypoint, .*ContainerArguments") as caught:
        amt.create_training_job(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert amt.list_training_jobs()["TrainingJobSummaries"] == []


def test_a_built_in_s_metric_definitions_cannot_be_given(amt: LocalAmt) -> None:
    """As for tuning jobs, the built-in brings its own metric definitions, and AWS's text refuses others."""
    request = a_training_job("Own", code=None)
    assert request["AlgorithmSpecification"]["TrainingImage"] == XGBOOST
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=(.*)"}]
    with pytest.raises(ClientError, match="You can't override the metric definitions"):
        amt.create_training_job(**request)
