"""boto3's methods for training jobs, and for tags."""

from __future__ import annotations

import time
from typing import Any

from components.amt import channels, doorbell, queries, responses, single_jobs
from components.amt.calls import Answer, Calls
from components.amt.folders import JobFolder
from components.amt.records import TrainingJob, TuningJob
from components.amt.requests import without_nones
from components.amt.responses import answer
from components.amt.store import NameTaken
from components.amt.training_job import arn_of
from components.amt.validation import check_model, client_error


class TrainingJobCalls(Calls):
    """The training-job half of `LocalAmt`."""

    def create_training_job(self, **request: Any) -> Answer:
        """Check a request as AWS does, record it, and have it run. See CreateTrainingJob.

        Raises:
            ClientError: ValidationException, ResourceInUse.
            Unavailable: The store of objects does not answer.
        """
        operation = "CreateTrainingJob"
        request = without_nones(request)
        check_model(operation, request)
        refusal = single_jobs.first_refusal(request)
        if refusal is not None:
            raise client_error(refusal.code, refusal.message, operation)
        job, trial = single_jobs.as_job(request, arn_prefix=self._arn_prefix, now_s=time.time())
        if self._store.training_job(trial.name) is None:
            channels.check_inputs(job.definition, store=self._objects, region=self._region, operation=operation)
        try:
            with self._store.transaction():
                self._store.add_tuning_job(job)
                self._store.add_training_job(trial)
        except NameTaken as error:
            # AWS's words as remembered, not read again.
            text = (
                "Training job names must be unique within an AWS account and region, and a training job with this name "
                f"already exists ({job.arn})"
            )
            raise client_error("ResourceInUse", text, operation) from error
        self._look_after(job)
        return answer({"TrainingJobArn": job.arn})

    def describe_training_job(self, **request: Any) -> Answer:
        """One training job. See DescribeTrainingJob.

        Raises:
            ClientError: ValidationException when there is none, as AWS answers.
            RetuneError: What ended this process's supervision of it; asking again resumes it.
        """
        job, trial = self._training_job("DescribeTrainingJob", request)
        if single_jobs.is_single(job):
            self._look_after(job)
        return answer(responses.describe_training_job(job, trial, spot_discount=self._spot_discount))

    def stop_training_job(self, **request: Any) -> Answer:
        """Stop a training job, one of a tuning job too, which then goes on without it. See StopTrainingJob.

        Raises:
            ClientError: ValidationException when there is none, or when it has ended already.
        """
        operation = "StopTrainingJob"
        job, trial = self._training_job(operation, request)
        if trial.terminal:
            text = f"The request was rejected because the training job is in status {trial.status}."
            raise client_error("ValidationException", text, operation)
        self._store.ask_to_stop(trial.name)
        if single_jobs.is_single(job):
            self._store.move_tuning_job(job.name, expected=("InProgress",), to="Stopping", at_s=time.time())
        self._look_after(job)
        folder = JobFolder(self._home, job.name)
        if not doorbell.ring(folder.poke) and not self._supervise and single_jobs.is_single(job):
            self._supervision.settle(job.name)
        doorbell.ring_all(folder.watchers)
        return answer({})

    def list_training_jobs(self, **request: Any) -> Answer:
        """Training jobs, those of tuning jobs among them, paged. See ListTrainingJobs.

        Raises:
            ClientError: ValidationException.
        """
        check_model("ListTrainingJobs", request)
        rows, token = queries.all_training_jobs(self._store.all_training_jobs(), request)
        jobs = {name: self._store.tuning_job(name) for name in {row.tuning_job for row in rows}}
        summaries = [
            responses.plain_summary(row, arn_of(job, row.name)) for row in rows if (job := jobs[row.tuning_job])
        ]
        return answer({"TrainingJobSummaries": summaries, **token})

    def list_tags(self, **request: Any) -> Answer:
        """Tags of a job, or of a training job of a tuning job, which bears the same. See ListTags.

        Raises:
            ClientError: ValidationException when there is no such resource.
        """
        operation = "ListTags"
        check_model(operation, request)
        kind, _, name = request["ResourceArn"].rpartition("/")
        trial = self._store.training_job(name) if kind.endswith(":training-job") else None
        job = self._store.tuning_job(name if trial is None else trial.tuning_job)
        if job is None:
            raise client_error("ValidationException", "Requested resource not found.", operation)
        return answer({"Tags": [dict(tag) for tag in job.tags]})

    def _training_job(self, operation: str, request: dict[str, Any]) -> tuple[TuningJob, TrainingJob]:
        check_model(operation, request)
        trial = self._store.training_job(request["TrainingJobName"])
        job = None if trial is None else self._store.tuning_job(trial.tuning_job)
        if trial is None or job is None:
            raise client_error("ValidationException", "Requested resource not found.", operation)
        return job, trial
