"""Model archives hosted by processes that keep SageMaker's container contract (serving_container.py)."""

from __future__ import annotations

import http.client
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 120.0
_PATIENCE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container.

    Attributes:
        port: Of its server.
        process: It.
        folder: Its /opt/ml.
    """

    port: int
    process: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str]

    def invoke(
        self, body: bytes, content_type: str = "application/json", accept: str = "application/json"
    ) -> tuple[int, bytes, str]:
        """Status, body and content type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        try:
            connection.request("POST", "/invocations", body, {"Content-Type": content_type, "Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers["Content-Type"]
        finally:
            connection.close()

    def stop(self) -> None:
        """End it and remove its files."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def start_container(archive: bytes) -> Container:
    """Unpack an archive into a fresh /opt/ml/model and serve it.

    Raises:
        RuntimeError: The program did not come to serve; with what it said.
    """
    folder = tempfile.TemporaryDirectory(prefix="opt-ml-")
    base = Path(folder.name)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
        packed.extractall(base / "model", filter="data")
    kept = ("PATH", "TEST_SESSION_OF_RETUNE", "OMP_NUM_THREADS")
    said = base / "said"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("serving_container.py")), str(base)],
            env={name: os.environ[name] for name in kept if name in os.environ},
            cwd=base,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    guard = threading.Timer(START_S, process.kill)
    guard.start()
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        process.stdout.close()
    finally:
        guard.cancel()
    if not port.isdigit():
        process.kill()
        process.wait()
        text = said.read_text()
        folder.cleanup()
        raise RuntimeError(f"the container did not come to serve: {text[-2000:]}")
    return Container(port=int(port), process=process, folder=folder)


@contextmanager
def hosted(archive: bytes) -> Iterator[Container]:
    """A container for the block."""
    container = start_container(archive)
    try:
        yield container
    finally:
        container.stop()
