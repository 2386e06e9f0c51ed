"""The fork server, bells between processes, and the way the whole thing ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from amt_cases import a_request, a_store, put_script, trials_of, wait_for_end, wait_until

from components.amt import doorbell, linux, process_pool
from components.amt.algorithms import XGBOOST
from components.amt.client import LocalAmt
from components.amt.launcher import server_environment

SUPERVISE = """
import json, sys
from pathlib import Path
from components.amt.client import LocalAmt
from components.storage.local import FolderStore
amt = LocalAmt(home=Path(sys.argv[1]), store=FolderStore(Path(sys.argv[2])))
amt.create_hyper_parameter_tuning_job(**json.loads(sys.argv[3]))
print("created", flush=True)
sys.stdin.readline()
"""

# A child that gets SIGTERM the moment it is forked, before a line of its own has run.
STOPPED_AT_ONCE = """
import os, signal, sys
from components.amt import container_process
signal.signal(signal.SIGTERM, lambda *_: None)
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
launch = {"command": None, "environment": {}, "working_folder": sys.argv[1], "threads": 1, "trainer_module": "this"}
container = container_process.start(launch, close_in_child=[])
print(os.waitstatus_to_exitcode(os.waitpid(container.pid, 0)[1]), signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""

WAIT = "import time\nprint('loss = 1', flush=True)\ntime.sleep(600)\n"


@pytest.mark.skipif(not linux.IS_LINUX, reason="fork servers run on Linux")
def test_the_server_has_one_thread_and_a_scrubbed_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the built-in algorithm's libraries loaded the server has one thread, no secret, and not our `__main__`."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    read, write = os.pipe()
    preload = ",".join(("components.amt.process_pool", *XGBOOST.preload))
    command = [sys.executable, "-P", "-m", process_pool.__name__, "--events", str(write), "--preload", preload]
    server = subprocess.Popen(
        [*command, "--supervisor", str(os.getpid())],
        stdin=subprocess.PIPE,
        env=server_environment(tmp_path),
        pass_fds=[write],
    )
    os.close(write)
    assert server.stdin is not None
    missing = json.dumps({"do": "launch", "job": "j", "launch": str(tmp_path / "none" / "launch.json")})
    server.stdin.write(missing.encode() + b"\n")
    server.stdin.flush()
    with os.fdopen(read) as events:
        assert json.loads(events.readline()) == {"job": "j", "event": "runner_ended", "code": 1}
        process = psutil.Process(server.pid)
        assert process.num_threads() == 1
        assert "hunter2" not in str(process.environ())
        assert any("xgboost" in entry.path for entry in process.memory_maps())
        server.stdin.close()
        assert server.wait(30) == 0
        assert events.read() == ""


def test_a_stop_right_after_the_fork_is_not_lost(tmp_path: Path) -> None:
    """A signal that reaches a forked trainer before it has its own handlers ends it; the parent's mask is as it was."""
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_ONCE, str(tmp_path)], check=True, capture_output=True, timeout=60
    )
    assert done.stdout.decode().strip().endswith(f"{-signal.SIGTERM} set()")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, None], ids=["SIGKILL", "SIGTERM", "end"])
def test_nothing_outlives_the_supervising_process(tmp_path: Path, number: signal.Signals | None) -> None:
    """However the supervising process ends, its runners and scripts end too, silently, and the job is resumable."""
    store = a_store(tmp_path / "store")
    request = a_request("orphan", code=put_script(store, WAIT))
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(tmp_path / "amt"), str(tmp_path / "store"), json.dumps(request)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert supervisor.stdout is not None
    assert supervisor.stdout.readline() == b"created\n"
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    wait_until(
        looker,
        "orphan",
        lambda _: sum(bool(looker.metric_curve(row["TrainingJobName"])) for row in trials_of(looker, "orphan")) == 2,
    )
    family = psutil.Process(supervisor.pid).children(recursive=True)
    assert len(family) >= 5  # the server, two runners, two scripts
    if number is not None:
        supervisor.send_signal(number)
    _, errors = supervisor.communicate(b"\n", timeout=60)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert errors == b""
    job = looker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="orphan")
    assert job["HyperParameterTuningJobStatus"] == "InProgress"
    looker.close()


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    """A finished job leaves no more open files behind than the one before it."""
    store = a_store(tmp_path / "store")
    code = put_script(store, "print('loss = 1')\n")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    counts = []
    for name in ("first", "second", "third"):
        amt.create_hyper_parameter_tuning_job(**a_request(name, code=code, jobs=2))
        wait_for_end(amt, name)
        for thread in threading.enumerate():
            if thread.name == f"amt-{name}":
                thread.join(30)
        counts.append(psutil.Process().num_fds())
    amt.close()
    # One watcher's bell per job that was waited for.
    assert counts[2] - counts[1] <= 1


def test_a_catastrophic_regex_hurts_only_its_job(tmp_path: Path) -> None:
    """A regex that does not end costs a training job its metrics and nothing else."""
    store = a_store(tmp_path / "store")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    request = a_request("regex", code=put_script(store, "print('a' * 60)\nprint('loss = 1')\n"), jobs=1)
    metrics = request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
    metrics.append({"Name": "bomb", "Regex": "(a+)+b"})
    amt.create_hyper_parameter_tuning_job(**request)
    job = wait_for_end(amt, "regex")
    (row,) = trials_of(amt, "regex")
    log = amt.log_path(row["TrainingJobName"]).read_text()
    amt.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1
    assert "no more metrics are read" in log


def test_a_bell_wakes_and_a_stale_one_is_removed(tmp_path: Path) -> None:
    """Rings wake a waiter once; nobody listening is no error; a bell nobody holds any more is removed."""
    bell = doorbell.Bell(tmp_path / "bell")
    assert not bell.wait(0)
    assert doorbell.ring(bell.path)
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)
    bell.close()
    bell.ring()
    assert not doorbell.ring(bell.path)
    doorbell.ring_all(tmp_path)
    assert not bell.path.exists()
    doorbell.ring_all(tmp_path / "none")
