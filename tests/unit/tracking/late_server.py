"""A process with MLflow's server application: prints a free port, then `start` and `stop` on stdin, each echoed."""

from __future__ import annotations

import socket
import sys
import threading


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    print(port, flush=True)  # noqa: T201  the protocol with the test

    from mlflow.server import app
    from mlflow.server.handlers import initialize_backend_stores
    from werkzeug.serving import BaseWSGIServer, make_server

    uri = f"sqlite:///{sys.argv[1]}"
    initialize_backend_stores(uri, uri, f"{sys.argv[1]}-artifacts")
    server: BaseWSGIServer | None = None
    for line in sys.stdin:
        if line.strip() == "start":
            server = make_server("127.0.0.1", port, app, threaded=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
        elif server is not None:
            server.shutdown()
            server.server_close()
        print(line.strip(), flush=True)  # noqa: T201  the protocol with the test


if __name__ == "__main__":
    main()
