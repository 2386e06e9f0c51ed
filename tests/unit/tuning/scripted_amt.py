"""An engine that answers as AMT does, with jobs that are at once where a test wants them, and `tune` on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from components.naming import TAG_RUN_DIGEST
from components.tuning.attempts import Search
from components.tuning.engine import Engine, tune

DIGEST = "d" * 64


class ScriptedAmt:
    """An engine whose jobs are at once at the status that the test gives them."""

    def __init__(self, ends: Mapping[str, str] | None = None) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[Mapping[str, Any]] = []
        self.stopped: list[str] = []
        self._ends = ends or {}

    def add(self, name: str, *, status: str, completed: int, failed: int = 0, digest: str = DIGEST) -> None:
        self.jobs[name] = {"status": status, "completed": completed, "failed": failed, "digest": digest}

    def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, str]:
        self.requests.append(request)
        name = request["HyperParameterTuningJobName"]
        self.add(name, status=self._ends.get(name, "Completed"), completed=request["jobs"])
        self.jobs[name]["request"] = request
        return {}

    def describe_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        name = HyperParameterTuningJobName
        if name not in self.jobs:
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "no"}}, "Describe")
        job = self.jobs[name]
        return {
            **job.get("request", {}),
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": f"arn:{name}",
            "HyperParameterTuningJobStatus": job["status"],
            "HyperParameterTuningJobConfig": {"Strategy": "Bayesian"},
            "ConsumedResources": {"RuntimeInSeconds": 60},
        }

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        name = request["HyperParameterTuningJobName"]
        start = int(request.get("NextToken", "0"))
        job = self.jobs[name]
        every = job["completed"] + job["failed"]
        numbers = range(start, min(start + 2, every))
        rows = [
            {
                "TrainingJobName": f"{name}-{number:03d}",
                "TrainingJobStatus": "Completed" if number < job["completed"] else "Failed",
                "TunedHyperParameters": {"eta": "0.1"},
                "ObjectiveStatus": "Succeeded" if number < job["completed"] else "Failed",
                "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "m", "Value": float(number)},
            }
            for number in numbers
        ]
        more = start + 2 < every
        return {"TrainingJobSummaries": rows, **({"NextToken": str(start + 2)} if more else {})}

    def stop_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> dict[str, str]:  # noqa: N803  AWS's word
        self.stopped.append(HyperParameterTuningJobName)
        self.jobs[HyperParameterTuningJobName]["status"] = "Stopped"
        return {}

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        return {"TrainingJobName": TrainingJobName, "TrainingTimeInSeconds": 2, "BillableTimeInSeconds": 1}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        return {"Tags": [{"Key": TAG_RUN_DIGEST, "Value": self.jobs[ResourceArn.removeprefix("arn:")]["digest"]}]}


def run(
    amt: ScriptedAmt,
    *,
    max_jobs: int = 5,
    cancelled: Callable[[], bool] = lambda: False,
    stops_job: Callable[[BaseException], bool] = lambda _: False,
) -> Any:
    engine = Engine(
        name="scripted", client=amt, wait=lambda *_: None, curve=lambda *_: [], log=lambda _: "", close=lambda: None
    )
    search = Search(
        name_of=lambda attempt: f"job-{attempt:02d}",
        request_for=lambda attempt: {
            "HyperParameterTuningJobName": f"job-{attempt.number:02d}",
            "jobs": attempt.jobs,
            "used_s": attempt.used_s,
            "parents": attempt.parents,
        },
        digest=DIGEST,
        max_jobs=max_jobs,
        maximize=True,
    )
    return tune(engine, search, observe=lambda _: None, cancelled=cancelled, poll_s=0, stops_job=stops_job)
