"""`python -m components.deployment.model_server --model NAME --port N`: serve a champion until SIGTERM."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.deployment import ports
from components.deployment.model_server.limits import add_limits, read_limits
from components.deployment.service_record import read_record
from components.errors import Busy, RetuneError

if TYPE_CHECKING:
    import socket

    from components.deployment.model_server.champion import Champion

FOLLOW_EVERY_S = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if options.ready_fd is not None:
        os.set_inheritable(options.ready_fd, False)  # noqa: FBT003  os takes no keyword
    try:
        # before the imports, which take seconds: who comes too late for the port knows at once
        listener = _listener(options.port)
        _serve(options, listener)
    except RetuneError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  the last line of the log tells the starter why
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m components.deployment.model_server", description=__doc__)
    parser.add_argument("--model", required=True, help="registered model")
    parser.add_argument("--alias", default="champion", help="alias that is followed")
    parser.add_argument(
        "--tracking-uri", help="MLflow's; default MLFLOW_TRACKING_URI, which keeps passwords off the list"
    )
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--record", type=Path, help="record of this service, with the nonce that commands it")
    parser.add_argument("--ready-fd", type=int, help="file descriptor that gets a byte when the server is ready")
    add_limits(parser)
    return parser


def _listener(port: int) -> socket.socket:
    try:
        return ports.listen(port)
    except OSError as error:
        raise Busy(f"port {port} must be free, held by {ports.holder_of(port)} ({error.strerror})") from None


def _serve(options: argparse.Namespace, listener: socket.socket) -> None:
    from mlflow import get_tracking_uri

    from components.deployment.model_server.champion import Champion
    from components.registry.mlflow_registry import Registry

    registry = Registry(
        tracking_uri=options.tracking_uri or get_tracking_uri(), model=options.model, champion=options.alias
    )
    champion = Champion(registry, alias=options.alias)
    stop = threading.Event()
    follower = threading.Thread(
        target=champion.follow, args=(stop,), kwargs={"every_s": FOLLOW_EVERY_S}, name="follow", daemon=True
    )
    follower.start()
    try:
        _run(champion, options, listener)
    finally:
        stop.set()
        champion.close()


def _run(champion: Champion, options: argparse.Namespace, listener: socket.socket) -> None:
    import uvicorn

    from components.deployment.model_server.app import ScoringApp
    from components.deployment.model_server.timed_protocol import timed_protocol

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if options.ready_fd is not None:
                os.write(options.ready_fd, b"r")

    record = read_record(options.record) if options.record else None
    limits = read_limits(options)
    app = ScoringApp(
        champion,
        nonce=record.nonce if record else None,
        token=record.token if record else None,
        model=options.model,
        alias=options.alias,
        limits=limits,
    )
    config = uvicorn.Config(
        app.asgi(),
        http=timed_protocol(limits.header_timeout_s),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=limits.finish_within_s,
    )
    # uvicorn finishes what runs and then raises the signal again, which would skip the cleaning up
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    Announced(config).run(sockets=[listener])


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    os._exit(code)  # nothing is left to do, and taking mlflow apart lasts a second
