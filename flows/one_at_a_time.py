"""Who registers, promotes or rolls back a model on this home does it alone."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from components import naming
from components.settings import Settings


@contextmanager
def one_at_a_time(settings: Settings, model: str) -> Iterator[None]:
    """Two commands on one model end at the same moment: the second finds what the first has done.

    The lock is the kernel's, so it falls free with a killed process. An endpoint's update may hold it for hours: who
    waits is told so.
    """
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / naming.model_service(model)).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"waiting for another command that registers, promotes or rolls back {model}\n")
            sys.stderr.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
