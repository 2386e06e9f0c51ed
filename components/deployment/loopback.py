"""HTTP to a service on this machine: no proxy, no redirect, no retry."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

HOST = "127.0.0.1"


def exchange(method: str, url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Send a request without a body; the answer's status and body.

    Raises:
        OSError: Nobody answers there in time, or not in HTTP.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=timeout_s)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP at {url} ({type(error).__name__})") from error
    finally:
        connection.close()
