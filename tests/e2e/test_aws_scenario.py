"""The scenario for SageMaker itself, played against two local AMTs: recorded, killed, stopped, redacted, compared."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.amt_endpoint import Serving, serving
from tests.command import environment_of

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

pytestmark = pytest.mark.slow

BUCKET, PREFIX, ROLE, ACCOUNT = "models-of-a-team", "team/churn", "TuningOfATeam", "444455556666"
DEADLINE_S = 200


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Somebody with an account, and a working folder."""

    cwd: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `python -m tests.aws` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.aws", *arguments],
            cwd=self.cwd,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Run it to its end: exit code, stdout, stderr."""
        process = self.start(*arguments, **variables)
        try:
            out, err = process.communicate(timeout=DEADLINE_S)
        finally:
            end(process)
        return process.returncode, out, err


def end(process: subprocess.Popen[str]) -> None:
    """Kill what still runs, so that a failing test cannot hang."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def until_said(process: subprocess.Popen[str], words: str) -> None:
    """Read what a process says until it says this."""
    assert process.stderr is not None
    told = ""
    while words not in told:
        line = process.stderr.readline()
        assert line, f"{words!r} must be said, got {told}"
        told += line


@pytest.fixture(scope="module")
def s3_url(_moto: ThreadedMotoServer) -> str:
    host, port = _moto.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    return url


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, s3_url: str) -> Iterator[Serving]:
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    with serving(tmp_path_factory.mktemp("cloud"), "s3", AWS_ENDPOINT_URL_S3=s3_url, **keys) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory, cloud: Serving, s3_url: str) -> Owner:
    cwd = tmp_path_factory.mktemp("owner")
    account = {
        **cloud.exports,
        "AWS_ENDPOINT_URL": s3_url,
        "RETUNE_BUCKET": BUCKET,
        "RETUNE_PREFIX": PREFIX,
        "RETUNE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        "RETUNE_POLL_S": "0.2",
        "RETUNE_TEST_AWS": "yes",
    }
    return Owner(cwd=cwd, environment=environment_of(cwd / "home", **account))


@pytest.fixture(scope="module")
def record(owner: Owner) -> Path:
    """A whole record of the first account; its process was killed on the way and run again."""
    folder = owner.cwd / "cloud"
    killed = owner.start("record", str(folder))
    try:
        until_said(killed, "-first: InProgress")
    finally:
        end(killed)
    assert not (folder / "first-describe.json").exists()
    code, _, err = owner.run("record", str(folder))
    assert code == 0, err
    assert "the worst case is 0.19 USD, within the cap of 1.00 USD" in err
    return folder


def document(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text())


def test_a_killed_recording_goes_on_and_trains_nothing_twice(record: Path, cloud: Serving, owner: Owner) -> None:
    """After SIGKILL the same command attaches: three tuning jobs, five training jobs; a third run calls nothing."""
    run = document(record, "about")["run"]
    found = cloud.client.list_hyper_parameter_tuning_jobs(NameContains=run, MaxResults=100)
    names = [row["HyperParameterTuningJobName"] for row in found["HyperParameterTuningJobSummaries"]]
    assert names == [f"{run}-first", f"{run}-stopped", f"{run}-warm"]
    trained = cloud.client.list_training_jobs(NameContains=run, MaxResults=100)["TrainingJobSummaries"]
    assert len(trained) == 5
    before = {path: path.read_bytes() for path in record.iterdir()}
    assert owner.run("record", str(record))[0] == 0
    assert {path: path.read_bytes() for path in record.iterdir()} == before


