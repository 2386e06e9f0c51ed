"""A background service in miniature, run as a process of its own by the tests of services.

`tiny_service.py PORT RECORD [--foreign] [--die] [--deaf] [--child]`: identifies itself unless foreign.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    port, record, *options = int(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
    if "--die" in options:
        sys.exit("the lock is rusty")
    nonce = json.loads(record.read_text())["nonce"]
    if "--deaf" in options:
        time.sleep(600)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            identity = None if "--foreign" in options else hashlib.sha256(nonce.encode()).hexdigest()
            body = json.dumps({"identity": identity, "pid": os.getpid()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    if "--child" in options:
        # a child in a group of its own that does not heed SIGTERM
        ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
        stubborn = f"import signal, time; {ignore}; print('up', flush=True); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", stubborn], process_group=0, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        record.with_name("child.pid").write_text(str(child.pid))
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if "--foreign" not in options:
        os.write(3, b"r")
    server.serve_forever()


if __name__ == "__main__":
    main()
