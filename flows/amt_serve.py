"""`retune amt serve`: the local AMT over HTTP until it is told to stop."""

from __future__ import annotations

import ipaddress
import json
import logging
import shlex
import signal
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from components.amt.spot import DISCOUNT, NOTICE_S, Interruptions, SpotMarket
from components.errors import Busy, CannotWrite, InvalidInput
from components.settings import Settings, read_settings
from flows.local_services import services_of
from flows.local_supervisor import looking_after

if TYPE_CHECKING:
    from components.amt.endpoint_keys import KeyPair
    from components.storage.store import ObjectStore

DEFAULT_PORT = 8765
LOOPBACK_HOST = "127.0.0.1"
_FINISH_WITHIN_S = 10
_KEPT_ALIVE_S = 75


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Options of the command.

    Attributes:
        port: TCP port; 0 takes any that is free.
        host: Address to listen on.
        allow_hosts: Further names clients may call this server by.
        home: In place of $RETUNE_HOME.
        store: Where `s3://` leads to; None: S3 when the environment names an S3 endpoint, else a folder of the home.
        new_keys: Whether to make another key pair.
        until_idle: Whether to end once every job has ended; only for the service that a home keeps itself.
        spot_interruption_mean_s: Mean training seconds between two Spot interruptions; None never interrupts.
        spot_notice_s: Seconds between SIGTERM and the end of a Spot instance.
        spot_seed: Of the interruptions' times.
        spot_discount: Share of the price that Spot saves, from 0 to 1.
    """

    port: int = DEFAULT_PORT
    host: str = LOOPBACK_HOST
    allow_hosts: tuple[str, ...] = ()
    home: Path | None = None
    store: Literal["s3", "local"] | None = None
    new_keys: bool = False
    until_idle: bool = False
    spot_interruption_mean_s: float | None = None
    spot_notice_s: float = NOTICE_S
    spot_seed: int = 0
    spot_discount: float = DISCOUNT


def serve(options: ServeOptions, *, as_json: bool) -> None:
    """Serve until SIGTERM or Ctrl-C; jobs that run then go on with the next start.

    Raises:
        Busy: The port is somebody else's.
        InvalidInput: An address that this machine does not have, or numbers that cannot be.
        CannotWrite: The home cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    spot = _spot(options)
    settings = _settings(options)
    listener = _listener(options)
    try:
        from components.amt import endpoint_keys
        from components.amt.client import LocalAmt
        from components.amt.endpoint import AmtEndpoint

        keys_file = settings.amt_home / "endpoint.credentials"
        keys = endpoint_keys.key_pair(keys_file, new=options.new_keys)
        store_name, store = _store(options, settings)
        amt = LocalAmt(
            home=settings.amt_home,
            store=store,
            region=settings.region,
            spot=spot,
        )
        try:
            amt.resume()
            endpoint = AmtEndpoint(amt, keys=keys, hosts=(_in_url(options.host), *options.allow_hosts))
            document = {
                "url": f"http://{_in_url(options.host)}:{listener.getsockname()[1]}",
                "region": settings.region,
                "credentials_file": str(keys_file),
                "home": str(settings.home),
                "store": store_name,
            }
            if not _is_loopback(options.host):
                _warn(options.host)
            services = services_of(settings) if options.until_idle else None
            with looking_after(amt, until_idle=services):
                _run(endpoint.asgi(), listener, announcement=_announcement(document, keys, as_json=as_json))
            endpoint.close()
        finally:
            amt.close()
    finally:
        listener.close()


def _spot(options: ServeOptions) -> SpotMarket:
    try:
        mean_s = options.spot_interruption_mean_s
        interruptions = (
            None
            if mean_s is None
            else Interruptions(mean_s=mean_s, notice_s=options.spot_notice_s, seed=options.spot_seed)
        )
        return SpotMarket(discount=options.spot_discount, interruptions=interruptions)
    except ValueError as error:
        raise InvalidInput(f"--spot-...: {error}") from error


def _settings(options: ServeOptions) -> Settings:
    settings = read_settings()
    if options.home is not None:
        settings = replace(settings, home=options.home.expanduser().resolve())
    settings.check_home()
    settings.writable_home()
    return settings


def _store(options: ServeOptions, settings: Settings) -> tuple[str, ObjectStore]:
    environment = settings.environment
    named = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if options.store == "s3" or (options.store is None and named):
        from components.aws import client
        from components.storage.s3 import S3Store

        return "s3", S3Store(client("s3", region=settings.region))
    from components.storage.local import FolderStore

    return "local", FolderStore(settings.store_root)


def _listener(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where TCP is named; else an answer waits 40 ms for an ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(2048)
    except socket.gaierror as error:
        listener.close()
        raise InvalidInput(f"--host is an address of this machine, got {options.host}: {error.strerror}") from error
    except PermissionError as error:
        listener.close()
        raise CannotWrite(f"port {options.port} is not this user's to take: set --port from 1024") from error
    except OSError as error:
        listener.close()
        raise _cannot_listen(options, error) from error
    return listener


def _cannot_listen(options: ServeOptions, error: OSError) -> Exception:
    import errno

    from components.deployment import ports

    if error.errno == errno.EADDRINUSE:
        holder = ports.holder_of(options.port)
        return Busy(f"port {options.port} must be free, held by {holder}: stop that, or set another --port")
    return InvalidInput(f"--host is an address of this machine, got {options.host}: {error.strerror}")


def _run(app: Any, listener: socket.socket, *, announcement: str) -> None:
    import uvicorn

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            sys.stdout.write(announcement)
            sys.stdout.flush()

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        # clients that poll every 5 s, as the SageMaker SDK does, keep their connection
        timeout_keep_alive=_KEPT_ALIVE_S,
        timeout_graceful_shutdown=_FINISH_WITHIN_S,
    )
    _end_in_order()
    Announced(config).run(sockets=[listener])


def _end_in_order() -> None:
    # uvicorn finishes what runs and then raises the signal again, which would skip leaving the jobs in order
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)


def _announcement(document: dict[str, Any], keys: KeyPair, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(document, indent=2) + "\n"
    exports = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_DEFAULT_REGION": document["region"],
        "AWS_ENDPOINT_URL_SAGEMAKER": document["url"],
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    where = "S3" if document["store"] == "s3" else f"{document['home']}/store/BUCKET"
    return "\n".join(["# in the shell of the client:", *lines, f"# s3:// leads to {where}; Ctrl-C ends", ""])


def _warn(host: str) -> None:
    sys.stderr.write(
        f"retune: listening on {host}, beyond this machine: whoever holds the key pair runs code here, "
        "and requests travel unencrypted\n"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
