"""Bells between processes: FIFOs in a job's folder. Sockets would do as well, but their paths end at 108 bytes.

A ring carries no news; who hears it reads the store. Ringing never blocks, and nobody listening is no error.
"""

from __future__ import annotations

import math
import os
import select
import threading
from contextlib import suppress
from pathlib import Path


class Bell:
    """The listening end: a FIFO this process owns.

    Args:
        path: Where to make it; its folder exists. One that is there is used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._open = False
        while not self._open:
            with suppress(FileExistsError):
                os.mkfifo(path, 0o600)
            try:
                # Open for both: there is always a writer, so a read never sees the end of the file.
                self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            # `ring_all` may have removed it as nobody's before it was open.
            self._open = same_file(path, self._descriptor)
            if not self._open:
                os.close(self._descriptor)

    def wait(self, timeout_s: float | None) -> bool:
        """Until somebody rings or the time is over; whether somebody rang. Rings so far are then used up."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(None if timeout_s is None else math.ceil(timeout_s * 1000)):
            return False
        with suppress(BlockingIOError):
            os.read(self._descriptor, 65536)
        return True

    def ring(self) -> None:
        """Wake this process's own waiter; from any thread, also after `close`."""
        with self._lock, suppress(BlockingIOError):
            if self._open:
                os.write(self._descriptor, b".")

    def close(self, *, remove: bool = False) -> None:
        """Stop listening."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._descriptor)
                if remove:
                    self.path.unlink(missing_ok=True)


def same_file(path: Path, descriptor: int) -> bool:
    """Whether an open file is the one that is found at a path now."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def ring(path: Path) -> bool:
    """Ring somebody's bell; whether anybody listens."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no such FIFO, or nobody has it open
        return False
    try:
        os.write(descriptor, b".")
    except BlockingIOError:  # full of rings: it will wake
        pass
    except BrokenPipeError:
        return False
    finally:
        os.close(descriptor)
    return True


def ring_all(folder: Path) -> None:
    """Ring every bell in a folder; one nobody listens to any more is removed."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are all that is needed, on every change
    except OSError:  # no folder, nobody listens
        return
    for name in names:
        if not ring(folder / name):
            (folder / name).unlink(missing_ok=True)
