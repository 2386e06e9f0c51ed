"""AMT on a virtual clock: tuning jobs with random durations, delays, failures and discounts, and what they cost."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from components.naming import TAG_RUN_DIGEST

GRACE_S = 120.0


@dataclass(kw_only=True)
class VirtualTrial:
    name: str
    starts_s: float
    ends_s: float
    fails: bool
    value: float
    stopped: bool = False


@dataclass(kw_only=True)
class VirtualJob:
    request: dict[str, Any]
    created_s: float
    trials: list[VirtualTrial] = field(default_factory=list)
    stopping: bool = False
    ended_s: float | None = None


class VirtualAmt:
    """The methods a search needs. Time passes in `wait` and `sleep` only.

    Args:
        seed: Of everything random.
        billed: Share of training time that is charged.
        spot: Whether there are Spot instances.
    """

    def __init__(self, seed: int, *, billed: float, spot: bool = True) -> None:
        self.now_s = 1_795_000_000.0
        self.jobs: dict[str, VirtualJob] = {}
        self._draw = random.Random(seed)  # noqa: S311  repeatable draws
        self._billed = billed
        self._spot = spot
        self._failing = self._draw.choice([0.0, 0.1, 0.6])
        self._delay_s = 10 ** self._draw.uniform(0, 2.5)
        self._typical = self._draw.uniform(0.05, 1.2)

    # Time

    def sleep(self, seconds: float) -> None:
        """Let time pass, event by event."""
        until = self.now_s + max(seconds, 0.001)
        while True:
            for job in self.jobs.values():
                self._move(job)
            nexts = [at for job in self.jobs.values() for at in self._events(job) if self.now_s < at <= until]
            if not nexts:
                self.now_s = until
                for job in self.jobs.values():
                    self._move(job)
                return
            self.now_s = min(nexts)

    def _events(self, job: VirtualJob) -> list[float]:
        if job.ended_s is not None:
            return []
        limits = job.request["HyperParameterTuningJobConfig"]["ResourceLimits"]
        return [trial.ends_s for trial in job.trials] + [job.created_s + limits["MaxRuntimeInSeconds"]]

    def _move(self, job: VirtualJob) -> None:
        if job.ended_s is not None:
            return
        limits = job.request["HyperParameterTuningJobConfig"]["ResourceLimits"]
        if self.now_s >= job.created_s + limits["MaxRuntimeInSeconds"]:
            self._stop(job)
        running = sum(trial.ends_s > self.now_s for trial in job.trials)
        while (
            not job.stopping
            and running < limits["MaxParallelTrainingJobs"]
            and len(job.trials) < limits["MaxNumberOfTrainingJobs"]
        ):
            job.trials.append(self._trial(job))
            running += 1
        if running == 0 and (job.stopping or len(job.trials) == limits["MaxNumberOfTrainingJobs"]):
            job.ended_s = self.now_s

    def _trial(self, job: VirtualJob) -> VirtualTrial:
        most_s = job.request["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"]
        starts_s = self.now_s + self._draw.expovariate(1 / self._delay_s)
        if job.request["TrainingJobDefinition"].get("EnableManagedSpotTraining") and not self._spot:
            starts_s = math.inf
        takes_s = min(most_s, most_s * self._typical * self._draw.lognormvariate(0, 0.5))
        return VirtualTrial(
            name=f"{job.request['HyperParameterTuningJobName']}-{len(job.trials) + 1:03d}",
            starts_s=starts_s,
            ends_s=starts_s + takes_s,
            fails=self._draw.random() < self._failing,
            value=self._draw.random(),
        )

    def _stop(self, job: VirtualJob) -> None:
        if job.stopping:
            return
        job.stopping = True
        for trial in job.trials:
            if trial.ends_s > self.now_s:
                trial.stopped = True
                if trial.starts_s == math.inf:
                    trial.ends_s = self.now_s
                    continue
                trial.starts_s = min(trial.starts_s, self.now_s)
                trial.ends_s = min(trial.ends_s, self.now_s + self._draw.uniform(0, GRACE_S))

    # Money

    def charged_s(self) -> float:
        """Seconds charged so far, in whole seconds a training job, as AWS rounds them."""
        return sum(self._charged_s(trial) for job in self.jobs.values() for trial in job.trials)

    def _charged_s(self, trial: VirtualTrial) -> int:
        if trial.ends_s > self.now_s or trial.ends_s <= trial.starts_s:
            return 0
        return math.ceil((trial.ends_s - trial.starts_s) * self._billed)

    # boto3's methods

    def create_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, str]:
        job = VirtualJob(request=request, created_s=self.now_s)
        self.jobs[request["HyperParameterTuningJobName"]] = job
        self._move(job)
        return {}

    def describe_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        if HyperParameterTuningJobName not in self.jobs:
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "no"}}, "Describe")
        job = self.jobs[HyperParameterTuningJobName]
        limits = job.request["HyperParameterTuningJobConfig"]["ResourceLimits"]
        over = job.created_s + limits["MaxRuntimeInSeconds"] <= self.now_s
        ended = "Completed" if over or not job.stopping else "Stopped"
        status = ended if job.ended_s is not None else "Stopping" if job.stopping and not over else "InProgress"
        times = {"CreationTime": datetime.fromtimestamp(job.created_s, UTC)}
        if job.ended_s is not None:
            times["HyperParameterTuningEndTime"] = datetime.fromtimestamp(job.ended_s, UTC)
        return {
            **times,
            **job.request,
            "HyperParameterTuningJobArn": f"arn:{HyperParameterTuningJobName}",
            "HyperParameterTuningJobStatus": status,
            "ConsumedResources": {"RuntimeInSeconds": int((job.ended_s or self.now_s) - job.created_s)},
        }

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> dict[str, Any]:
        job = self.jobs[request["HyperParameterTuningJobName"]]
        return {"TrainingJobSummaries": [self._summary(trial) for trial in job.trials]}

    def _summary(self, trial: VirtualTrial) -> dict[str, Any]:
        ended = trial.ends_s <= self.now_s
        status = ("Stopped" if trial.stopped else "Failed" if trial.fails else "Completed") if ended else "InProgress"
        summary: dict[str, Any] = {
            "TrainingJobName": trial.name,
            "TrainingJobStatus": status,
            "TunedHyperParameters": {"x": "1"},
            "ObjectiveStatus": "Succeeded" if status == "Completed" else "Pending",
        }
        if trial.starts_s <= self.now_s:
            summary["TrainingStartTime"] = datetime.fromtimestamp(trial.starts_s, UTC)
        if status == "Completed":
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": "m", "Value": trial.value}
        return summary

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        trials = [each for job in self.jobs.values() for each in job.trials if each.name == TrainingJobName]
        if not trials:
            error = {"Error": {"Code": "ValidationException", "Message": "Requested resource not found."}}
            raise ClientError(error, "DescribeTrainingJob")
        (trial,) = trials
        return {"TrainingJobName": TrainingJobName, "BillableTimeInSeconds": self._charged_s(trial)}

    def list_hyper_parameter_tuning_jobs(self, **_request: Any) -> dict[str, Any]:
        return {"HyperParameterTuningJobSummaries": []}

    def stop_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> dict[str, str]:  # noqa: N803  AWS's word
        job = self.jobs[HyperParameterTuningJobName]
        self._stop(job)
        self._move(job)
        return {}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803  AWS's word
        del ResourceArn
        return {"Tags": [{"Key": TAG_RUN_DIGEST, "Value": "d"}]}
