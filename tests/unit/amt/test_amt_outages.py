"""Stores that fail: what ends a training job, what is tried again, and what is left to the next supervisor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from amt_cases import a_request, a_store, names, put_script, trials_of, wait_for_end
from botocore.exceptions import ClientError

from components.amt import channels
from components.amt.client import LocalAmt
from components.amt.environments import Environments
from components.amt.folders import JobFolder, read_json
from components.amt.preparation import Workshop
from components.amt.store import AmtStore
from components.amt.supervision import Supervision
from components.errors import Damaged, InvalidInput, Refused, RetuneError, Unavailable
from components.storage.local import FolderStore
from components.storage.store import ObjectInfo

MODEL = "import os\nopen(os.environ['SM_MODEL_DIR'] + '/model', 'w').write('weights')\nprint('loss = 1')\n"


class FailingStore(FolderStore):
    """A store whose uploads and fetches fail as they are told, one error each.

    Args:
        root: Its folder, with data in it.
        gate: Is made when an upload fails.
    """

    def __init__(self, root: Path, gate: Path | None = None) -> None:
        super().__init__(a_store(root).root)
        self.gate = gate
        self.uploads: list[RetuneError] = []
        self.fetches: list[RetuneError] = []

    def put(self, path: Path, uri: str) -> None:
        """Store a file's bytes, or fail."""
        if self.uploads:
            if self.gate is not None:
                self.gate.touch()
            raise self.uploads.pop(0)
        super().put(path, uri)

    def get(self, uri: str, path: Path) -> None:
        """Fetch into `path`, or fail."""
        if self.fetches:
            raise self.fetches.pop(0)
        super().get(uri, path)


class LongKeys(FolderStore):
    """A store with a key that S3 takes and no file system does."""

    def list(self, prefix_uri: str) -> Iterator[ObjectInfo]:
        """One object."""
        yield ObjectInfo(uri=f"{prefix_uri}{'k' * 300}", size=1, etag="1")

    def get(self, uri: str, path: Path) -> None:
        """Its byte."""
        assert uri.startswith("s3://")
        path.write_bytes(b"1")


@pytest.mark.parametrize("where", ["upload", "fetch"])
def test_what_the_store_refuses_fails_only_the_training_job(tmp_path: Path, where: str) -> None:
    """An upload or input the store refuses for good makes a failed training job with the reason; others go on."""
    store = FailingStore(tmp_path / "store")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    if where == "upload":
        store.uploads = [Refused("not into this bucket")]
    else:
        store.fetches = [Damaged("not into this bucket")]
    request = a_request("refused", code=put_script(store, MODEL), jobs=2, parallel=1)
    amt.create_hyper_parameter_tuning_job(**request)
    job = wait_for_end(amt, "refused")
    rows = trials_of(amt, "refused")
    amt.close()
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert [row["TrainingJobStatus"] for row in rows] == ["Failed", "Completed"]
    assert rows[0]["FailureReason"] == "ClientError: not into this bucket"


@pytest.mark.parametrize("path", ["https://bucket/out", "s3://bucket/a//b", "s3://bucket//a", "s3://bucket/../a"])
def test_an_output_path_that_cannot_be_is_refused_at_create(amt: LocalAmt, store: FolderStore, path: str) -> None:
    """An S3OutputPath nothing could be written to is refused before anything trains."""
    request = a_request("nowhere", code=put_script(store, MODEL))
    request["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"] = path
    with pytest.raises(ClientError, match=r"ValidationException.*S3OutputPath"):
        amt.create_hyper_parameter_tuning_job(**request)


def test_a_key_no_file_can_have_is_the_requests_fault(tmp_path: Path) -> None:
    """A part of an S3 key beyond 255 bytes is told as such."""
    store = LongKeys(tmp_path / "store")
    channel = {"DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/data/"}}}
    cache = channels.Cache(tmp_path / "cache", store)
    with pytest.raises(InvalidInput, match="at most 255 bytes, got s3://bucket/data/kkk"):
        channels.place_channel(channel, folder=tmp_path / "train", store=store, cache=cache, mode="File")


@pytest.mark.parametrize("where", ["upload", "fetch"])
def test_a_store_that_does_not_answer_once_is_asked_again(tmp_path: Path, where: str) -> None:
    """One answer missed by the store costs a pause, not the training jobs."""
    store = FailingStore(tmp_path / "store")
    code = put_script(store, MODEL)
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    (store.uploads if where == "upload" else store.fetches).append(Unavailable("try later"))
    amt.create_hyper_parameter_tuning_job(**a_request("once", code=code, jobs=1))
    job = wait_for_end(amt, "once")
    (name,) = names(amt, "once")
    attempt = amt.log_path(name).parent.suffix
    amt.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 1
    assert attempt == ".1"


def test_an_outage_lets_running_training_jobs_end(tmp_path: Path) -> None:
    """When the store stays away nothing new begins and what runs goes on to its exit record; a later call resumes."""
    gate = tmp_path / "gate"
    store = FailingStore(tmp_path / "store", gate)
    waits = (
        f"import os, time\nwhile '-002-' in os.environ['TRAINING_JOB_NAME'] and not os.path.exists({str(gate)!r}):\n"
    )
    code = put_script(store, f"{waits}    time.sleep(0.01)\n{MODEL}")
    home = tmp_path / "amt"
    amt = LocalAmt(home=home, store=store, supervise=False)
    amt.create_hyper_parameter_tuning_job(**a_request("outage", code=code, jobs=4, parallel=2))
    store.uploads = [Unavailable("the store is away")] * 100
    record = AmtStore(home / "amt.sqlite")
    cache = channels.Cache(home / "cache", store)
    workshop = Workshop(
        store=store,
        cache=cache,
        python=sys.executable,
        environments=Environments(tmp_path / "cache", python=sys.executable),
        stop_grace_s=1,
        fork=True,
        store_pauses_s=(),
    )
    supervision = Supervision(home, store=record, workshop=workshop)
    supervision.supervise("outage")
    for thread in threading.enumerate():
        if thread.name == "amt-outage":
            thread.join(60)
    with pytest.raises(Unavailable, match="the store is away"):
        supervision.supervise("outage")
    folders = [JobFolder(home, "outage").trial(trial.name, trial.attempt) for trial in record.training_jobs("outage")]
    assert [(read_json(folder.exit) or {}).get("exit_code") for folder in folders] == [0, 0]
    store.uploads.clear()
    supervision.supervise("outage")
    job = wait_for_end(amt, "outage")
    attempts = [amt.log_path(name).parent.suffix for name in names(amt, "outage")]
    supervision.close()
    amt.close()
    record.close()
    assert job["TrainingJobStatusCounters"]["Completed"] == 4
    assert attempts == [".1"] * 4
