"""The key pair of an endpoint, and whether a request was signed with it (AWS Signature Version 4).

The endpoint runs code, so whoever may talk to it must know both halves: the access key each request names, and the
secret key, which never travels; the signature proves it, over the method, the path, the signed headers and the body.
"""

from __future__ import annotations

import configparser
import datetime as dt
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from components.amt.folders import sync_folder
from components.errors import CannotWrite, Damaged

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "sagemaker"
# As AWS's; the clock is the same one here, but for containers of a virtual machine that slept.
MOST_SKEW_S = 5 * 60.0
_SECTION = "default"
_ALPHABET = string.ascii_uppercase + string.digits
_STAMP = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_CREDENTIAL = re.compile(r"([\w]{1,128})/(\d{8})/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})/aws4_request", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """What a client signs with.

    Attributes:
        access_key: Named in each request.
        secret_key: Known to both ends only.
    """

    access_key: str
    secret_key: str = field(repr=False)


class NotSigned(Exception):
    """A request that this key pair did not sign.

    Args:
        code: AWS's error code.
        message: AWS's text.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def key_pair(path: Path, *, new: bool = False) -> KeyPair:
    """The key pair of a home: made once, the same after a restart.

    The file has AWS's form: `AWS_SHARED_CREDENTIALS_FILE` may name it. Nobody but its owner may read it.

    Args:
        path: Where it is kept; its folder is made.
        new: Whether to make another pair in place of the one there is.

    Raises:
        CannotWrite: It can be neither read nor made.
        Damaged: The file holds something else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f"{path.name}.lock").open("w") as lock:  # two servers that start together make one pair
            fcntl.flock(lock, fcntl.LOCK_EX)
            if new or not path.exists():
                _write(path, _made())
            path.chmod(0o600)
            text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotWrite(f"the endpoint's key pair must be kept in {path}: {error}") from error
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        access_key = parser[_SECTION]["aws_access_key_id"]
        secret_key = parser[_SECTION]["aws_secret_access_key"]
    except (configparser.Error, KeyError) as error:
        raise Damaged(f"{path} is no key pair: delete it, and a new one is made") from error
    if not access_key or not secret_key:
        raise Damaged(f"{path} holds an empty key: delete it, and a new pair is made")
    return KeyPair(access_key=access_key, secret_key=secret_key)


def _made() -> KeyPair:
    access_key = "RETUNE" + "".join(secrets.choice(_ALPHABET) for _ in range(14))
    return KeyPair(access_key=access_key, secret_key=secrets.token_urlsafe(30))


def _write(path: Path, pair: KeyPair) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"[{_SECTION}]\naws_access_key_id = {pair.access_key}\naws_secret_access_key = {pair.secret_key}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


@dataclass(frozen=True, kw_only=True)
class _Authorization:
    access_key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str


def check_key(headers: Mapping[str, str], pair: KeyPair) -> None:
    """Refuse a request that does not name the access key, before its body is read.

    Args:
        headers: By lower-case name.
        pair: The one pair that may.

    Raises:
        NotSigned: With AWS's code.
    """
    _authorization(headers, pair)


def check_signature(headers: Mapping[str, str], body: bytes, pair: KeyPair, *, now: dt.datetime) -> None:
    """Refuse a `POST /` that the key pair did not sign, or signed at another time.

    Args:
        headers: As they came, by lower-case name; values of one name joined by commas.
        body: All of it.
        pair: The one pair that may.
        now: The time, tz-aware.

    Raises:
        NotSigned: With AWS's code.
    """
    given = _authorization(headers, pair)
    stamp = headers.get("x-amz-date", "")
    if not _STAMP.fullmatch(stamp) or not stamp.startswith(given.date):
        raise NotSigned("IncompleteSignatureException", "Date in Credential scope does not match X-Amz-Date.")
    missing = {"host", "x-amz-date", "x-amz-target"} - set(given.signed)
    if missing or any(name not in headers for name in given.signed):
        raise _mismatch()
    signature = _signature({name: headers[name] for name in given.signed}, body, given, pair)
    if not hmac.compare_digest(signature.encode(), given.signature.encode()):
        raise _mismatch()
    try:
        then = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise NotSigned("IncompleteSignatureException", "X-Amz-Date is no time.") from error
    if abs((now - then).total_seconds()) > MOST_SKEW_S:
        text = f"Signature expired: {stamp} is more than 5 min. from {now:%Y%m%dT%H%M%SZ}"
        raise NotSigned("InvalidSignatureException", text)


def _authorization(headers: Mapping[str, str], pair: KeyPair) -> _Authorization:
    header = headers.get("authorization", "")
    if not header:
        raise NotSigned("MissingAuthenticationTokenException", "Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    scope = _CREDENTIAL.fullmatch(parts.get("Credential", ""))
    if algorithm != ALGORITHM or scope is None or not parts.get("SignedHeaders") or not parts.get("Signature"):
        raise NotSigned(
            "IncompleteSignatureException",
            f"Authorization header requires '{ALGORITHM}' with 'Credential', 'SignedHeaders' and 'Signature'.",
        )
    access_key, date, region, service = scope.groups()
    if not hmac.compare_digest(access_key.encode(), pair.access_key.encode()):
        raise NotSigned("UnrecognizedClientException", "The security token included in the request is invalid.")
    if service != SERVICE:
        text = f"Credential should be scoped to correct service: '{SERVICE}'."
        raise NotSigned("InvalidSignatureException", text)
    return _Authorization(
        access_key=access_key,
        date=date,
        region=region,
        service=service,
        signed=tuple(parts["SignedHeaders"].split(";")),
        signature=parts["Signature"],
    )


def _signature(signed: Mapping[str, str], body: bytes, given: _Authorization, pair: KeyPair) -> str:
    """What the client's own signer, botocore's, makes of the request: one implementation on both ends."""
    # A digest the client claims in a header would be taken for the body's: only the body counts.
    digest = signed.get("x-amz-content-sha256")
    if digest is not None and digest != hashlib.sha256(body).hexdigest():
        return ""
    signer = SigV4Auth(Credentials(pair.access_key, pair.secret_key), given.service, given.region)
    sent = AWSRequest(method="POST", url="http://localhost/", headers=dict(signed), data=body)
    sent.context["timestamp"] = signed["x-amz-date"]
    return str(signer.signature(signer.string_to_sign(sent, signer.canonical_request(sent)), sent))


def _mismatch() -> NotSigned:
    return NotSigned(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method.",
    )
