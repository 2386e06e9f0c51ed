"""uvicorn's HTTP with a bound on how long a request's headers may take: it has none of its own (0.54)."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def timed_protocol(header_timeout_s: float) -> type[H11Protocol]:
    """A protocol class that closes connections whose headers are not complete in time.

    Args:
        header_timeout_s: From a connection's begin, or the first byte of a later request, to the last header.
    """

    class Timed(H11Protocol):
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(header_timeout_s, self._close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            cycle: Any = self.cycle  # None until the first request
            if cycle is not None and not cycle.response_complete:
                self._on_time()
            elif self._late is None:
                self._late = self.loop.call_later(header_timeout_s, self._close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._on_time()
            super().connection_lost(exc)

        def _on_time(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _close(self) -> None:
            self._late = None
            if not self.transport.is_closing():
                self.transport.close()

    return Timed
