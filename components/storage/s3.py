"""Amazon S3, or what speaks its protocol, through the boto3 client it is handed.

boto3 retries on its own; here its errors become ours, with the endpoint and what to check. Uploads carry a SHA-256
that S3 checks on arrival.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from components.errors import CannotWrite, Damaged, InvalidInput, NotFound, Refused, RetuneError, Unavailable
from components.storage.store import ObjectInfo, open_to_store, parse_uri

NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
NOT_FOUND, TOO_MANY, SERVER_FAULT = 404, 429, 500
FORBIDDEN = (401, 403)
# S3 answers these with a status that says less than the code
THROTTLED = frozenset({"SlowDown", "RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestTimeout"})
BEYOND_THE_END = "InvalidRange"
CHECKED = {"ChecksumAlgorithm": "SHA256"}


class S3Store:
    """Objects in S3.

    Args:
        client: A boto3 S3 client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, path: Path, uri: str) -> None:
        """Store a file's bytes, in parts when it is large.

        Raises:
            NotFound: No such file, or no such bucket.
            Unavailable: S3 does not answer.
            Refused: Not allowed.
        """
        with open_to_store(path) as reader:
            self._upload(reader, uri)

    def put_bytes(self, content: bytes, uri: str) -> None:
        """Store bytes. Raises as `put`."""
        self._upload(io.BytesIO(content), uri)

    def get(self, uri: str, path: Path) -> None:
        """Fetch into `path` by rename from a temporary name beside it.

        Raises:
            NotFound: No such object.
            CannotWrite: `path` cannot be written.
            Unavailable: S3 does not answer.
            Damaged: The bytes do not match S3's checksum.
        """
        bucket, key = _object(uri)
        temporary = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}")
        try:
            with self._translated(uri):
                answer = self._client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
                with contextlib.closing(answer["Body"]) as body:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with temporary.open("xb") as writer:
                        shutil.copyfileobj(body, writer)
            temporary.replace(path)
        except OSError as error:
            law = f"cannot write {path}: {error.strerror or error}"
            raise CannotWrite(f"{law}: make room, or choose a folder that can be written") from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def get_bytes(self, uri: str) -> bytes:
        """Fetch a small object whole. Raises as `get`."""
        bucket, key = _object(uri)
        with self._translated(uri):
            answer = self._client.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            with contextlib.closing(answer["Body"]) as body:
                content: bytes = body.read()
        return content

    def get_range(self, uri: str, start: int, length: int) -> bytes:
        """Fetch part of an object: fewer bytes where it ends before. Raises as `get`, but for Damaged."""
        bucket, key = _object(uri)
        with self._translated(uri):
            try:
                answer = self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}")
            except ClientError as error:
                if error.response["Error"]["Code"] == BEYOND_THE_END:
                    return b""
                raise
            with contextlib.closing(answer["Body"]) as body:
                content: bytes = body.read()
        return content

    def list(self, prefix_uri: str) -> Iterator[ObjectInfo]:
        """Objects whose URI starts with `prefix_uri`, by key.

        Raises:
            NotFound: No such bucket.
            Unavailable: S3 does not answer.
        """
        bucket, prefix = parse_uri(prefix_uri)
        with self._translated(prefix_uri):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for each in page.get("Contents", ()):
                    yield ObjectInfo(uri=f"s3://{bucket}/{each['Key']}", size=each["Size"], etag=each["ETag"])

    def exists(self, uri: str) -> bool:
        """Whether this very object is there. Raises Unavailable or Refused."""
        bucket, key = _object(uri)
        try:
            with self._translated(uri):
                self._client.head_object(Bucket=bucket, Key=key)
        except NotFound:
            return False
        return True

    def in_place(self, uri: str) -> Path | None:
        """None: S3 is elsewhere."""
        del uri
        return None

    def _upload(self, reader: Any, uri: str) -> None:
        bucket, key = _object(uri)
        with self._translated(uri):
            self._client.upload_fileobj(reader, bucket, key, ExtraArgs=CHECKED)

    @contextlib.contextmanager
    def _translated(self, uri: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise _of_answer(uri, error) from error
        except NO_CREDENTIALS as error:
            raise Refused(f"{uri}: no usable AWS credentials ({error}): sign in, or set AWS_PROFILE") from error
        except FlexibleChecksumError as error:
            raise Damaged(f"{uri} is not what was written ({error})") from error
        except ParamValidationError as error:
            raise InvalidInput(f"{uri}: {' '.join(str(error).split())}") from error
        except BotoCoreError as error:
            where = self._client.meta.endpoint_url
            advice = "check the network, AWS_ENDPOINT_URL and AWS_REGION, then run again"
            raise Unavailable(f"no answer from S3 at {where} for {uri} ({error}): {advice}") from error


def _object(uri: str) -> tuple[str, str]:
    bucket, key = parse_uri(uri)
    if not key or key.endswith("/") or key.startswith("/") or "//" in key or "\0" in key:
        raise InvalidInput(f"an object's URI is s3://bucket/key, its key without empty parts or NUL, got {uri!r}")
    return bucket, key


def _of_answer(uri: str, error: ClientError) -> RetuneError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = error.response.get("Error", {}).get("Message", "")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return NotFound(f"{uri}: the bucket is not there: create it, or set RETUNE_BUCKET")
    if status == NOT_FOUND:
        return NotFound(f"{uri} is not there")
    if code in THROTTLED or status == TOO_MANY or status >= SERVER_FAULT:
        return Unavailable(f"S3 is not able to answer for {uri} now ({code}: {said}): run again later")
    if status in FORBIDDEN:
        return Refused(f"S3 does not allow {uri} ({code}: {said}): check the credentials and the role's S3 rights")
    if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return InvalidInput(f"{uri}: the bucket is in another region ({said}): set AWS_REGION to it")
    return InvalidInput(f"S3 takes no such request for {uri} ({code}: {said})")


if TYPE_CHECKING:
    from components.storage.store import ObjectStore

    _proof: ObjectStore = S3Store(None)
