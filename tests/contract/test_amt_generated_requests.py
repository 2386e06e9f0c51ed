"""5,000 generated requests over HTTP: refused or answered, never a fault of the server, never damaged state."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from amt_cases import a_request, put_script, wait_for_end
from generated_requests import Generated, as_body, generated
from http_rig import HttpRig, http_rig
from hypothesis import HealthCheck, Phase, given, settings
from training_job_cases import a_training_job
from wire import connect, exchange, signed

from components.amt.endpoint_bodies import read_request
from components.amt.service_model import input_shape
from components.amt.validation import model_breaches

EXAMPLES = 5000
MOST_RUNNING = 60
SCRIPT = "print('loss = 0.5')\n"
# AWS's common errors and SageMaker's; RequestEntityTooLarge as API Gateway names it.
CODES = {
    "ValidationException",
    "SerializationException",
    "ResourceInUse",
    "ResourceNotFound",
    "ResourceLimitExceeded",
    "UnknownOperationException",
    "InvalidSignatureException",
    "RequestEntityTooLargeException",
}


class Wire:
    """A connection that stays open, and what came over it.

    Args:
        rig: The server.
    """

    def __init__(self, rig: HttpRig) -> None:
        self._served = rig.served
        self._connection = connect(rig.served)
        self.statuses: Counter[tuple[int, str]] = Counter()
        self.answered: Counter[str] = Counter()
        self.token = "bm9uZQ=="
        self.trial = "nobody"
        self.running = 0

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def send(self, request: Generated) -> None:
        """Send, and check what every answer must be."""
        body = as_body(request, token=self.token, trial=self.trial)
        changed = {"amz-sdk-invocation-id": str(request.number), **request.headers}
        answer = exchange(self._connection, body, signed(self._served, request.operation, body, changed))
        said = f"{request.operation} {body[:3000]!r}: {answer}"
        assert answer.status < 500, said
        assert answer.headers["x-amzn-requestid"], said
        assert answer.code in CODES | {""}, said
        assert (answer.status == 200) == (answer.code == ""), said
        assert answer.status == 200 or answer.document["message"], said
        self.statuses[answer.status, answer.code] += 1
        if answer.status == 200:
            taken = read_request(body, input_shape(request.operation))
            assert model_breaches(request.operation, taken) == [], said
            self.answered[request.operation] += 1
            self._learn(request, answer.document)

    def _learn(self, request: Generated, document: dict[str, Any]) -> None:
        self.token = document.get("NextToken", self.token)
        for row in document.get("TrainingJobSummaries", ()):
            self.trial = row["TrainingJobName"]
        if request.operation.startswith("Create"):
            self.running += 1
            limits = request.document.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
            if limits and (limits.get("MaxNumberOfTrainingJobs") != 1 or self.running > MOST_RUNNING):
                self._stop(request.document["HyperParameterTuningJobName"])

    def _stop(self, name: str) -> None:
        self.send(Generated("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": name}))


def special_creates(code: str) -> list[dict[str, Any]]:
    """Valid requests with each of AMT's further features."""
    grid = {"CategoricalParameterRanges": [{"Name": "eta", "Values": ["0.1"]}]}
    criteria = {
        "TargetObjectiveMetricValue": 0.1,
        "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3},
    }
    hyperband = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    requests = [
        a_request("run-4", code=code, jobs=1, Strategy="Grid", ParameterRanges=grid),
        a_request("run-5", code=code, jobs=1, Strategy="Hyperband", StrategyConfig=hyperband),
        a_request("run-6", code=code, jobs=1, Strategy="Bayesian", TrainingJobEarlyStoppingType="Auto"),
        a_request("run-7", code=code, jobs=1, TuningJobCompletionCriteria=criteria),
    ]
    warm, spot = a_request("run-8", code=code, jobs=1), a_request("run-9", code=code, jobs=1)
    parents = [{"HyperParameterTuningJobName": "fuzz"}]
    warm["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": parents,
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    spot["TrainingJobDefinition"] |= {
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
        "Environment": {"A": "b"},
    }
    return [*requests, warm, spot]


def bases(rig: HttpRig) -> dict[str, list[Any]]:
    """Valid requests of each operation. The name of the first Create is taken; the others' are free."""
    code = put_script(rig.store, SCRIPT)
    creates = [a_request(name, code=code, jobs=1) for name in ("fuzz", "fuzz", "fuzz", "run-1", "run-2", "run-3")]
    creates += special_creates(code)
    job = [{"HyperParameterTuningJobName": name} for name in ("fuzz", "run-1", "run-2", "run-3", "nobody")]
    trial = [{"TrainingJobName": name} for name in ("@trial", "one", "one-1", "nobody")]
    ones = [a_training_job(name, code=code) for name in ("one", "one", "one-1", "one-2")]
    arn = "arn:aws:sagemaker:us-east-1:111122223333:hyper-parameter-tuning-job/fuzz"
    return {
        "CreateHyperParameterTuningJob": creates,
        "DescribeHyperParameterTuningJob": job,
        "ListHyperParameterTuningJobs": [
            {},
            {"MaxResults": 1, "SortBy": "Name", "SortOrder": "Ascending"},
            {"MaxResults": 1, "NextToken": "@token", "SortBy": "Name", "SortOrder": "Ascending"},
            {"CreationTimeAfter": 1704067200, "NameContains": "u", "StatusEquals": "Completed"},
        ],
        "ListTrainingJobsForHyperParameterTuningJob": [
            *job,
            {"HyperParameterTuningJobName": "fuzz", "MaxResults": 1, "SortBy": "FinalObjectiveMetricValue"},
            {"HyperParameterTuningJobName": "fuzz", "NextToken": "@token", "StatusEquals": "Completed"},
        ],
        "StopHyperParameterTuningJob": job[1:],
        "DeleteHyperParameterTuningJob": job[1:],
        "CreateTrainingJob": ones,
        "DescribeTrainingJob": trial,
        "StopTrainingJob": [*trial, {"TrainingJobName": "long"}],
        "ListTrainingJobs": [
            {},
            {"MaxResults": 1, "SortBy": "Status", "StatusEquals": "Completed"},
            {"MaxResults": 1, "NextToken": "@token", "NameContains": "on", "LastModifiedTimeBefore": 4e9},
        ],
        "ListTags": [{"ResourceArn": arn}],
    }


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpRig]:
    with http_rig(tmp_path_factory.mktemp("served")) as rig:
        yield rig


