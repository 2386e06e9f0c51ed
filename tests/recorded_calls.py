"""AWS calls as they pass on the way to a server, and the IAM requests that AWS would make of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.front import Asked, Told, in_front_of

Request = tuple[str, str, Mapping[str, str | list[str]]]
JOBS = {"HyperParameterTuningJobName": "hyper-parameter-tuning-job", "TrainingJobName": "training-job"}
WITHOUT_RESOURCE = ("ListHyperParameterTuningJobs", "ListTrainingJobs")
PARTS_OF_UPLOADS = {"uploads", "uploadId", "partNumber"}


@contextmanager
def recorded(behind: str, calls: list[Asked]) -> Iterator[str]:
    """A URL that leads to another one, whose requests are written down."""

    def keep(asked: Asked) -> Told | None:
        calls.append(asked)
        return None

    with in_front_of(behind, keep) as front:
        yield front.url


def iam_requests(calls: list[Asked], *, account: str, region: str) -> list[Request]:
    """What a principal has to be allowed who makes these calls, from the Service Authorization Reference."""
    place = f"arn:aws:sagemaker:{region}:{account}"
    return [each for call in calls for each in _requests_of(call, place)]


def _requests_of(call: Asked, place: str) -> Iterator[Request]:
    service, _, operation = _header(call, "x-amz-target").rpartition(".")
    if not operation:
        if b"Action=" not in call.body[:7]:
            yield _of_s3(call)
            return
        operation = parse_qs(call.body.decode())["Action"][0]
        assert operation == "GetCallerIdentity", f"{operation} is no call that is known here"  # needs no right
        return
    if service.startswith("AWSPriceListService"):
        yield f"pricing:{operation}", "*", {}
        return
    assert service == "SageMaker", f"{service} is no service that is known here"
    yield from _of_sagemaker(operation, json.loads(call.body), place)


def _of_sagemaker(operation: str, body: Mapping[str, Any], place: str) -> Iterator[Request]:
    arns = [f"{place}:{kind}/{body[name].lower()}" for name, kind in JOBS.items() if name in body]
    if "ResourceArn" in body:
        arns = [f"{place}:{body['ResourceArn'].split(':', 5)[5]}"]
    resource = "*" if operation in WITHOUT_RESOURCE else arns[0]
    if not operation.startswith("Create"):
        yield f"sagemaker:{operation}", resource, {}
        return
    definition = body.get("TrainingJobDefinition", body)
    tags: dict[str, str | list[str]] = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in body["Tags"]}
    types = {"sagemaker:InstanceTypes": [definition["ResourceConfig"]["InstanceType"]]}
    yield f"sagemaker:{operation}", resource, {**tags, **types}
    yield "sagemaker:AddTags", resource, {**tags, "sagemaker:TaggingAction": operation}
    yield "iam:PassRole", definition["RoleArn"], {"iam:PassedToService": "sagemaker.amazonaws.com"}


def _of_s3(call: Asked) -> Request:
    address = urlsplit(call.path)
    bucket, _, key = unquote(address.path).lstrip("/").partition("/")
    query = parse_qs(address.query, keep_blank_values=True)
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    if not key:
        assert call.method == "HEAD" or "list-type" in query, f"{call.method} {call.path} is not known here"
        prefix = query.get("prefix")
        return "s3:ListBucket", resource, {"s3:prefix": prefix[0]} if prefix else {}
    actions: Mapping[str, str] = {
        "GET": "s3:GetObject",
        "HEAD": "s3:GetObject",
        "PUT": "s3:PutObject",
        "POST": "s3:PutObject",
        "DELETE": "s3:AbortMultipartUpload" if PARTS_OF_UPLOADS & query.keys() else "s3:DeleteObject",
    }
    return actions[call.method], resource, {}


def _header(call: Asked, name: str) -> str:
    return next((value for key, value in call.headers.items() if key.lower() == name), "")
