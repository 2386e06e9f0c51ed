"""boto3's methods for tuning jobs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from components.amt import beyond_amt, channels, doorbell, queries, responses, warm_start
from components.amt.calls import Answer, Calls
from components.amt.folders import JobFolder
from components.amt.records import TERMINAL, TuningJob
from components.amt.requests import as_kept, unavailable, without_nones
from components.amt.responses import answer
from components.amt.store import NameTaken
from components.amt.validation import check_create, check_model, client_error

_SEEDS = 2**31


class TuningJobCalls(Calls):
    """The tuning-job half of `LocalAmt`."""

    def create_hyper_parameter_tuning_job(self, **request: Any) -> Answer:
        """Check a request as AWS does, record it, and have it run. See CreateHyperParameterTuningJob.

        Raises:
            ClientError: ValidationException, ResourceInUse, ResourceLimitExceeded.
            Unavailable: The store of objects does not answer.
        """
        return self._create(without_nones(request), ())

    def create_beyond_amt(self, request: Mapping[str, Any], *, parents: Sequence[str]) -> Answer:
        """The same, with parents that AMT would not take, by name: see `beyond_amt`. Not in AWS's API.

        Raises:
            ClientError: As Create, and for a parent that cannot be one even so.
            Unavailable: The store of objects does not answer.
        """
        return self._create(without_nones(request), parents)

    def parents_of(self, tuning_job_name: str) -> tuple[str, ...]:
        """Names of the parents a tuning job was created with, whichever rules took them; not of deleted ones."""
        return beyond_amt.parents_of(tuning_job_name, self._store)

    def _create(self, request: Mapping[str, Any], further: Sequence[str]) -> Answer:
        operation = "CreateHyperParameterTuningJob"
        check_create(request)
        missing = unavailable(request)
        if missing:
            text = f"not available yet on the local engine: {', '.join(missing)}"
            raise client_error("ValidationException", text, operation)
        name = request["HyperParameterTuningJobName"]
        if self._store.tuning_job(name) is not None:
            raise _name_in_use(name)
        parents = warm_start.resolved(request, self._store) + beyond_amt.resolved(request, further, self._store)
        channels.check_inputs(request["TrainingJobDefinition"], store=self._objects, region=self._region)
        config = request["HyperParameterTuningJobConfig"]
        now = time.time()
        job = TuningJob(
            name=name,
            arn=f"{self._arn_prefix}:hyper-parameter-tuning-job/{name.lower()}",
            request=as_kept(request),
            tags=list(request.get("Tags") or ()),
            seed=config.get("RandomSeed", secrets.randbelow(_SEEDS)),
            status="InProgress",
            created_s=now,
            modified_s=now,
            parents=parents,
        )
        try:
            self._store.add_tuning_job(job)
        except NameTaken as error:
            raise _name_in_use(name) from error
        self._look_after(job)
        return answer({"HyperParameterTuningJobArn": job.arn})

    def describe_hyper_parameter_tuning_job(self, **request: Any) -> Answer:
        """One tuning job. See DescribeHyperParameterTuningJob.

        Raises:
            ClientError: ResourceNotFound.
            RetuneError: What ended this process's supervision of the job; asking again resumes it.
        """
        job = self._tuning_job("DescribeHyperParameterTuningJob", request)
        self._look_after(job)
        parents = warm_start.parents_of(job, self._store) if warm_start.is_identical(job) else []
        return answer(responses.describe_tuning_job(job, self._store.training_jobs(job.name), parents))

    def list_hyper_parameter_tuning_jobs(self, **request: Any) -> Answer:
        """Tuning jobs, paged. See ListHyperParameterTuningJobs.

        Raises:
            ClientError: ValidationException.
        """
        check_model("ListHyperParameterTuningJobs", request)
        rows, token = queries.tuning_jobs(self._store.tuning_jobs(), request)
        summaries = [responses.tuning_job_summary(job, self._store.training_jobs(job.name)) for job in rows]
        return answer({"HyperParameterTuningJobSummaries": summaries, **token})

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **request: Any) -> Answer:
        """Training jobs of a tuning job, paged. See ListTrainingJobsForHyperParameterTuningJob.

        Raises:
            ClientError: ValidationException, ResourceNotFound.
        """
        job = self._tuning_job("ListTrainingJobsForHyperParameterTuningJob", request)
        rows, token = queries.training_jobs(self._store.training_jobs(job.name), request)
        return answer({"TrainingJobSummaries": [responses.training_job_summary(job, row) for row in rows], **token})

    def stop_hyper_parameter_tuning_job(self, **request: Any) -> Answer:
        """Stop a tuning job and what it runs. See StopHyperParameterTuningJob; a second stop changes nothing.

        Raises:
            ClientError: ResourceNotFound; ValidationException when it has ended already.
        """
        operation = "StopHyperParameterTuningJob"
        job = self._tuning_job(operation, request)
        moved = self._store.move_tuning_job(job.name, expected=("InProgress",), to="Stopping", at_s=time.time())
        if not moved and self._tuning_job(operation, request).status in TERMINAL:
            text = f"The request was rejected because the hyperparameter tuning job {job.name} is already in a terminal"
            raise client_error("ValidationException", f"{text} state.", operation)
        folder = JobFolder(self._home, job.name)
        if self._supervise:
            self._supervision.supervise(job.name)
        if not doorbell.ring(folder.poke) and not self._supervise:
            self._supervision.settle(job.name)
        doorbell.ring_all(folder.watchers)
        return answer({})

    def delete_hyper_parameter_tuning_job(self, **request: Any) -> Answer:
        """Forget a tuning job that has ended; its training jobs, logs and artifacts stay, its name is free again.

        See DeleteHyperParameterTuningJob. Done when it returns, so Deleting and DeleteFailed are never seen here.

        Raises:
            ClientError: ResourceNotFound; ValidationException while it runs.
        """
        operation = "DeleteHyperParameterTuningJob"
        with self._store.transaction():  # until its end nobody can create a job of this name, nor its folder
            job = self._tuning_job(operation, request)
            kept = self._store.delete_tuning_job(job.name, expected=TERMINAL)
            if kept is None:
                text = f"The hyperparameter tuning job {job.name} cannot be deleted: it is not in a terminal state."
                raise client_error("ValidationException", text, operation)
            moved = JobFolder(self._home, kept)
            with suppress(OSError):  # logs only
                JobFolder(self._home, job.name).root.rename(moved.root)
        doorbell.ring_all(moved.watchers)
        return answer({})

    def _tuning_job(self, operation: str, request: Mapping[str, Any]) -> TuningJob:
        check_model(operation, request)
        name = request["HyperParameterTuningJobName"]
        job = self._store.tuning_job(name)
        if job is None:
            text = f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
            raise client_error("ResourceNotFound", text, operation)
        return job


def _name_in_use(name: str) -> ClientError:
    text = f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
    return client_error("ResourceInUse", text, "CreateHyperParameterTuningJob")
