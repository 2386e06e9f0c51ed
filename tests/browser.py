"""A headless Chromium that is told what to do over its own debugging protocol, with no network beyond this machine.

Only what a test of a page needs: open a file, wait for it to say that it is drawn, ask it, drag over it; and all it
complained about and asked the network for.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",  # a container's root has no other way; the pages are our own files
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_PATIENCE_S = 120.0


@dataclass(kw_only=True)
class Page:
    """An open page.

    Attributes:
        requests: Addresses it asked for, its own and data in place left out.
        complaints: Errors on the console, exceptions nobody caught, requests that failed.
    """

    socket: ClientConnection
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _last: int = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """A command of the protocol, and its answer; what happens meanwhile is noted."""
        self._last += 1
        self.socket.send(json.dumps({"id": self._last, "method": method, "params": parameters}))
        deadline_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline_s:
            message = json.loads(self.socket.recv(timeout=_PATIENCE_S))
            if message.get("id") == self._last:
                assert "error" not in message, message["error"]
                return message["result"]
            self._note(message)
        raise AssertionError(f"{method} must be answered within {_PATIENCE_S} s")

    def go_to(self, url: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.call("Page.navigate", url=url)
        self.until("Page.loadEventFired")

    def picture(self, file: Path) -> None:
        """Write what the window shows, as PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def until(self, event: str) -> None:
        """Wait for an event of the protocol."""
        while (message := json.loads(self.socket.recv(timeout=_PATIENCE_S))).get("method") != event:
            self._note(message)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited when it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The first truthy value of an expression; looked at with every frame that is drawn."""
        return self.ask(
            "new Promise((found, missed) => {"
            f"const end = Date.now() + {0.8 * _PATIENCE_S * 1000};"
            f"const look = () => {{ const value = ({expression}); if (value) found(value);"
            "else if (Date.now() > end) missed(new Error('nothing came')); else requestAnimationFrame(look); };"
            "look(); })"
        )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place, let go at another."""
        self._mouse("mousePressed", start)
        self._mouse("mouseMoved", ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        self._mouse("mouseMoved", end)
        self._mouse("mouseReleased", end)

    def double_click(self, place: tuple[float, float]) -> None:
        """Click twice at one place."""
        for count in (1, 2):
            self._mouse("mousePressed", place, count)
            self._mouse("mouseReleased", place, count)

    def _mouse(self, kind: str, place: tuple[float, float], count: int = 1) -> None:
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", buttons=1, clickCount=count
        )

    def _note(self, message: dict[str, Any]) -> None:
        method, about = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            url = about["request"]["url"]
            if not url.startswith(("file:", "data:", "blob:")):
                self.requests.append(url)
        elif method == "Network.loadingFailed":
            self.complaints.append(f"request failed: {about['errorText']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(about["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and about["type"] in {"error", "assert"}:
            self.complaints.append(json.dumps(about["args"])[:500])
        elif method == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.complaints.append(about["entry"]["text"])


@contextmanager
def opened(page: Path | str, *, profile: Path, width: int = 1300, height: int = 900) -> Iterator[Page]:
    """A page in a browser of its own: a file with no network, or the page of a server on this machine.

    Args:
        page: HTML file, or a URL on 127.0.0.1.
        profile: Folder for the browser's own files.
        width: Of the window, in pixels.
        height: Of the window.
    """
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.fail(f"a browser is needed, got none of {', '.join(_NAMES)} (Debian: apt-get install chromium)")
    process = subprocess.Popen(
        [program, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        address = next((found for line in process.stderr if (found := re.search(r"ws://(\S+?)/", line))), None)
        assert address is not None, "the browser must tell where it listens"
        with connect(_page_address(address[1]), max_size=None, proxy=None) as socket:
            tab = Page(socket=socket)
            for domain in ("Network", "Runtime", "Log", "Page"):
                tab.call(f"{domain}.enable")
            # A window of its own is never narrower than 500 pixels, whatever it is asked for.
            tab.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            if isinstance(page, Path):
                limits = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
                tab.call("Network.emulateNetworkConditions", **limits)
            tab.go_to(page.resolve().as_uri() if isinstance(page, Path) else page)
            yield tab
    finally:
        process.kill()
        process.communicate()


def _page_address(host: str) -> str:
    import urllib.request

    with urllib.request.urlopen(f"http://{host}/json", timeout=_PATIENCE_S) as answer:
        pages = json.load(answer)
    return str(next(each["webSocketDebuggerUrl"] for each in pages if each["type"] == "page"))
