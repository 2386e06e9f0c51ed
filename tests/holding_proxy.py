"""A proxy before a tracking server that stops at one shown call, so that a test can kill the client right there."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

When = Literal["before", "after"]


class HoldingProxy(ThreadingHTTPServer):
    """Forwards everything; the call that `hold_at` names is not answered, and `reached` says that it has come."""

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = urlsplit(endpoint)
        self.reached = threading.Event()
        self._held: tuple[str, str, When] | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where clients are to go."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def hold_at(self, path: str, text: str, when: When) -> None:
        """Hold the next call whose path ends so and whose body has this text, before or after it has been forwarded."""
        with self._lock:
            self.reached.clear()
            self._held = (path, text, when)

    def takes(self, path: str, body: bytes) -> When | None:
        """Whether this is the call; only one is."""
        with self._lock:
            if self._held is None:
                return None
            ending, text, when = self._held
            if not path.endswith(ending) or text.encode() not in body:
                return None
            self._held = None
            return when


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HoldingProxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        held = self.server.takes(urlsplit(self.path).path, body)
        if held != "before":
            status, kind, content = self._forward(body)
        if held is not None:
            self.server.reached.set()
            self.rfile.read(1)  # until the client is gone
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  the base class's names

    def _forward(self, body: bytes) -> tuple[int, str, bytes]:
        target = self.server.endpoint
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", "application/json"), answer.read()
        finally:
            connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        del format, args


@contextmanager
def holding_proxy(endpoint: str) -> Iterator[HoldingProxy]:
    """A proxy that runs until the block ends."""
    proxy = HoldingProxy(endpoint)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
