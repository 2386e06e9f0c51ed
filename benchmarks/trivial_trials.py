"""(b) What a trial costs that does nothing: own process each, two at a time, beside the peers that do the same.

Ours is the whole of AMT's contract: a script from `sourcedir.tar.gz` in a fresh interpreter with /opt/ml and its config
files, output and metrics recorded, archives uploaded, every state durable in SQLite. The peers run the same two lines
their own way. Each is warmed up first; the seconds from the first proposal to the last result, over the trials.
"""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from components.amt.client import LocalAmt
from components.storage.local import FolderStore

TRIALS = 100
PEERS_TRIALS = 20  # seconds each
REPEATS = 3
BAR_MS = 60.0
PEERS = ("syne_tune", "ray_tune")
PEERS_PYTHON = Path(".venv-bench/bin/python")
SCRIPT = "print('loss = 0.5')\n"


def main() -> list[Bar]:
    """Measure ours, then each peer; a peer that cannot run is a missing row."""
    rows = {"retune, own script": ours(TRIALS)}
    rows |= {name: peer(name) for name in PEERS}
    table = Table("engine", "ms per trial", title="trials that do nothing, two at a time")
    for name, value in rows.items():
        table.add_row(name, f"{value:.0f}")
    Console().print(table)
    mine = rows["retune, own script"]
    fastest = min((rows[name] for name in PEERS), default=math.nan)
    missing = any(math.isnan(rows[name]) for name in PEERS)
    return [
        Bar.upper("b: milliseconds per trivial trial", mine, BAR_MS),
        Bar.upper("b: of the fastest peer with a process per trial", math.nan if missing else mine / fastest, 1.0),
    ]


def ours(trials: int) -> float:
    """Milliseconds per trial, the best of some jobs after one that warms up."""
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder) / "store")
        code = _sourcedir(store)
        amt = LocalAmt(home=Path(folder) / "amt", store=store)
        try:
            _run(amt, "warm-up", code, 4)
            return min(_run(amt, f"trivial-{number}", code, trials) for number in range(REPEATS)) / trials * 1000
        finally:
            amt.close()


def _run(amt: LocalAmt, name: str, code: str, trials: int) -> float:
    amt.create_hyper_parameter_tuning_job(**_request(name, code, trials))
    while True:
        amt.wait_for_change(name, 60)
        job = amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            assert job["TrainingJobStatusCounters"]["Completed"] == trials, job
            return float((job["HyperParameterTuningEndTime"] - job["CreationTime"]).total_seconds())


def _sourcedir(store: FolderStore) -> str:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(SCRIPT)
        tar.addfile(member, io.BytesIO(SCRIPT.encode()))
    uri = "s3://bench/code/sourcedir.tar.gz"
    store.put_bytes(content.getvalue(), uri)
    return uri


def _request(name: str, code: str, trials: int) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}]},
            "RandomSeed": 1,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": code},
            "AlgorithmSpecification": {
                "TrainingImage": "bench:1",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": r"loss = (\S+)"}],
            },
            "RoleArn": "arn:aws:iam::111122223333:role/retune",
            "OutputDataConfig": {"S3OutputPath": "s3://bench/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


def peer(name: str) -> float:
    """Milliseconds per trial of a peer, in its own environment; NaN when it cannot be had."""
    script = Path(__file__).resolve().parent / "peers" / f"{name}_trivial.py"
    if not PEERS_PYTHON.is_file():
        return math.nan
    with tempfile.TemporaryDirectory() as folder:  # both leave files where they stand
        done = subprocess.run(
            [PEERS_PYTHON.absolute(), script, str(PEERS_TRIALS)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"RAY_DEDUP_LOGS": "0"},
        )
    if done.returncode != 0:
        print(done.stderr[-2000:])
        return math.nan
    return float(json.loads(done.stdout.strip().splitlines()[-1])["ms_per_trial"])


if __name__ == "__main__":
    main()