def test_the_scenario_shows_what_it_is_for(record: Path) -> None:
    """Two trials on Spot, a stop while one trains, a warm start with its parent, and refusals in AWS's words."""
    first = document(record, "first-describe")["answer"]
    assert first["TrainingJobStatusCounters"]["Completed"] == 2
    assert first["TrainingJobDefinition"]["EnableManagedSpotTraining"] is True
    asleep, stopped = (document(record, name)["answer"] for name in ("asleep-training-job", "stopped-training-job-2"))
    assert (asleep["SecondaryStatus"], stopped["TrainingJobStatus"]) == ("Training", "Stopped")
    assert document(record, "stopped-statuses")["sampled"][-1] == "Stopped"
    warm = document(record, "warm-describe")["answer"]
    assert warm["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm"
    assert "OverallBestTrainingJob" in warm
    refusals = {path.stem: document(record, path.stem) for path in record.glob("refused-*.json")}
    assert len(refusals) >= 25
    assert {name for name, one in refusals.items() if "error" not in one} == set()
    assert refusals["refused-name-in-use"]["error"]["code"] == "ResourceInUse"
    assert "not in a terminal state" in refusals["refused-delete-of-running"]["error"]["message"]


def test_a_record_does_not_say_whose_account_it_was(record: Path, cloud: Serving) -> None:
    """No file has the account, bucket, prefix, role or a key; placeholders stand where they stood."""
    found = cloud.client.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=f"{document(record, 'about')['run']}-first"
    )
    arn = found["HyperParameterTuningJobArn"]
    secrets = [BUCKET, PREFIX, ROLE, ACCOUNT, arn.split(":")[4], cloud.access_key, cloud.secret_key, "RequestId"]
    assert all(len(secret) >= 9 for secret in secrets)
    texts = {path.name: path.read_text() for path in record.iterdir()}
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret in text] == []
    assert "arn:aws:iam::<account>:role/<role>" in texts["first-describe.json"]
    assert '"s3://<bucket>/test-aws/' in texts["first-describe.json"]


def test_two_accounts_that_are_the_same_show_no_difference_and_a_seeded_one_is_told(record: Path, owner: Owner) -> None:
    """Another local AMT, with S3 of its own, answers the same; changed documents are told, with exit code 1."""
    here = owner.cwd / "here"
    code, _, err = owner.run("local", str(here), "--like", str(record))
    assert code == 0, err
    code, out, _ = owner.run("diff", str(record), str(here), "--json")
    compared = json.loads(out)
    assert (compared["differences"], code) == ([], 0)
    assert (compared["left"]["service"], compared["right"]["service"]) == ("another endpoint", "local AMT")
    assert compared["documents"] >= 60
    assert compared["fields"] > 1000

    seeded = owner.cwd / "seeded"
    shutil.copytree(here, seeded)
    changed = document(seeded, "warm-describe")
    del changed["answer"]["ConsumedResources"]
    changed["answer"]["HyperParameterTuningJobStatus"] = "Failed"
    (seeded / "warm-describe.json").write_text(json.dumps(changed))
    (seeded / "stop.json").unlink()
    code, out, _ = owner.run("diff", str(record), str(seeded))
    assert code == 1
    for words in ("answer.ConsumedResources", "only left", "Failed", "not recorded", "3 differences"):
        assert words in out


def test_ctrl_c_stops_what_was_started(owner: Owner, cloud: Serving, record: Path) -> None:
    """Ctrl-C stops the tuning job that runs and exits with 130; that take is over, and the next one says so."""
    folder = owner.cwd / "interrupted"
    # the next look is seconds away, so the job is stopped by Ctrl-C and not by the scenario
    process = owner.start("record", str(folder), "--take", "2", RETUNE_POLL_S="6")
    try:
        until_said(process, "-stopped: InProgress")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE_S)
    finally:
        end(process)
    run = document(folder, "about")["run"]
    assert run != document(record, "about")["run"]
    assert (process.returncode, f"stopping {run}-stopped" in err) == (130, True), err
    found = cloud.client.list_hyper_parameter_tuning_jobs(NameContains=run, MaxResults=100)
    statuses = {
        row["HyperParameterTuningJobName"]: row["HyperParameterTuningJobStatus"]
        for row in found["HyperParameterTuningJobSummaries"]
    }
    assert statuses.pop(f"{run}-stopped") in ("Stopping", "Stopped")
    assert statuses == {f"{run}-first": "Completed"}
    code, _, err = owner.run("record", str(folder), "--take", "2")
    assert (code, "play it again with --take 3" in err) == (130, True), err
    assert owner.run("record", str(folder), "--take", "3")[0] == 65, "a folder holds one take"
