"""Listing a search's training jobs, page by page, as trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.tuning.client import TuningClient
from components.tuning.result import Trial


def outcomes(client: TuningClient, name: str) -> tuple[Trial, ...]:
    """A tuning job's trials, oldest first, without their seconds: a call a page and none a trial."""
    return TrialReader(client, describes=False).read([name])


def collect(client: TuningClient, names: Sequence[str]) -> tuple[Trial, ...]:
    """All trials of these tuning jobs, oldest first, with their seconds."""
    return TrialReader(client).read(names)


class TrialReader:
    """Lists trials, and unless told not to describes each finished one once, for its seconds."""

    def __init__(self, client: TuningClient, *, describes: bool = True) -> None:
        self._client = client
        self._describes = describes
        self._finished: dict[str, Mapping[str, Any]] = {}

    def read(self, names: Sequence[str]) -> tuple[Trial, ...]:
        """All trials of these tuning jobs, oldest first."""
        summaries = [summary for name in names for summary in self._summaries(name)]
        return tuple(self._trial(summary, number) for number, summary in enumerate(summaries, start=1))

    def ran_out_of_time(self, trial: Trial) -> bool:
        """Whether a training job was stopped at its own MaxRuntimeInSeconds."""
        return self._finished.get(trial.training_job, {}).get("SecondaryStatus") == "MaxRuntimeExceeded"

    def _summaries(self, name: str) -> Iterator[Mapping[str, Any]]:
        page: dict[str, Any] = {
            "HyperParameterTuningJobName": name,
            "MaxResults": 100,
            "SortBy": "Name",
            "SortOrder": "Ascending",
        }
        while True:
            answer = self._client.list_training_jobs_for_hyper_parameter_tuning_job(**page)
            yield from answer["TrainingJobSummaries"]
            if not answer.get("NextToken"):
                return
            page["NextToken"] = answer["NextToken"]

    def _trial(self, summary: Mapping[str, Any], number: int) -> Trial:
        name = summary["TrainingJobName"]
        terminal = summary["TrainingJobStatus"] in ("Completed", "Failed", "Stopped")
        if terminal and self._describes and name not in self._finished:
            self._finished[name] = self._client.describe_training_job(TrainingJobName=name)
        detail = self._finished.get(name, {})
        metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        scored = metric is not None and summary.get("ObjectiveStatus") == "Succeeded"
        return Trial(
            training_job=name,
            number=number,
            status=summary["TrainingJobStatus"],
            objective=metric["Value"] if metric is not None and scored else None,
            hyperparameters=summary["TunedHyperParameters"],
            started=summary.get("TrainingStartTime"),
            ended=summary.get("TrainingEndTime"),
            training_seconds=detail.get("TrainingTimeInSeconds"),
            billable_seconds=detail.get("BillableTimeInSeconds"),
            failure=summary.get("FailureReason"),
        )
