"""One small object in S3 that several writers change: a write succeeds only on what was read (conditional writes).

S3 User Guide, "How to prevent object overwrites with conditional writes": If-None-Match makes an object, If-Match
replaces the one with that ETag, and 412 or 409 says that somebody else was quicker.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.errors import Refused, Unavailable
from components.storage.store import parse_uri

_LOST = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
_MISSING = ("NoSuchKey", "404")
_FORBIDDEN = ("AccessDenied", "403")


class S3Document:
    """An object that is replaced only when it is still what was read.

    Args:
        client: A boto3 S3 client.
        uri: `s3://bucket/key`.
    """

    def __init__(self, client: Any, uri: str) -> None:
        self._client = client
        self._uri = uri
        self._bucket, self._key = parse_uri(uri)

    def read(self) -> tuple[bytes | None, str | None]:
        """Content and version; None and None when it is not there. Raises Unavailable or Refused."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key)
            return answer["Body"].read(), answer["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None, None
            raise self._translated(error) from error
        except BotoCoreError as error:
            raise self._translated(error) from error

    def replace(self, content: bytes, version: str | None) -> bool:
        """Write when the version is still the one given; whether it was. Raises Unavailable or Refused."""
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._key, Body=content, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _LOST:
                return False
            raise self._translated(error) from error
        except BotoCoreError as error:
            raise self._translated(error) from error
        return True

    def _translated(self, error: Exception) -> Unavailable | Refused:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _FORBIDDEN:
            return Refused(f"{self._uri} must be readable and writable, got: {error}; check the caller's S3 rights")
        return Unavailable(f"{self._uri} cannot be used now: {error}")
