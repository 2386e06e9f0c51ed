"""What Create refuses: the service model first, then the rules between fields, with AWS's codes and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from components.amt.request_rules import first_refusal
from components.amt.service_model import breaches

CREATE = "CreateHyperParameterTuningJob"
_MOST_TOLD = 100


def client_error(code: str, message: str, operation: str) -> ClientError:
    """The error boto3 raises for an answer with HTTP status 400.

    Args:
        code: AWS's error code, such as `ResourceInUse`.
        message: AWS's text.
        operation: API name, such as `CreateHyperParameterTuningJob`.
    """
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": "",
                "HostId": "",
                "HTTPStatusCode": 400,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        operation,
    )


def model_breaches(operation: str, document: Mapping[str, Any], *, output: bool = False) -> list[str]:
    """Every law of botocore's service model that a document breaks: required, types, min, max, pattern, enum.

    Args:
        operation: API name, such as `CreateHyperParameterTuningJob`.
        document: The request, or with `output` the answer.
        output: Whether `document` is an answer; unknown members are looked for in requests only.

    Returns:
        Lines such as `HyperParameterTuningJobConfig.ResourceLimits.MaxParallelTrainingJobs: Member must have value
        greater than or equal to 1, got 0`; values are cut short. Empty when nothing is wrong.
    """
    return [str(breach) for breach in breaches(operation, document, output=output)]


def check_model(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a request that breaks the service model.

    Raises:
        ClientError: ValidationException with every breach, the first hundred at most, in AWS's words:
            `2 validation errors detected: ...`.
    """
    found = breaches(operation, request, most=_MOST_TOLD)
    if found:
        noun = "error" if len(found) == 1 else "errors"
        text = "; ".join(breach.in_aws_words() for breach in found)
        raise client_error("ValidationException", f"{len(found)} validation {noun} detected: {text}", operation)


def check_create(request: Mapping[str, Any]) -> None:
    """Refuse a CreateHyperParameterTuningJob request that AWS would refuse for what it says.

    Whether its S3 inputs exist, its name is free and its parents are fit is not asked here: that needs a store.

    Raises:
        ClientError: ValidationException with every breach of the service model; else the first rule between fields
            that does not hold, ValidationException or ResourceLimitExceeded.
    """
    check_model(CREATE, request)
    refusal = first_refusal(request)
    if refusal is not None:
        raise client_error(refusal.code, refusal.message, CREATE)
