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
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from components.amt import channels, doorbell, linux
from components.amt.algorithms import algorithm_of
from components.amt.environments import Environments
from components.amt.folders import JobFolder, TrialFolder
from components.amt.metrics import read_curves
from components.amt.preparation import Workshop
from components.amt.remembered import RememberedTrial, remember
from components.amt.spot import SpotMarket
from components.amt.store import AmtStore
from components.amt.supervision import Supervision
from components.amt.training_job_calls import TrainingJobCalls
from components.amt.tuning_job_calls import TuningJobCalls
from components.amt.validation import check_model, client_error
from components.errors import CannotWrite, RetuneError
from components.storage.store import ObjectStore

_STOP_GRACE_S = 120.0


class LocalAmt(TuningJobCalls, TrainingJobCalls):
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
        spot: What Spot saves, and how often its instances are taken away; never by default.

    Raises:
        CannotWrite: The home cannot be used. Every method may raise it.
    """

    def __init__(  # noqa: PLR0913 - settings, each by its name
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
        spot: SpotMarket = SpotMarket(),  # noqa: B008 - a frozen value
    ) -> None:
        self._home = home.absolute()
        self._objects = store
        self._supervise = supervise
        self._arn_prefix = f"arn:aws:sagemaker:{region}:{account}"
        self._region = region
        self._spot_discount = spot.discount
        self._store = AmtStore(self._home / "amt.sqlite")
        workshop = Workshop(
            store=store,
            cache=channels.Cache(self._home / "cache" / "objects", store),
            python=python,
            environments=Environments(self._home / "cache", python=python),
            stop_grace_s=stop_grace_s,
            fork=fork,
            interruptions=spot.interruptions,
        )
        self._supervision = Supervision(self._home, store=self._store, workshop=workshop)
        self._bells: dict[str, doorbell.Bell] = {}
        self._bells_lock = threading.Lock()
        self._closed = False
        # A normal end of the interpreter ends the runners in order; any other end is noticed by the fork server.
        atexit.register(_close_if_alive, weakref.ref(self))

    def wait_for_change(self, tuning_job_name: str, timeout_s: float) -> None:
        """Until anything of a job has changed since the last call, or the time is over.

        The first call for a job returns at once: from then on changes are noticed.

        Args:
            tuning_job_name: Also that of a training job.
            timeout_s: At most.

        Raises:
            ClientError: ValidationException for what is no name of a tuning job.
        """
        trial = self._store.training_job(tuning_job_name)
        if trial is not None and (not trial.terminal or self._store.tuning_job(tuning_job_name) is None):
            # one of its own has a job of another name; that of a tuning job changes with it
            tuning_job_name = trial.tuning_job
        else:
            # The name becomes part of a path: only what a job can be called.
            check_model("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": tuning_job_name})
        with self._bells_lock:
            bell = self._bells.get(tuning_job_name.lower())
            if bell is not None and not bell.path.exists():  # of a job of this name that has been deleted
                bell.close()
                bell = None
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
        begins anew at 1; one that goes on after a Spot interruption counts on.

        Args:
            training_job_name: The training job.
            after: Only what has a larger `seq`.
        """
        folder = self._trial_folder(training_job_name)
        paths = [attempt.metrics for attempt in (*folder.earlier_attempts(), folder)]
        return read_curves(paths, after)

    def log_path(self, training_job_name: str) -> Path:
        """The file of a training job's output; it may not exist yet."""
        return self._trial_folder(training_job_name).log

    def warm_up(self, image: str) -> None:
        """Start importing what training jobs of an image need, and return at once."""
        algorithm = algorithm_of(image)
        if self._supervise and algorithm is not None:
            self._supervision.launcher.warm_up(algorithm.preload)

    def remember(
        self,
        request: Mapping[str, Any],
        trials: Sequence[RememberedTrial],
        *,
        created_s: float,
        parents: Sequence[str] = (),
    ) -> bool:
        """Record a tuning job that ended elsewhere, so that it can be a parent here; whether it was not known yet.

        Args:
            request: Its CreateHyperParameterTuningJob.
            trials: In the order of their creation.
            created_s: When it was created, seconds since the epoch.
            parents: Tuning jobs it was warm-started from; those not known here are left out.
        """
        name = request["HyperParameterTuningJobName"]
        arn = f"{self._arn_prefix}:hyper-parameter-tuning-job/{name.lower()}"
        return remember(self._store, request, trials, arn=arn, created_s=created_s, parents=parents)

    def unfinished(self) -> tuple[str, ...]:
        """Names of the jobs that have not ended, whoever supervises them."""
        return tuple(job.name for job in self._store.unfinished_jobs())

    def resume(self) -> None:
        """Supervise every job that has not ended, as soon as nobody else does; returns at once."""
        for job in self._store.unfinished_jobs():
            with suppress(RetuneError):  # told to who describes the job
                self._look_after(job)

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

    def _trial_folder(self, training_job_name: str) -> TrialFolder:
        trial = self._store.training_job(training_job_name)
        if trial is None:
            raise client_error("ValidationException", "Requested resource not found.", "DescribeTrainingJob")
        return JobFolder(self._home, trial.tuning_job).trial(trial.name, trial.attempt)


def _close_if_alive(reference: weakref.ref[LocalAmt]) -> None:
    amt = reference()
    if amt is not None:
        amt.close()
