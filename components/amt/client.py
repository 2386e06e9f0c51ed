"""`LocalAmt`: boto3's SageMaker methods for tuning jobs, answered by this machine.

The methods take and return what boto3's do, and raise botocore's ClientError with AWS's codes and texts; only a home
that cannot be written to or a store that does not answer speak in our own errors. What is answered is what the store
says, so any process may ask; training itself happens in the one process that holds the job's lock (`supervision`).
"""

from __future__ import annotations

import atexit
import secrets
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from components.amt import channels, doorbell, linux, queries, responses, warm_start
from components.amt.algorithms import algorithm_of
from components.amt.environments import Environments
from components.amt.folders import JobFolder
from components.amt.metrics import read_curve
from components.amt.preparation import Workshop
from components.amt.records import TERMINAL, TuningJob
from components.amt.requests import as_kept, unavailable, without_nones
from components.amt.responses import answer
from components.amt.store import AmtStore, NameTaken
from components.amt.supervision import Supervision
from components.amt.validation import check_create, check_model, client_error
from components.errors import CannotWrite
from components.storage.store import ObjectStore

Answer = dict[str, Any]

_SEEDS = 2**31
_STOP_GRACE_S = 120.0


class LocalAmt:
    """Automatic Model Tuning on this machine.

    Args:
        home: Folder of its state; created when needed.
        store: Where `s3://` inputs are read and artifacts written.
        supervise: Whether this process trains: a job that is created or described and has not ended is supervised
            here as soon as no other process does. Without it this client only looks, and can stop.
        region: Region in ARNs.
        account: Account in ARNs, 12 digits.
        python: Interpreter for one's own scripts.
        stop_grace_s: Seconds between SIGTERM and SIGKILL when a training job is stopped; AWS waits 120.
        fork: Whether built-in trainers are forked from a fork server; by default on Linux.

    Raises:
        CannotWrite: The home cannot be used. Every method may raise it.
    """

    def __init__(
        self,
        *,
        home: Path,
        store: ObjectStore,
        supervise: bool = True,
        region: str = "us-east-1",
        account: str = "111122223333",
        python: str = sys.executable,
        stop_grace_s: float = _STOP_GRACE_S,
        fork: bool = linux.IS_LINUX,
    ) -> None:
        self._home = home.absolute()
        self._objects = store
        self._supervise = supervise
        self._arn_prefix = f"arn:aws:sagemaker:{region}:{account}"
        self._region = region
        self._store = AmtStore(self._home / "amt.sqlite")
        workshop = Workshop(
            store=store,
            cache=channels.Cache(self._home / "cache" / "objects", store),
            python=python,
            environments=Environments(self._home / "cache", python=python),
            stop_grace_s=stop_grace_s,
            fork=fork,
        )
        self._supervision = Supervision(self._home, store=self._store, workshop=workshop)
        self._bells: dict[str, doorbell.Bell] = {}
        self._bells_lock = threading.Lock()
        self._closed = False
        # A normal end of the interpreter ends the runners in order; any other end is noticed by the fork server.
        atexit.register(_close_if_alive, weakref.ref(self))

    def create_hyper_parameter_tuning_job(self, **request: Any) -> Answer:
        """Check a request as AWS does, record it, and have it run. See CreateHyperParameterTuningJob.

        Raises:
            ClientError: ValidationException, ResourceInUse, ResourceLimitExceeded.
            Unavailable: The store of objects does not answer.
        """
        operation = "CreateHyperParameterTuningJob"
        request = without_nones(request)
        check_create(request)
        missing = unavailable(request)
        if missing:
            text = f"not available yet on the local engine: {', '.join(missing)}"
            raise client_error("ValidationException", text, operation)
        name = request["HyperParameterTuningJobName"]
        if self._store.tuning_job(name) is not None:
            raise _name_in_use(name)
        parents = warm_start.resolved(request, self._store)
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
        job = self._tuning_job(operation, request)
        kept = self._store.delete_tuning_job(job.name, expected=TERMINAL)
        if kept is None:
            text = f"The hyperparameter tuning job {job.name} cannot be deleted: it is not in a terminal state."
            raise client_error("ValidationException", text, operation)
        with suppress(OSError):  # logs only
            JobFolder(self._home, job.name).root.rename(JobFolder(self._home, kept).root)
        return answer({})

    def describe_training_job(self, **request: Any) -> Answer:
        """One training job. See DescribeTrainingJob.

        Raises:
            ClientError: ValidationException when there is none, as AWS answers.
        """
        operation = "DescribeTrainingJob"
        check_model(operation, request)
        trial = self._store.training_job(request["TrainingJobName"])
        job = None if trial is None else self._store.tuning_job(trial.tuning_job)
        if trial is None or job is None:
            raise client_error("ValidationException", "Requested resource not found.", operation)
        return answer(responses.describe_training_job(job, trial))

    def list_tags(self, **request: Any) -> Answer:
        """Tags of a tuning job, or of one of its training jobs, which bear the same. See ListTags.

        Raises:
            ClientError: ValidationException when there is no such resource.
        """
        operation = "ListTags"
        check_model(operation, request)
        name = request["ResourceArn"].rpartition("/")[2]
        trial = self._store.training_job(name)
        job = self._store.tuning_job(name if trial is None else trial.tuning_job)
        if job is None:
            raise client_error("ValidationException", "Requested resource not found.", operation)
        return answer({"Tags": [dict(tag) for tag in job.tags]})

    def wait_for_change(self, tuning_job_name: str, timeout_s: float) -> None:
        """Until anything of a tuning job has changed since the last call, or the time is over.

        The first call for a job returns at once: from then on changes are noticed.

        Raises:
            ClientError: ValidationException for what is no name of a tuning job.
        """
        # The name becomes part of a path: only what a job can be called.
        check_model("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": tuning_job_name})
        with self._bells_lock:
            bell = self._bells.get(tuning_job_name.lower())
            if bell is None:
                watchers = JobFolder(self._home, tuning_job_name).watchers
                try:
                    watchers.mkdir(parents=True, exist_ok=True)
                    self._bells[tuning_job_name.lower()] = doorbell.Bell(watchers / secrets.token_hex(8))
                except OSError as error:
                    raise CannotWrite(f"a home must be writable to be watched, got {watchers}: {error}") from error
                return
        bell.wait(timeout_s)

    def metric_curve(self, training_job_name: str, after: int = 0) -> list[dict[str, Any]]:
        """What a training job emitted so far: `{"metric", "step", "value", "timestamp_s", "seq"}` in order.

        `step` counts a metric's emissions from 0; `seq` grows strictly. A training job that is run again after a crash
        begins anew at 1.

        Args:
            training_job_name: The training job.
            after: Only what has a larger `seq`.
        """
        return read_curve(self._trial_folder(training_job_name) / "metrics.jsonl", after)

    def log_path(self, training_job_name: str) -> Path:
        """The file of a training job's output; it may not exist yet."""
        return self._trial_folder(training_job_name) / "log.txt"

    def warm_up(self, image: str) -> None:
        """Start importing what training jobs of an image need, and return at once."""
        algorithm = algorithm_of(image)
        if self._supervise and algorithm is not None:
            self._supervision.launcher.warm_up(algorithm.preload)

    def close(self) -> None:
        """Stop supervising in this process: runners end, jobs stay resumable."""
        if self._closed:
            return
        self._closed = True
        self._supervision.close()
        with self._bells_lock:
            for bell in self._bells.values():
                bell.close(remove=True)
            self._bells.clear()
        self._store.close()

    def _look_after(self, job: TuningJob) -> None:
        if self._supervise and job.status not in TERMINAL:
            self._supervision.supervise(job.name)

    def _tuning_job(self, operation: str, request: Mapping[str, Any]) -> TuningJob:
        check_model(operation, request)
        name = request["HyperParameterTuningJobName"]
        job = self._store.tuning_job(name)
        if job is None:
            text = f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
            raise client_error("ResourceNotFound", text, operation)
        return job

    def _trial_folder(self, training_job_name: str) -> Path:
        trial = self._store.training_job(training_job_name)
        if trial is None:
            raise client_error("ValidationException", "Requested resource not found.", "DescribeTrainingJob")
        return JobFolder(self._home, trial.tuning_job).trial(trial.name, trial.attempt).root


def _name_in_use(name: str) -> ClientError:
    text = f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
    return client_error("ResourceInUse", text, "CreateHyperParameterTuningJob")


def _close_if_alive(reference: weakref.ref[LocalAmt]) -> None:
    amt = reference()
    if amt is not None:
        amt.close()
