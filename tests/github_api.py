"""The part of GitHub's API that the steps use, on a real port: OIDC tokens, a commit's pull requests, comments."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = "github-actions[bot]"
TOKEN = "token-of-the-job"


class GitHub(ThreadingHTTPServer):
    """A repository's state.

    Attributes:
        pulls: Numbers of the pull requests that every commit came with.
        comments: On them, as GitHub lists them.
        tokens: How many OIDC tokens were given.
        more: Set when a second token was.
        denied: Whether every request is refused.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pulls: list[int] = []
        self.comments: list[dict[str, Any]] = []
        self.tokens = 0
        self.more = threading.Event()
        self.denied = False

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, login: str, body: str) -> dict[str, Any]:
        """A comment of somebody."""
        number = len(self.comments) + 1
        self.comments.append(
            {"id": number, "user": {"login": login}, "body": body, "html_url": f"{self.url}/c/{number}"}
        )
        return self.comments[-1]

    def environment(self) -> dict[str, str]:
        """Of a job in this repository."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/oidc?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN,
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": "acme/churn",
            "GITHUB_SHA": "a" * 40,
            "GITHUB_TOKEN": TOKEN,
        }


class _Handler(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/oidc":
            assert query == {"api-version": "2.0", "audience": "sts.amazonaws.com"}
            self.server.tokens += 1
            if self.server.tokens > 1:
                self.server.more.set()
            self._say({"value": f"token-{self.server.tokens}"})
        elif address.path.endswith("/pulls"):
            self._say([{"number": number} for number in self.server.pulls])
        else:
            size, page = int(query["per_page"]), int(query["page"])
            self._say(self.server.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        self._say(self.server.add(BOT, self._body()["body"]))

    def do_PATCH(self) -> None:
        comment = self.server.comments[int(self.path.rpartition("/")[2]) - 1]
        comment["body"] = self._body()["body"]
        self._say(comment)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _say(self, document: Any) -> None:
        known = self.headers.get("Authorization", "").lower() == f"bearer {TOKEN}" and not self.server.denied
        content = json.dumps(document if known else {}).encode()
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        del format, args


@contextmanager
def github() -> Iterator[GitHub]:
    """A repository until the block ends."""
    server = GitHub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
