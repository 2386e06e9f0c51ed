"""What may take its time, done in threads of its own: the store of objects, pip. Its end is told to the loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from components.errors import RetuneError


class Background:
    """Threads of one supervisor.

    Args:
        pauses_s: Between tries while the store is out.
        abandoned: Set when nobody waits any more: no pause is waited for then.
        post: Hands a message to the loop, from any thread.
    """

    def __init__(
        self, *, pauses_s: Sequence[float], abandoned: threading.Event, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self._pauses_s = tuple(pauses_s)
        self._abandoned = abandoned
        self._post = post
        self._threads: set[threading.Thread] = set()

    def do(self, work: Callable[[], None], then: Callable[[Exception | None], None]) -> None:
        """Do something in a thread, again while the store is out, then `then` in the loop with what came of it."""

        def run() -> None:
            error: Exception | None = None
            for pause_s in (*self._pauses_s, None):
                try:
                    error = None
                    work()
                except Exception as caught:  # noqa: BLE001 - handed to the loop, which tells errors apart
                    error = caught
                if not is_outage(error) or pause_s is None or self._abandoned.wait(pause_s):
                    break
            self._threads.discard(thread)
            self._post(lambda: then(error))

        thread = threading.Thread(target=run, name="amt-store", daemon=True)
        self._threads.add(thread)
        thread.start()

    def join(self, until: float) -> None:
        """Wait for what is under way, until a moment of the monotonic clock."""
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))


def is_outage(error: Exception | None) -> bool:
    """Whether trying again later may help."""
    return isinstance(error, RetuneError) and error.retryable
