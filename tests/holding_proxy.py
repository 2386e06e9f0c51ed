"""A proxy before an HTTP service that notes every call and can hold one, before it arrives or before it is answered."""

from __future__ import annotations

import http.client
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_LOOK_S = 0.2
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Hold:
    """One call to be held.

    Args:
        matches: Whether a call is the one, from its name.
        arrived: Whether it reaches the service, whose answer is then held; else the service never hears of it.
        saying: Text that its body has.
    """

    def __init__(self, matches: Callable[[str], bool], *, arrived: bool, saying: str = "") -> None:
        self.matches = matches
        self.saying = saying.encode()
        self.arrived = arrived
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def wait_for(self, process: subprocess.Popen[Any]) -> None:
        """Until the call is held; a process that ends before has failed."""
        while not self.reached.wait(_LOOK_S):
            assert process.poll() is None, process.communicate()


class HoldingProxy(ThreadingHTTPServer):
    """Forwards to a service.

    Args:
        endpoint: Its URL.

    Attributes:
        calls: Names of all calls in the order of their coming: AWS's operation, else `METHOD /path`.
    """

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = urlsplit(endpoint)
        self.calls: list[str] = []
        self._hold: Hold | None = None
        self._changed = threading.Condition()

    @property
    def url(self) -> str:
        """Where clients are to go."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def hold(self, matches: Callable[[str], bool], *, arrived: bool, saying: str = "") -> Iterator[Hold]:
        """Hold the first call that matches until the block ends; its connection is then cut."""
        hold = self._hold = Hold(matches, arrived=arrived, saying=saying)
        try:
            yield hold
        finally:
            self._hold = None
            hold.let_go.set()

    def wait_for(self, name: str, *, more: int, process: subprocess.Popen[Any]) -> None:
        """Until so many more calls of a name have come; a process that ends before has failed."""
        with self._changed:
            wanted = self.calls.count(name) + more
            while not self._changed.wait_for(lambda: self.calls.count(name) >= wanted, _LOOK_S):
                assert process.poll() is None, process.communicate()

    def taken(self, name: str, body: bytes) -> Hold | None:
        """Note a call; the hold it falls under, the first one only."""
        with self._changed:
            self.calls.append(name)
            self._changed.notify_all()
            hold = self._hold
            if hold is None or hold.reached.is_set() or not hold.matches(name) or hold.saying not in body:
                return None
            if not hold.arrived:
                hold.reached.set()
            self._hold = None
            return hold


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HoldingProxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        hold = self.server.taken(operation or f"{self.command} {urlsplit(self.path).path}", body)
        if hold is None:
            self._answer(*self._forward(body))
            return
        if hold.arrived:
            self._forward(body)
            hold.reached.set()
        hold.let_go.wait()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815  the base class's names

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        target = self.server.endpoint
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=120)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
            return answer.status, headers, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

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
