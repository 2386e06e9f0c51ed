"""The scenario, call by call; each step is skipped when its documents are written already."""

from __future__ import annotations

import io
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.aws import translate
from components.errors import Cancelled, JobDiffers
from components.storage.store import ObjectStore
from components.tuning.job_check import differences
from components.tuning.tuning_jobs import TERMINAL, described
from tests.aws import refused_calls
from tests.aws.recorder import Recorder
from tests.aws.requests import FIRST, PROGRAM, SCRIPT, STOPPED, WARM, Places, Request, tuning_job

_TELLING = ("asleep-describe", "asleep-trials", "asleep-training-job", "asleep-list")
_SAMPLED = "{job}-statuses"
# Its jobs have ended as in no other record: what they show is not to be compared.
_INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The scenario in one account.

    Attributes:
        places: Names and places.
        recorder: What is called is kept by it.
        store: S3 of the account.
        poll_s: Seconds between two looks at a job.
    """

    places: Places
    recorder: Recorder
    store: ObjectStore
    poll_s: float

    def play(self) -> None:
        """Play what is not recorded yet; Ctrl-C stops the jobs that run.

        Raises:
            Cancelled: It was interrupted, now or before.
            RetuneError: The account cannot be used.
        """
        if self.recorder.has(_INTERRUPTED):
            raise self._cancelled()
        try:
            self._play()
        except (ClientError, BotoCoreError) as error:
            raise translate(error) from error
        except KeyboardInterrupt:
            if self.stop_all():
                self.recorder.write(_INTERRUPTED, {"missed": "the scenario was interrupted and its jobs were stopped"})
            raise self._cancelled() from None

    def stop_all(self) -> list[str]:
        """Stop every tuning job of the scenario that runs; their names."""
        requests = refused_calls.all_creates(self.places).values()
        names = [self.places.name(job) for job in (FIRST, STOPPED, WARM)]
        names += [request["HyperParameterTuningJobName"] for request in requests]
        stopped = []
        for name in names:
            try:
                if self._status(name) != "InProgress":
                    continue
                self._client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            except (ClientError, BotoCoreError) as error:  # the others are to be stopped all the same
                self._say(f"cannot stop {name}: {translate(error)}")
                continue
            self._say(f"stopping {name}")
            stopped.append(name)
        return stopped

    def _play(self) -> None:
        self._put_inputs()
        for document, (method, request) in refused_calls.unknown_names().items():
            self.recorder.asked(document, method, **request)
        self._refused(refused_calls.creates(self.places))
        self._to_its_end(FIRST)
        first = {"HyperParameterTuningJobName": self.places.name(FIRST)}
        self.recorder.asked(
            "refused-name-in-use", "create_hyper_parameter_tuning_job", **tuning_job(self.places, FIRST)
        )
        self.recorder.asked("refused-stop-of-ended", "stop_hyper_parameter_tuning_job", **first)
        self._refused(refused_calls.warm_starts(self.places))
        self._stop_one()
        self._to_its_end(WARM)
        self._tell_all()

    def _to_its_end(self, job: str) -> None:
        self.recorder.created(f"{job}-create", self._request(job))
        if self._follow(job) == "Stopped":
            raise self._cancelled()
        self._tell(job)

    def _stop_one(self) -> None:
        name = {"HyperParameterTuningJobName": self.places.name(STOPPED)}
        self.recorder.created(f"{STOPPED}-create", self._request(STOPPED))
        if not self.recorder.has(*_TELLING, "refused-delete-of-running", "stop"):
            self._while_asleep(name)
        self._follow(STOPPED)
        self._tell(STOPPED)

    def _while_asleep(self, name: Request) -> None:
        """What is to be seen and refused while the second training job waits to be stopped."""
        documents = [*_TELLING, "refused-delete-of-running", *refused_calls.parent_running(self.places), "stop"]
        if (asleep := self._asleep(STOPPED)) is None:
            for document in documents:
                if not self.recorder.has(document):
                    self.recorder.write(document, {"missed": "the job had ended before this could be asked"})
            return
        self.recorder.answered(_TELLING[0], "describe_hyper_parameter_tuning_job", **name)
        self.recorder.answered(_TELLING[1], "list_training_jobs_for_hyper_parameter_tuning_job", **name)
        self.recorder.answered(_TELLING[2], "describe_training_job", TrainingJobName=asleep)
        self.recorder.answered(
            _TELLING[3],
            "list_hyper_parameter_tuning_jobs",
            NameContains=self.places.name(STOPPED),
            StatusEquals="InProgress",
        )
        self.recorder.asked("refused-delete-of-running", "delete_hyper_parameter_tuning_job", **name)
        self._refused(refused_calls.parent_running(self.places))
        self.recorder.answered("stop", "stop_hyper_parameter_tuning_job", **name)

    def _asleep(self, job: str) -> str | None:
        """Name of the second training job once it trains; None when the tuning job has ended."""
        while self._follow_once(job) not in (*TERMINAL, "Stopping"):
            rows = self._trials(job)
            if len(rows) > 1:
                name = str(rows[-1]["TrainingJobName"])
                if self._client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training":
                    return name
            time.sleep(self.poll_s)
        return None

    def _tell(self, job: str) -> None:
        """What there is to see of a job that has ended."""
        name = {"HyperParameterTuningJobName": self.places.name(job)}
        trials = "list_training_jobs_for_hyper_parameter_tuning_job"
        self.recorder.answered(f"{job}-describe", "describe_hyper_parameter_tuning_job", **name)
        self.recorder.answered(f"{job}-trials", trials, **name)
        self.recorder.answered(f"{job}-trials-by-value", trials, **name, SortBy="FinalObjectiveMetricValue")
        for number, row in enumerate(self._trials(job), start=1):
            self.recorder.answered(
                f"{job}-training-job-{number}", "describe_training_job", TrainingJobName=row["TrainingJobName"]
            )
        arn = self._client.describe_hyper_parameter_tuning_job(**name)["HyperParameterTuningJobArn"]
        self.recorder.answered(f"{job}-tags", "list_tags", ResourceArn=arn)

    def _tell_all(self) -> None:
        self.recorder.answered(
            "list", "list_hyper_parameter_tuning_jobs", NameContains=self.places.run, SortBy="CreationTime"
        )
        self.recorder.answered(
            "list-page", "list_training_jobs_for_hyper_parameter_tuning_job", **self._page(FIRST), MaxResults=1
        )
        self.recorder.answered("list-training-jobs", "list_training_jobs", NameContains=self.places.name(FIRST))
        for part in ("out", "checkpoints"):
            found = self.store.list(f"{self.places.root}/{part}/")
            keys = sorted(one.uri.removeprefix(f"{self.places.root}/") for one in found)
            content = {"operation": "list_objects", "http_status": 200, "answer": {"Keys": keys}}
            if not self.recorder.has(f"s3-{part}"):
                self.recorder.write(f"s3-{part}", content)

    def _refused(self, requests: Mapping[str, Request]) -> None:
        for document, request in requests.items():
            if self.recorder.has(document):
                continue
            self._say(document)
            name = request["HyperParameterTuningJobName"]
            before = self._status(name)
            if before is not None:  # taken before a kill
                taken = {"operation": "create_hyper_parameter_tuning_job", "request": request, "answer": {}}
                self.recorder.write(document, {**taken, "http_status": 200})
            elif self.recorder.asked(document, "create_hyper_parameter_tuning_job", **request):
                before = "InProgress"
            if before == "InProgress":
                self._client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    def _follow(self, job: str) -> str:
        """Until a tuning job has ended; its last status."""
        while (status := self._follow_once(job)) not in TERMINAL:
            time.sleep(self.poll_s)
        return status

    def _follow_once(self, job: str) -> str:
        status = self._status(self.places.name(job)) or "gone"
        document = _SAMPLED.format(job=job)
        seen: Sequence[str] = self.recorder.read(document)["sampled"] if self.recorder.has(document) else []
        if not seen or seen[-1] != status:
            self._say(f"{self.places.name(job)}: {status}")
            self.recorder.write(document, {"sampled": [*seen, status]})
        return status

    def _request(self, job: str) -> Request:
        """The request of a job; one that is there already must be what it says.

        Raises:
            JobDiffers: It is not.
        """
        request = tuning_job(self.places, job)
        there = described(self._client, self.places.name(job))
        found = differences(request, there) if there is not None else ()
        if found:
            raise JobDiffers(
                f"tuning job {self.places.name(job)} must be that of this scenario, got another ({found[0]}): "
                f"use --take {self.places.take + 1}"
            )
        return request

    def _status(self, name: str) -> str | None:
        job = described(self._client, name)
        return None if job is None else str(job["HyperParameterTuningJobStatus"])

    def _trials(self, job: str) -> list[Mapping[str, Any]]:
        answer = self._client.list_training_jobs_for_hyper_parameter_tuning_job(**self._page(job), MaxResults=100)
        return list(answer["TrainingJobSummaries"])

    def _page(self, job: str) -> Request:
        return {"HyperParameterTuningJobName": self.places.name(job)}

    def _put_inputs(self) -> None:
        rows = "".join(f"{row % 2},{row},{row % 7}\n" for row in range(60))
        for part in ("train", "validation"):
            self.store.put_bytes(rows.encode(), f"{self.places.root}/data/{part}/part.csv")
        self.store.put_bytes(_packed(SCRIPT), f"{self.places.root}/code/sourcedir.tar.gz")

    @property
    def _client(self) -> Any:
        return self.recorder.client

    def _cancelled(self) -> Cancelled:
        take = self.places.take
        return Cancelled(f"take {take} was stopped before its end: play it again with --take {take + 1}")

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _packed(script: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        info = tarfile.TarInfo(PROGRAM)
        info.size = len(script.encode())
        tar.addfile(info, io.BytesIO(script.encode()))
    return content.getvalue()
