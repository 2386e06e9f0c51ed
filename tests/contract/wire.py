"""Raw HTTP to a served local AMT: requests no client of AWS would send, signed or not."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from amt_endpoint import Serving
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ANSWERS_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer: its status, its body, and the error code in it."""

    status: int
    document: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """AWS's error code; empty when there is none."""
        return str(self.document.get("__type", ""))


def connect(served: Serving) -> http.client.HTTPConnection:
    """A connection that gives up after a minute."""
    address = urlsplit(served.url)
    return http.client.HTTPConnection(str(address.hostname), address.port, timeout=ANSWERS_WITHIN_S)


def signed(
    served: Serving, operation: str, body: bytes, changed: Mapping[str, str | None] | None = None, **keys: str
) -> dict[str, str]:
    """Headers of a request as boto3 signs it.

    Args:
        served: The server, whose key pair signs.
        operation: API name.
        body: What is sent.
        changed: Headers that differ before it is signed; None leaves one out.
        keys: `access_key` or `secret_key` in place of the server's.
    """
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
    for name, value in (changed or {}).items():
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
    sent = AWSRequest(method="POST", url=f"{served.url}/", data=body, headers=headers)
    pair = Credentials(keys.get("access_key", served.access_key), keys.get("secret_key", served.secret_key))
    SigV4Auth(pair, "sagemaker", served.region).add_auth(sent)
    return dict(sent.headers.items())


def exchange(
    connection: http.client.HTTPConnection, body: bytes, headers: Mapping[str, str], *, method: str = "POST"
) -> Answered:
    """Send and read the answer."""
    connection.request(method, "/", body, dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    is_ours = answer.headers.get("content-type") == "application/x-amz-json-1.1"
    document = json.loads(text) if text and is_ours else {}
    return Answered(status=answer.status, document=document, headers=dict(answer.headers.items()))
