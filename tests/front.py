"""A server in front of another one: it answers some requests itself and forwards the rest as they are."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Front(ThreadingHTTPServer):
    """Asks `own` first; what it leaves (None) goes to the address behind."""

    daemon_threads = True

    def __init__(self, behind: str, own: Callable[[Asked], Told | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind)
        self.own = own

    @property
    def url(self) -> str:
        """Where clients are to go."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Front

    def _any(self) -> None:
        body = self._body()
        asked = Asked(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body)
        told = self.server.own(asked)
        if told is not None:
            self._send(told.status, {"Content-Type": told.content_type}, told.body)
            return
        connection = http.client.HTTPConnection(str(self.server.behind.hostname), self.server.behind.port, timeout=60)
        try:
            headers = {name: value for name, value in asked.headers.items() if name.lower() not in HOP}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            self._send(answer.status, kept, content)
        finally:
            connection.close()

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _any  # noqa: N815  the base class's names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        del format, args


@contextmanager
def in_front_of(behind: str, own: Callable[[Asked], Told | None]) -> Iterator[Front]:
    """A front that stands until the block ends."""
    front = Front(behind, own)
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
        thread.join()
