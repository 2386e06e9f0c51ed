"""The detached `retune amt serve` that runs submitted searches on this machine, and ends when none is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import components
from components.deployment.service_spec import Service, ServiceSpec
from components.deployment.services import Services
from components.settings import Settings
from flows.local_services import services_of

if TYPE_CHECKING:
    from components.amt.client import LocalAmt

AMT = "amt"
_FIRST_PORT = 8766  # beside the one that somebody serves by hand
_RESUME_S = 30.0
_IDLE_LOOK_S = 1.0


def ensure_supervisor(settings: Settings) -> Service:
    """The home's own server, running: the one there is, or a new one. It takes up every job that has not ended.

    Raises:
        RetuneError: It cannot be started; jobs stay, and whoever runs or submits them again goes on with them.
    """
    store = "s3" if settings.on_s3 else "local"
    path = settings.environment.get("PYTHONPATH")
    root = str(Path(components.__file__).resolve().parents[1])  # also where retune is run without being installed
    return services_of(settings).ensure(
        ServiceSpec(
            name=AMT,
            command=lambda port: (
                *(sys.executable, "-m", "flows.cli", "amt", "serve", "--until-idle", "--json"),
                *("--port", str(port), "--home", str(settings.home), "--store", store),
            ),
            health_path="/ping",
            environment={"PYTHONPATH": f"{root}{os.pathsep}{path}" if path else root},
            first_port=_FIRST_PORT,
        )
    )


@contextmanager
def looking_after(amt: LocalAmt, *, until_idle: Services | None) -> Iterator[None]:
    """Take up jobs again that nobody asks about: a store that did not answer has ended their supervision.

    Args:
        amt: Whose jobs.
        until_idle: Services this process is one of, when it is to end itself once every job has ended.
    """
    over = threading.Event()
    held: list[IO[str]] = []

    def is_done(services: Services) -> bool:
        if not services.folder.is_dir():  # the home was deleted
            return True
        lock = None if amt.unfinished() else services.hold(AMT)
        if lock is None:
            return False
        if amt.unfinished():  # submitted between the two looks; from now on whoever submits waits for our end
            lock.close()
            return False
        held.append(lock)
        return True

    def look() -> None:
        known: tuple[str, ...] = ()
        resumed_s = time.monotonic()
        while not over.wait(_RESUME_S if until_idle is None else _IDLE_LOOK_S):
            if until_idle is not None and is_done(until_idle):
                os.kill(os.getpid(), signal.SIGTERM)
                return
            unfinished = amt.unfinished()
            if set(unfinished) - set(known) or time.monotonic() - resumed_s >= _RESUME_S:
                amt.resume()
                resumed_s = time.monotonic()
            known = unfinished

    thread = threading.Thread(target=look, name="amt-resume", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
