"""The rules of `infra/events.yaml`: what moto's EventBridge lets through to a queue, and what an API is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.event_bodies import ARRIVED, ENDED, REFITTED, body
from tests.stacks import Stacks, resources

BUCKET = "team-models"


@pytest.fixture
def stacks(aws_endpoint: str) -> Stacks:
    """The emptied moto, with a bucket that tells EventBridge what bucket.yaml has it tell."""
    stacks = Stacks(aws_endpoint)
    stacks.deploy("bucket", "bucket.yaml", BucketName=BUCKET)
    told = resources("bucket.yaml")["Bucket"]["Properties"]["NotificationConfiguration"]
    # moto's CloudFormation leaves it out; the API's own form has no flag.
    assert told == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    stacks.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return stacks


@pytest.fixture
def queue(stacks: Stacks) -> str:
    """A queue that all rules tell; its URL."""
    sqs = stacks.client("sqs")
    url = str(sqs.create_queue(QueueName="retune")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    stacks.deploy("events", "events.yaml", Receiver="arn", TargetArn=arn, BucketName=BUCKET)
    return url


def received(stacks: Stacks, queue: str) -> list[dict[str, Any]]:
    """The details of what came."""
    messages = stacks.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["detail"] for message in messages]


def send(stacks: Stacks, event: dict[str, Any], **detail: str) -> None:
    """An event as SageMaker sends it."""
    entry = {"Source": event["source"], "DetailType": event["detail-type"]}
    answer = stacks.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(event["detail"] | detail)}])
    assert answer["FailedEntryCount"] == 0


def test_data_below_the_prefix_are_told_and_nothing_else(stacks: Stacks, queue: str) -> None:
    """An object below data/ is one event; what a run writes is none, or each run would start the next."""
    s3 = stacks.client("s3")
    for key in ("snapshots/0123/train.csv", "output/digits/model.tar.gz", "data.csv", "data/bank/new.csv"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    assert [each["object"]["key"] for each in received(stacks, queue)] == ["data/bank/new.csv"]


def test_an_ended_search_is_told_once_it_has_ended(stacks: Stacks, queue: str) -> None:
    """Completed, Failed and Stopped are told, the states before are not."""
    for status in ("InProgress", "Stopping", "Completed", "Failed", "Stopped"):
        send(stacks, ENDED, HyperParameterTuningJobStatus=status)

    told = {each["HyperParameterTuningJobStatus"] for each in received(stacks, queue)}
    assert told == {"Completed", "Failed", "Stopped"}


def test_of_training_jobs_only_refits_are_told(stacks: Stacks, queue: str) -> None:
    """A search's own training jobs, hundreds of them, start nothing; a refit is a job to collect."""
    send(stacks, REFITTED, TrainingJobName="digits-0123456789-01-001-0a1b2c3d")
    send(stacks, REFITTED)

    assert [each["TrainingJobName"] for each in received(stacks, queue)] == ["digits-0123456789-refit-01"]


def test_prefect_runs_a_deployment_once_per_job_and_write() -> None:
    """The body names the flow's own parameters and a key that is the same when an event arrives twice."""
    job, spec = "digits-0123456789-01", "flows/specs/digits.yaml"

    assert body("TuningJobEnded", "prefect", ENDED) == {
        "parameters": {"job": job},
        "idempotency_key": f"collect {job}",
    }
    assert body("RefitEnded", "prefect", REFITTED)["parameters"] == {"job": "digits-0123456789-refit-01"}
    assert body("DataArrived", "prefect", ARRIVED) == {
        "parameters": {"spec": spec},
        "idempotency_key": f"{spec} 0061A60D9BF1FAA6C1",
    }


def test_github_is_told_by_repository_dispatch() -> None:
    """The event types are those that retrain.yml listens to; the payload is the job, or the stack's own spec."""
    assert body("TuningJobEnded", "github", ENDED) == {
        "event_type": "retune-collect",
        "client_payload": {"job": "digits-0123456789-01"},
    }
    assert body("DataArrived", "github", ARRIVED) == {
        "event_type": "retune-data",
        "client_payload": {"spec": "flows/specs/digits.yaml"},
    }


def test_what_cannot_be_told_is_kept_and_the_role_calls_these_two_alone() -> None:
    """Each target has a dead-letter queue, where these rules alone may write; the role may call two destinations."""
    made = resources("events.yaml")
    rules = [name for name, each in made.items() if each["Type"] == "AWS::Events::Rule"]

    assert len(rules) == 3
    for name in rules:
        (target,) = made[name]["Properties"]["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["Undelivered", "Arn"]}}
    assert not [name for name in ("Undelivered", "UndeliveredPolicy") if "Condition" in made[name]]
    (writing,) = made["UndeliveredPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert writing["Principal"] == {"Service": "events.amazonaws.com"}
    assert writing["Condition"] == {"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [name, "Arn"]} for name in rules]}}
    (policy,) = made["DeliveryRole"]["Properties"]["Policies"]
    (calling,) = policy["PolicyDocument"]["Statement"]
    assert calling["Action"] == "events:InvokeApiDestination"
    assert calling["Resource"] == [{"Fn::GetAtt": [f"{name}Destination", "Arn"]} for name in ("Collect", "Data")]
    assert made["CollectDestination"]["Properties"]["InvocationEndpoint"]["Fn::If"][2] == {
        "Fn::Sub": "${ApiUrl}/dispatches"
    }
