"""How S3's failures become ours."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import CredentialResolver
from moto.server import ThreadedMotoServer

from components.errors import Damaged, InvalidInput, NotFound, Refused, RetuneError, Unavailable
from components.storage.s3 import S3Store

ANSWER = b'<?xml version="1.0"?><Error><Code>%s</Code><Message>said S3</Message></Error>'


def client_of(endpoint: str, **session: Any) -> Any:
    keys = session or {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    return boto3.Session(region_name="us-east-1", **keys).client(
        "s3",
        endpoint_url=endpoint,
        config=Config(retries={"total_max_attempts": 1}),
    )


class Scripted(BaseHTTPRequestHandler):
    """An S3 that always gives the same answer."""

    protocol_version = "HTTP/1.1"
    status = 200
    body = b""
    headers_sent: tuple[tuple[str, str], ...] = ()

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        for name, value in self.headers_sent:
            self.send_header(name, value)
        if "Content-Length" not in dict(self.headers_sent):
            self.send_header("Content-Length", str(len(self.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_GET = do_PUT = do_HEAD = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.fixture(scope="module")
def scripted_store() -> Iterator[S3Store]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield S3Store(client_of(f"http://127.0.0.1:{server.server_address[1]}"))
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def scripted(scripted_store: S3Store) -> S3Store:
    """A store at the scripted S3, whose answer the test sets on `Scripted`."""
    Scripted.status, Scripted.body, Scripted.headers_sent = 200, b"", ()
    return scripted_store


@pytest.mark.parametrize(
    ("status", "code", "expected", "says"),
    [
        (403, "AccessDenied", Refused, "role's S3 rights"),
        (403, "InvalidAccessKeyId", Refused, "check the credentials"),
        (404, "NoSuchBucket", NotFound, "RETUNE_BUCKET"),
        (404, "NoSuchKey", NotFound, "is not there"),
        (503, "SlowDown", Unavailable, "run again later"),
        (500, "InternalError", Unavailable, "run again later"),
        (400, "RequestTimeout", Unavailable, "run again later"),
        (400, "AuthorizationHeaderMalformed", InvalidInput, "AWS_REGION"),
        (400, "InvalidBucketName", InvalidInput, "InvalidBucketName"),
    ],
)
def test_every_answer_has_its_error(
    scripted: S3Store, status: int, code: str, expected: type[RetuneError], says: str
) -> None:
    """An error answer becomes the error whose exit code tells what to do, and names the object."""
    Scripted.status, Scripted.body = status, ANSWER % code.encode()
    for attempt in (
        lambda: scripted.get_bytes("s3://box/key"),
        lambda: scripted.put_bytes(b"x", "s3://box/key"),
        lambda: list(scripted.list("s3://box/key")),
    ):
        with pytest.raises(expected, match="s3://box/key") as caught:
            attempt()
        assert type(caught.value) is expected
        assert says in str(caught.value)


def test_a_bad_checksum_is_damage(scripted: S3Store) -> None:
    """Bytes that do not match S3's checksum are not handed on."""
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    Scripted.body, Scripted.headers_sent = b"bytes", (("x-amz-checksum-sha256", wrong),)
    with pytest.raises(Damaged, match="s3://box/key"):
        scripted.get_bytes("s3://box/key")


def test_an_answer_that_breaks_off(scripted: S3Store) -> None:
    """A connection that ends too early is no content, and can be tried again."""
    Scripted.body, Scripted.headers_sent = b"half", (("Content-Length", "400"),)
    with pytest.raises(Unavailable, match="s3://box/key"):
        scripted.get_bytes("s3://box/key")


def test_no_network() -> None:
    """An endpoint that nobody listens on is named, with what to check."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        store = S3Store(client_of(endpoint))
        with pytest.raises(Unavailable, match=f"{endpoint}.*check the network") as caught:
            store.exists("s3://box/key")
    assert "\n" not in str(caught.value)


def test_no_credentials() -> None:
    """Without credentials the user is told to sign in, before anything is sent."""
    session = boto3.Session(region_name="us-east-1")
    session._session.register_component("credential_provider", CredentialResolver([]))
    with pytest.raises(Refused, match="sign in"):
        S3Store(session.client("s3")).get_bytes("s3://box/key")


def test_uploads_carry_a_checksum() -> None:
    """S3 is given a SHA-256 to check on arrival, and keeps it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = client_of(f"http://{host}:{port}")
        client.create_bucket(Bucket="checked")
        S3Store(client).put_bytes(b"content", "s3://checked/key")
        told = client.head_object(Bucket="checked", Key="key", ChecksumMode="ENABLED")["ChecksumSHA256"]
        assert base64.b64decode(told) == hashlib.sha256(b"content").digest()
        with pytest.raises(NotFound, match="bucket is not there"):
            S3Store(client).put_bytes(b"content", "s3://nowhere/key")
    finally:
        server.stop()
