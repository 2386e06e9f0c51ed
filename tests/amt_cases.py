"""Requests, scripts and waiting for the tests of the local AMT."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.storage.local import FolderStore
from components.storage.store import ObjectStore

IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/own:1"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
DEADLINE_S = 60.0


def a_store(folder: Path) -> FolderStore:
    """A store with a little training data in it."""
    store = FolderStore(folder)
    put_training_data(store)
    return store


def put_training_data(store: ObjectStore) -> None:
    """A little training data, in both parts."""
    rows = "".join(f"{row % 2},{row},{row % 7}\n" for row in range(60))
    for part in ("train", "validation"):
        store.put_bytes(rows.encode(), f"s3://bucket/data/{part}/part.csv")


def put_script(store: FolderStore, text: str, *, name: str = "train.py", **others: str) -> str:
    """Pack a script as sourcedir.tar.gz; its URI."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for member, body in {name: text, **others}.items():
            info = tarfile.TarInfo(member.replace("__", "."))
            info.size = len(body.encode())
            tar.addfile(info, io.BytesIO(body.encode()))
    uri = f"s3://bucket/code/{abs(hash(text))}/sourcedir.tar.gz"
    store.put_bytes(content.getvalue(), uri)
    return uri


def a_request(
    name: str,
    *,
    code: str | None,
    jobs: int = 4,
    parallel: int | None = None,
    metric: str = "loss",
    static: Mapping[str, str] | None = None,
    program: str = "train.py",
    max_runtime_s: int = 600,
    **config: Any,
) -> dict[str, Any]:
    """A request for a script of `put_script`, or for the built-in XGBoost when there is none."""
    specification: dict[str, Any] = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    values = {"num_round": "3", "objective": "binary:logistic"}
    if code is not None:
        specification["TrainingImage"] = IMAGE
        specification["MetricDefinitions"] = [{"Name": metric, "Regex": rf"{metric} = (\S+)"}]
        values = {"sagemaker_program": program, "sagemaker_submit_directory": code}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": metric},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel or min(2, jobs)},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}]},
            "RandomSeed": 7,
            **config,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {**values, **(static or {})},
            "AlgorithmSpecification": specification,
            "RoleArn": "arn:aws:iam::111122223333:role/Tuning",
            "InputDataConfig": [
                {
                    "ChannelName": part,
                    "ContentType": "text/csv",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": f"s3://bucket/data/{part}/",
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
                for part in ("train", "validation")
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime_s},
        },
    }


def wait_until(amt: Any, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Describe a job after each change until something holds; the answer."""
    until = time.monotonic() + DEADLINE_S
    while True:
        job: dict[str, Any] = amt.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if holds(job):
            return job
        left = until - time.monotonic()
        assert left > 0, job
        amt.wait_for_change(name, left)


def wait_for_end(amt: Any, name: str) -> dict[str, Any]:
    """Until a job has ended; its description."""
    return wait_until(amt, name, lambda job: job["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped"))


def trials_of(amt: Any, name: str) -> list[dict[str, Any]]:
    """All training jobs of a job, in order."""
    answer = amt.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, MaxResults=100)
    return list(answer["TrainingJobSummaries"])


# Ignores SIGTERM, and so does a grandchild in the same process group; tells its pid.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("pids", os.getpid(), child.pid, flush=True)
print("loss = 0.5", flush=True)
time.sleep(600)
"""


def pids_in(text: str) -> list[int]:
    """Process ids a script of this module printed."""
    return [int(word) for line in text.splitlines() if line.startswith("pids") for word in line.split()[1:]]


def names(amt: Any, job: str) -> list[str]:
    """Names of a job's training jobs."""
    return [row["TrainingJobName"] for row in trials_of(amt, job)]
