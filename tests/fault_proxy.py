"""A proxy between an AWS client and its endpoint that does to some calls what networks and services do."""

from __future__ import annotations

import collections
import http.client
import itertools
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

KINDS = ("throttled", "unavailable", "reset", "answer lost", "slow")
SLOW_S = 0.5


class FaultProxy(ThreadingHTTPServer):
    """Forwards POSTs to an endpoint; a share of them fails, before or after they arrived.

    Args:
        endpoint: URL of the real one.
        share: Share of calls that fail.
        seed: Of which ones.
        expired: Whether the third call is answered as if its token had expired.
    """

    daemon_threads = True

    def __init__(self, endpoint: str, *, share: float, seed: int, expired: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = urlsplit(endpoint)
        self.done: collections.Counter[str] = collections.Counter()
        self._draw = random.Random(seed)  # noqa: S311  repeatable faults
        self._kinds = itertools.cycle(KINDS)
        self._share = share
        self._expired = expired
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where clients are to go."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self, operation: str) -> str:
        """What happens to the next call; empty for nothing. The answer to the first Create is always lost."""
        with self._lock:
            self.done["calls"] += 1
            fault = next(self._kinds) if self._draw.random() < self._share else ""
            if self._expired and self.done["calls"] == 3:
                fault = "expired"
            if operation.startswith("Create") and not self.done["create lost"]:
                fault = "answer lost"
                self.done["create lost"] += 1
            if fault:
                self.done[fault] += 1
            return fault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.server.next_fault(self.headers.get("X-Amz-Target", "").rpartition(".")[2])
        if fault == "throttled":
            self._answer(400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode())
        elif fault == "expired":
            text = "The security token included in the request is expired"
            self._answer(400, json.dumps({"__type": "ExpiredTokenException", "message": text}).encode())
        elif fault == "unavailable":
            self._answer(503, b"{}")
        elif fault == "reset":
            self._reset()
        else:
            status, content = self._forward(body)
            if fault == "answer lost":
                self._reset()
                return
            if fault == "slow":
                time.sleep(SLOW_S)
            self._answer(status, content)

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        target = self.server.endpoint
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
        try:
            connection.request("POST", self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _reset(self) -> None:
        """RST, as a router that has forgotten the connection sends it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        del format, args


@contextmanager
def fault_proxy(endpoint: str, *, share: float, seed: int, expired: bool = False) -> Iterator[FaultProxy]:
    """A proxy that runs until the block ends."""
    proxy = FaultProxy(endpoint, share=share, seed=seed, expired=expired)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
