"""SageMaker's script-mode container as a process: one model behind `/ping` and `/invocations`, and an import fence.

    python -I tests/serving_container.py BASE

BASE stands for /opt/ml: the archive was unpacked into BASE/model. As the images' toolkit does, the program is copied
from BASE/model/code to BASE/code and imported from there. Its port is its first line of output. Only what the images
have can be imported: Python itself, numpy, pandas, xgboost or scikit-learn, and what these need. Nothing of retune, and
no MLflow.
"""

from __future__ import annotations

import importlib
import importlib.abc
import json
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

INSTALLED = {"numpy", "pandas", "xgboost", "sklearn", "scipy", "joblib", "threadpoolctl", "pytz", "dateutil", "six"}
INSTALLED |= {"tzdata", "packaging", "narwhals", "cloudpickle"}  # what pandas, scikit-learn and joblib need themselves
UTF8_TYPES = ("application/json", "text/csv")


class Fence(importlib.abc.MetaPathFinder):
    """Refuses what the image does not have."""

    def __init__(self, own: set[str]) -> None:
        self._known = INSTALLED | set(sys.stdlib_module_names) | own

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        del path, target
        if name.partition(".")[0] not in self._known and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {name!r} in this container", name=name)


def main(base: Path) -> None:
    """Load the model and answer until killed."""
    code = base / "code"
    shutil.rmtree(code, ignore_errors=True)
    shutil.copytree(base / "model" / "code", code)
    own = {path.stem for path in (base / "model").rglob("*.py")}
    for name in list(sys.modules):
        if name.partition(".")[0] not in INSTALLED | set(sys.stdlib_module_names) | {"__main__"}:
            del sys.modules[name]  # what a .pth file of the environment has loaded
    sys.meta_path.insert(0, Fence(own))
    sys.path.insert(0, str(code))
    program = importlib.import_module("inference")
    model = program.model_fn(str(base / "model"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, b"", "text/plain")

        def do_POST(self) -> None:
            body: Any = self.rfile.read(int(self.headers["Content-Length"]))
            content_type = self.headers.get("Content-Type", "application/json")
            try:
                body = body.decode() if content_type in UTF8_TYPES else bytearray(body)
                rows = program.input_fn(body, content_type)
                accept = self.headers.get("Accept", "application/json")
                answer, answer_type = program.output_fn(program.predict_fn(rows, model), accept)
            except Exception as error:  # noqa: BLE001  as the toolkit does
                said = json.dumps({"error": type(error).__name__, "message": str(error)})
                self._answer(500, said.encode(), "application/json")
            else:
                self._answer(200, answer.encode(), answer_type)

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)  # noqa: T201  to the one who started it
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
