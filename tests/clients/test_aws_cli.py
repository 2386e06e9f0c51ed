"""The AWS CLI as it is, against the served local AMT: each call of the API from a shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from amazon_clients import AmazonClients
from amt_cases import a_request
from amt_endpoint import Serving

NAME = "--hyper-parameter-tuning-job-name"
TRAINING = "--training-job-name"


def written(clients: AmazonClients, name: str, document: dict[str, Any]) -> str:
    """A request as a file, the way the CLI takes it."""
    path = clients.folder / name
    path.write_text(json.dumps(document))
    return f"file://{path}"


def xgboost(name: str, **limits: Any) -> dict[str, Any]:
    """A request for the built-in XGBoost."""
    request = a_request(name, code=None, metric="validation:logloss", **limits)
    request["Tags"] = [{"Key": "team", "Value": "ml"}]
    return request


@pytest.fixture(scope="module")
def tuned(clients: AmazonClients) -> AmazonClients:
    """After a tuning job of three training jobs has been created; all later calls may find it running or ended."""
    created = clients.aws(
        "create-hyper-parameter-tuning-job", "--cli-input-json", written(clients, "job.json", xgboost("cli", jobs=3))
    )
    assert created["HyperParameterTuningJobArn"].endswith(":hyper-parameter-tuning-job/cli")
    return clients


def test_a_job_is_created_described_and_listed(tuned: AmazonClients, until_ended: Callable[[str], object]) -> None:
    """A job by create --cli-input-json, describe, both lists with the CLI's own paging, and list-tags."""
    until_ended("cli")
    job = tuned.aws("describe-hyper-parameter-tuning-job", NAME, "cli")
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 3
    order = ("--sort-by", "FinalObjectiveMetricValue", "--sort-order", "Ascending")
    listing = ("list-training-jobs-for-hyper-parameter-tuning-job", NAME, "cli", *order)
    rows = tuned.aws(*listing, "--page-size", "1")["TrainingJobSummaries"]
    values = [row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for row in rows]
    assert len(values) == 3
    assert values == sorted(values)
    assert rows[0]["TrainingJobName"] == job["BestTrainingJob"]["TrainingJobName"]
    part = tuned.aws(*listing, "--max-items", "2")
    rest = tuned.aws(*listing, "--starting-token", part["NextToken"])
    assert [*part["TrainingJobSummaries"], *rest["TrainingJobSummaries"]] == rows
    jobs = tuned.aws("list-hyper-parameter-tuning-jobs", "--name-contains", "CLI", "--page-size", "1")
    assert [row["HyperParameterTuningJobName"] for row in jobs["HyperParameterTuningJobSummaries"]] == ["cli"]
    tags = tuned.aws("list-tags", "--resource-arn", rows[0]["TrainingJobArn"])
    assert tags["Tags"] == [{"Key": "team", "Value": "ml"}]


def test_a_job_is_stopped_and_deleted(clients: AmazonClients, until_ended: Callable[[str], object]) -> None:
    """After stop and delete a job was Stopped and its name is unknown."""
    request = xgboost("halted", jobs=200, static={"num_round": "100000"})
    clients.aws("create-hyper-parameter-tuning-job", "--cli-input-json", written(clients, "halted.json", request))
    assert clients.aws("stop-hyper-parameter-tuning-job", NAME, "halted") is None
    until_ended("halted")
    job = clients.aws("describe-hyper-parameter-tuning-job", NAME, "halted")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert clients.aws("delete-hyper-parameter-tuning-job", NAME, "halted") is None
    told = clients.aws_refused("describe-hyper-parameter-tuning-job", NAME, "halted")
    assert "(ResourceNotFound)" in told
    assert "Amazon SageMaker can't find a tuning job called halted" in told


def test_what_is_refused_is_told_as_awss(tuned: AmazonClients) -> None:
    """A name in use and a broken law end the command with AWS's code and text."""
    again = tuned.aws_refused(
        "create-hyper-parameter-tuning-job", "--cli-input-json", written(tuned, "again.json", xgboost("CLI", jobs=1))
    )
    assert "(ResourceInUse)" in again
    wrong = xgboost("wrong", jobs=1)
    wrong["HyperParameterTuningJobConfig"]["Strategy"] = "Guess"
    told = tuned.aws_refused(
        "create-hyper-parameter-tuning-job", "--cli-input-json", written(tuned, "wrong.json", wrong)
    )
    assert "(ValidationException)" in told
    assert "Member must satisfy enum value set: [Bayesian, Random, Hyperband, Grid]" in told


def test_a_training_job_is_created_and_waited_for(clients: AmazonClients, served: Serving) -> None:
    """A training job by create-training-job, its waiter, describe, list, and a stop that comes too late."""
    definition = xgboost("unused", jobs=1)["TrainingJobDefinition"]
    request = {
        "TrainingJobName": "cli-once",
        "HyperParameters": {**definition.pop("StaticHyperParameters"), "eta": "0.3"},
        **definition,
    }
    created = clients.aws("create-training-job", "--cli-input-json", written(clients, "once.json", request))
    assert created["TrainingJobArn"].endswith(":training-job/cli-once")
    ended = served.client.get_waiter("training_job_completed_or_stopped")
    ended.wait(TrainingJobName="cli-once", WaiterConfig={"Delay": 1, "MaxAttempts": 60})  # the CLI's waits two minutes
    assert clients.aws("wait", "training-job-completed-or-stopped", TRAINING, "cli-once") is None
    job = clients.aws("describe-training-job", TRAINING, "cli-once")
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/out/cli-once/output/model.tar.gz"
    rows = clients.aws("list-training-jobs", "--name-contains", "cli-once")["TrainingJobSummaries"]
    assert [row["TrainingJobName"] for row in rows] == ["cli-once"]
    assert "(ValidationException)" in clients.aws_refused("stop-training-job", TRAINING, "cli-once")
