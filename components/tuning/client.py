"""What a search or a refit needs of an engine: boto3's own method names, so that boto3's client is one as it is."""

from __future__ import annotations

from typing import Any, Protocol


class TuningClient(Protocol):
    """The methods of boto3's SageMaker client that are used; boto3's client is one as it is."""

    def create_hyper_parameter_tuning_job(self, **request: Any) -> Any:
        """Start a tuning job."""

    def describe_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> Any:  # noqa: N803  AWS's word
        """Status, counters and best training job."""

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> Any:
        """One page of training-job summaries."""

    def list_hyper_parameter_tuning_jobs(self, **request: Any) -> Any:
        """One page of tuning-job summaries."""

    def stop_hyper_parameter_tuning_job(self, *, HyperParameterTuningJobName: str) -> Any:  # noqa: N803  AWS's word
        """Ask it to stop."""

    def describe_training_job(self, *, TrainingJobName: str) -> Any:  # noqa: N803  AWS's word
        """One training job."""

    def create_training_job(self, **request: Any) -> Any:
        """Start a training job of its own."""

    def stop_training_job(self, *, TrainingJobName: str) -> Any:  # noqa: N803  AWS's word
        """Ask it to stop."""

    def list_training_jobs(self, **request: Any) -> Any:
        """One page of training-job summaries."""

    def list_tags(self, *, ResourceArn: str) -> Any:  # noqa: N803  AWS's word
        """Tags of a tuning or training job."""
