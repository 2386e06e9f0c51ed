"""Who registers, promotes or rolls back a model on this home does it alone."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from components import naming
from components.settings import Settings


@contextmanager
def one_at_a_time(settings: Settings, model: str) -> Iterator[None]:
    """Two commands on one model end at the same moment: the second finds what the first has done.

    The lock is the kernel's, so it falls free with a killed process.
    """
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / naming.model_service(model)).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
