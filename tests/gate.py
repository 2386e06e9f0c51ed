"""A script whose trials wait until the test lets them go on, and the gate they wait at."""

from __future__ import annotations

import queue
import socket
import threading

SCRIPT = """
import argparse, os, pathlib, socket
parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--rate", type=float)
arguments, _ = parser.parse_known_args()
with socket.create_connection(("127.0.0.1", arguments.port)) as gate:
    gate.sendall(os.environ["TRAINING_JOB_NAME"].encode().ljust(64))
    assert gate.recv(1) == b"g"
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "weights.txt").write_text("0.5")
print(f"loss = {arguments.rate}")
"""


class Gate:
    """Trials wait here until the test lets one through, so that a kill always meets trials that are running."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.passed: list[str] = []
        self._connections: list[socket.socket] = []
        self._waiting: queue.Queue[tuple[str, socket.socket]] = queue.Queue()
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
                self._connections.append(connection)
                self._waiting.put((connection.recv(64, socket.MSG_WAITALL).decode().strip(), connection))
            except OSError:
                return

    def wait_for_one(self) -> None:
        """Until a live trial is here; it stays."""
        self.wait_for(1)

    def wait_for(self, number: int) -> list[str]:
        """Until so many live trials are here; their names. They stay."""
        here = [self._next_alive() for _ in range(number)]
        for each in here:
            self._waiting.put(each)
        return [name for name, _ in here]

    def let_one_through(self, of: str = "") -> None:
        """Let the next live trial, of a job named so, go on; trials that were killed while waiting are passed over."""
        others = []
        while True:
            name, connection = self._next_alive()
            if name.startswith(of):
                break
            others.append((name, connection))
        for other in others:
            self._waiting.put(other)
        connection.sendall(b"g")
        self.passed.append(name)

    def _next_alive(self) -> tuple[str, socket.socket]:
        while True:
            name, connection = self._waiting.get(timeout=120)
            connection.settimeout(0)
            try:
                killed = connection.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                killed = False
            except OSError:
                killed = True
            if not killed:
                return name, connection

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._accepting.join()
        for connection in self._connections:
            connection.close()
