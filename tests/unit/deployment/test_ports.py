"""Which port a service listens on."""

from __future__ import annotations

import os
import socket

import pytest

from components.deployment import ports
from components.errors import Busy


def test_the_recorded_port_comes_first_while_it_is_free() -> None:
    """A service comes back where it was; where that is taken, on the first free port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert ports.choose_port(explicit=None, recorded=port, first=port) > port
        assert ports.choose_port(explicit=None, recorded=port, first=None) != port
    assert ports.choose_port(explicit=None, recorded=port, first=None) == port


def test_the_first_free_port_is_taken_in_order() -> None:
    """From the first one on, skipping what is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = ports.choose_port(explicit=None, recorded=None, first=port)
        assert found > port
        assert ports.is_free(found)


def test_a_port_held_on_all_addresses_is_not_free() -> None:
    """A listener on 0.0.0.0 holds the loopback port too."""
    with socket.create_server(("0.0.0.0", 0)) as taken:
        assert not ports.is_free(taken.getsockname()[1])


def test_a_listener_names_tcp() -> None:
    """What asyncio needs to send an answer at once and not wait 40 ms for the client's ACK."""
    with ports.listen(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_the_holder_is_named_and_told_from_others() -> None:
    """An explicit port is free or its holder is named; a process is known by what it listens on."""
    import psutil

    me = psutil.Process()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"pid {os.getpid()} (" in ports.holder_of(port)
        assert ports.listens(me, port)
        with pytest.raises(Busy, match=f"pid {os.getpid()}"):
            ports.choose_port(explicit=port, recorded=None, first=None)
    assert not ports.listens(me, port)
    assert ports.holder_of(port) == "a process that is gone by now"
    assert ports.choose_port(explicit=port, recorded=None, first=None) == port