def check_state(rig: HttpRig) -> None:
    """Every job that is listed can be told, comes to its end, and the record is whole."""
    rows = rig.client.get_paginator("list_hyper_parameter_tuning_jobs").paginate()
    names = [row["HyperParameterTuningJobName"] for page in rows for row in page["HyperParameterTuningJobSummaries"]]
    for name in names:
        assert wait_for_end(rig, name)["HyperParameterTuningJobName"] == name
        for row in rig.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)[
            "TrainingJobSummaries"
        ]:
            assert rig.describe_training_job(TrainingJobName=row["TrainingJobName"])["TuningJobArn"]
    for page in rig.client.get_paginator("list_training_jobs").paginate():
        for row in page["TrainingJobSummaries"]:
            told = rig.describe_training_job(TrainingJobName=row["TrainingJobName"])
            assert told["TrainingJobArn"] == row["TrainingJobArn"]
    with closing(sqlite3.connect(rig.served.amt_home / "amt.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_generated_requests_are_refused_or_answered_and_leave_the_state_whole(rig: HttpRig) -> None:
    """5,000 requests, valid and broken: no status from 500, no hang, AWS's codes, and afterwards all is readable."""
    known = bases(rig)
    rig.create_hyper_parameter_tuning_job(**known["CreateHyperParameterTuningJob"][0])
    wait_for_end(rig, "fuzz")
    rig.create_training_job(**a_training_job("long", code=put_script(rig.store, "import time\ntime.sleep(600)\n")))
    wire = Wire(rig)
    sent: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(generated(known))
    def ask(request: Generated) -> None:
        sent[request.operation] += 1
        wire.send(request)

    with closing(wire):
        ask()
    assert sum(sent.values()) >= EXAMPLES
    assert set(wire.answered) == set(known), "every operation must also be answered"
    assert {code for _, code in wire.statuses} >= {"ValidationException", "SerializationException", "ResourceInUse"}

    check_state(rig)
    assert rig.served.process.poll() is None
    errors = (rig.served.amt_home.parent / "serve-stderr.txt").read_text()
    assert "Traceback" not in errors, errors[-3000:]
