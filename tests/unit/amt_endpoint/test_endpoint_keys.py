"""The endpoint's key pair and the check of signatures and Host headers."""

from __future__ import annotations

import datetime as dt
import stat
import threading
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from components.amt.endpoint_hosts import is_ours
from components.amt.endpoint_keys import KeyPair, NotSigned, check_key, check_signature, key_pair
from components.errors import CannotWrite, Damaged

PAIR = KeyPair(access_key="AKIAEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG")


def signed(body: bytes, *, service: str = "sagemaker", pair: KeyPair = PAIR) -> dict[str, str]:
    headers = {"X-Amz-Target": "SageMaker.ListTags", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest(method="POST", url="http://localhost:8765/", data=body, headers=headers)
    request.headers["Host"] = "localhost:8765"
    SigV4Auth(Credentials(pair.access_key, pair.secret_key), service, "eu-west-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def test_what_botocore_signs_is_accepted() -> None:
    """A request signed by botocore, for whatever region, passes."""
    headers = signed(b'{"ResourceArn": "x"}')
    check_key(headers, PAIR)
    check_signature(headers, b'{"ResourceArn": "x"}', PAIR, now=now())


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_is_good_for_five_minutes(minutes: int) -> None:
    """A signature much older or newer than the server's clock is refused, as by AWS."""
    headers = signed(b"{}")
    with pytest.raises(NotSigned, match="Signature expired") as caught:
        check_signature(headers, b"{}", PAIR, now=now() + dt.timedelta(minutes=minutes))
    assert caught.value.code == "InvalidSignatureException"
    check_signature(headers, b"{}", PAIR, now=now() + dt.timedelta(minutes=minutes / 2))


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE", "IncompleteSignatureException"),
        (
            "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/r/sagemaker/aws4_request, Signature=\xe4, SignedHeaders=",
            "IncompleteSignatureException",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=OTHER/20260101/r/sagemaker/aws4_request, SignedHeaders=host, Signature=0",
            "UnrecognizedClientException",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=0",
            "InvalidSignatureException",
        ),
    ],
)
def test_a_header_that_does_not_name_the_key_is_refused(header: str, code: str) -> None:
    """Missing, broken and foreign Authorization headers each get AWS's code, before the body is read."""
    with pytest.raises(NotSigned) as caught:
        check_key({"authorization": header}, PAIR)
    assert caught.value.code == code


def test_a_signature_of_odd_characters_is_a_wrong_one() -> None:
    """A signature that is no hexadecimal number is compared like any other."""
    headers = signed(b"{}")
    headers["authorization"] = headers["authorization"].rpartition("=")[0] + "=\xe4\xf6"
    with pytest.raises(NotSigned) as caught:
        check_signature(headers, b"{}", PAIR, now=now())
    assert caught.value.code == "InvalidSignatureException"


def test_servers_that_start_together_make_one_pair(tmp_path: Path) -> None:
    """The pair is made once, is its owner's alone to read, and its folder is made too."""
    path = tmp_path / "amt" / "endpoint.credentials"
    pairs: list[KeyPair] = []
    threads = [threading.Thread(target=lambda: pairs.append(key_pair(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(pairs) == 8
    assert len({pair.secret_key for pair in pairs}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pairs[0].secret_key not in repr(pairs[0])
    assert key_pair(path, new=True).access_key != pairs[0].access_key


def test_a_file_that_is_no_pair_is_told(tmp_path: Path) -> None:
    """A damaged key file is named and not overwritten; one that cannot be made says so."""
    path = tmp_path / "endpoint.credentials"
    for text in (
        "",
        "x",
        "[default]\naws_access_key_id = a\n",
        "[default]\naws_access_key_id =\naws_secret_access_key=",
    ):
        path.write_text(text)
        with pytest.raises(Damaged, match=r"endpoint\.credentials"):
            key_pair(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        key_pair(tmp_path / "file" / "endpoint.credentials")


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        (["localhost:8765"], True),
        (["LOCALHOST"], True),
        (["127.0.0.1:1"], True),
        (["[::1]:8765"], True),
        (["192.0.2.7:8765"], True),
        (["tuner.example"], True),
        (["192.0.2.8:8765"], False),
        (["evil.example"], False),
        (["localhost.evil.example"], False),
        (["localhost:8765@evil.example"], False),
        (["localhost:8765/"], False),
        (["localhost:٣"], False),
        ([""], False),
        ([], False),
        (["localhost", "localhost"], False),
    ],
)
def test_a_host_is_ours_by_its_name(headers: list[str], *, ours: bool) -> None:
    """Loopback names, the address the connection came in at, and allowed names; whatever the port."""
    assert is_ours(headers, ("192.0.2.7", 8765), {"tuner.example"}) is ours


def test_a_server_without_an_address_has_its_loopback_names() -> None:
    """Where ASGI does not tell the address, an empty name is no match for it."""
    assert is_ours(["localhost"], None, ())
    assert not is_ours(["x"], None, ())
