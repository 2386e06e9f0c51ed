"""kill -9 at any moment, then the same command: the promise the local AMT is built around."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
from amt_cases import a_request, a_store, put_script, trials_of, wait_until

from components.amt.client import LocalAmt

JOBS = 20
KILLS = 10

# Works for a moment in a child of its own, then says that it came to its end.
SCRIPT = """
import os, subprocess, sys
print("loss =", sys.argv[sys.argv.index("--eta") + 1], flush=True)
subprocess.run([sys.executable, "-c", "sum(range(2_000_000))"], check=True)
with open(sys.argv[sys.argv.index("--ends") + 1], "a") as ends:
    ends.write(os.environ["TRAINING_JOB_NAME"] + "\\n")
"""

# The "same command": create the job or find it there, and supervise it to its end.
COMMAND = """
import json, sys
from pathlib import Path
from botocore.exceptions import ClientError
from components.amt.client import LocalAmt
from components.storage.local import FolderStore
home, store, request = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
amt = LocalAmt(home=home, store=FolderStore(store))
name = request["HyperParameterTuningJobName"]
try:
    amt.create_hyper_parameter_tuning_job(**request)
except ClientError as error:
    if error.response["Error"]["Code"] != "ResourceInUse":
        raise
while True:
    job = amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    if job["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
        break
    amt.wait_for_change(name, 60)
amt.close()
"""


def finished(amt: LocalAmt, name: str) -> set[str]:
    """Names of the training jobs recorded as completed."""
    return {row["TrainingJobName"] for row in trials_of(amt, name) if row["TrainingJobStatus"] == "Completed"}


def test_ten_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    """A 20-trial job killed ten times ends with 20 finished trials; what had been recorded was never run again."""
    store = a_store(tmp_path / "store")
    ends = tmp_path / "ends.txt"
    ends.touch()
    request = a_request("killed", code=put_script(store, SCRIPT), jobs=JOBS, static={"ends": str(ends)})
    command = [sys.executable, "-c", COMMAND, str(tmp_path / "amt"), str(tmp_path / "store"), json.dumps(request)]
    looker = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    recorded: dict[str, int] = {}
    attempts: dict[str, str] = {}

    def run() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, start_new_session=True)

    process = run()
    until_listed = 60.0
    while not looker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]:
        looker.wait_for_change("killed", until_listed)
    for kill in range(KILLS):
        before = len(recorded)
        wait_until(looker, "killed", lambda job, n=before: job["TrainingJobStatusCounters"]["Completed"] > n)
        # In turn the supervisor's group alone (the rest must notice), and every process of its tree as well.
        tree = psutil.Process(process.pid).children(recursive=True) if kill % 2 else []
        os.killpg(process.pid, signal.SIGKILL)
        for child in tree:
            with suppress(psutil.NoSuchProcess):  # it has just ended by itself
                child.kill()
        process.wait()
        lines = Counter(ends.read_text().split())
        for name in finished(looker, "killed"):
            recorded.setdefault(name, lines[name])
            attempts.setdefault(name, looker.log_path(name).parent.name)
        process = run()
    assert process.wait(120) == 0

    job = looker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="killed")
    lines = Counter(ends.read_text().split())
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == JOBS
    assert job["ObjectiveStatusCounters"] == {"Succeeded": JOBS, "Pending": 0, "Failed": 0}
    assert len(recorded) >= KILLS
    assert len(finished(looker, "killed")) == JOBS
    assert set(lines) == finished(looker, "killed")
    assert {name: lines[name] for name in recorded} == recorded
    assert {name: looker.log_path(name).parent.name for name in attempts} == attempts
    looker.close()
