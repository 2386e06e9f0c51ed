"""The client factory, and ClientError -> our errors: the only import of boto3."""

from __future__ import annotations

from typing import Any

import boto3  # noqa: TID251  this is the one place
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from components.errors import InvalidInput, NotFound, Refused, RetuneError, Unavailable

_RETRYABLE = {
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "SlowDown",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "500",
    "502",
    "503",
    "504",
}
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_EXPIRED_TRIES = 3
_REFUSED = {"AccessDenied", "AccessDeniedException", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", *_EXPIRED}
_MISSING = {"NoSuchKey", "NoSuchBucket", "404", "ResourceNotFound", "ResourceNotFoundException"}


def client(service: str, *, region: str, patient: bool = True) -> Any:
    """A boto3 client with bounded waits; endpoints and credentials from AWS's own variables.

    Args:
        service: As boto3 calls it.
        region: AWS region.
        patient: Whether to try again, adaptively, what was throttled, cut off, or refused for a token that had just
            expired: it is renewed where it can be (a role), or may have been by whoever set it.
    """
    config = Config(
        region_name=region,
        retries={"mode": "adaptive", "max_attempts": 8} if patient else {"max_attempts": 1},
        connect_timeout=5,
        read_timeout=60 if patient else 5,
        user_agent_extra="retune",
    )
    make: Any = boto3.client  # its stubs have an overload per service; ours are chosen by name
    made = make(service, config=config)
    if patient:
        made.meta.events.register(f"needs-retry.{made.meta.service_model.service_id.hyphenize()}", _retry_expired)
    return made


def _retry_expired(*, response: Any, attempts: int, **_: Any) -> float | None:
    """Seconds to wait before a request is signed and sent again; None to leave it to botocore's own rules."""
    if response is None or attempts > _EXPIRED_TRIES:
        return None
    code = response[1].get("Error", {}).get("Code", "")
    return float(attempts) if code in _EXPIRED else None


def translate(error: BaseException) -> RetuneError:  # noqa: PLR0911  one per kind of error
    """The error of our tree that AWS's error stands for; the message keeps AWS's own words."""
    if isinstance(error, NoCredentialsError):
        return Refused("AWS credentials are needed and none were found; set AWS_PROFILE or AWS_ACCESS_KEY_ID")
    if isinstance(error, EndpointConnectionError):
        return Unavailable(f"{error}; check the network and AWS_ENDPOINT_URL")
    if isinstance(error, ClientError):
        code = error.response["Error"].get("Code", "")
        message = error.response["Error"].get("Message", "")
        text = f"AWS refused {error.operation_name} ({code}): {message}"
        if code in _RETRYABLE:
            return Unavailable(text)
        if code in _REFUSED:
            return Refused(text)
        if code in _MISSING:
            return NotFound(text)
        return InvalidInput(text)
    return Unavailable(f"AWS did not answer: {error}")
