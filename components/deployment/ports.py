"""TCP ports on the loopback address: which are free, and who holds one that is not."""

from __future__ import annotations

import socket
import time
from typing import Any

import psutil

from components.deployment.loopback import HOST
from components.errors import Busy

LAST_PORT = 65535
_LETTING_GO_S = 2.0


def choose_port(*, explicit: int | None, recorded: int | None, first: int | None) -> int:
    """The port a service is to listen on.

    Args:
        explicit: The only one that will do.
        recorded: The one it listened on before: its URL stays what it was, where that is possible.
        first: Where to look for a free one from; None takes any.

    Raises:
        Busy: The explicit port is taken, with its holder; or all from `first` are.
    """
    if explicit is not None:
        require_free(explicit)
        return explicit
    if recorded is not None and _is_free_soon(recorded):
        return recorded
    if first is None:
        with _bound(0) as listener:
            return int(listener.getsockname()[1])
    for port in range(first, LAST_PORT + 1):
        if is_free(port):
            return port
    raise Busy(f"a free port from {first} is needed, all are taken")


def require_free(port: int) -> None:
    """Raise Busy with the holder when the port is taken."""
    if not _is_free_soon(port):
        raise Busy(f"port {port} must be free, held by {holder_of(port)}: stop that, or set another port")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    try:
        with _bound(port) as listener:
            listener.listen(1)
    except OSError:
        return False
    return True


def _is_free_soon(port: int) -> bool:
    """Whether it is free, or will be: a killed process holds its port until its last thread is gone."""
    deadline = time.monotonic() + _LETTING_GO_S
    while not is_free(port):
        if time.monotonic() >= deadline or any(pid is not None and _lives(pid) for pid in _listeners(port)):
            return False
        time.sleep(0.02)
    return True


def listen(port: int) -> socket.socket:
    """A listening socket on the port. Raises OSError when the port cannot be had."""
    listener = _bound(port)
    try:
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


def holder_of(port: int) -> str:
    """Pid and program that listen on the port, as far as this user may know."""
    for pid in _listeners(port):
        if pid is None:
            return "another user's process"
        try:
            return f"pid {pid} ({_program(psutil.Process(pid))})"
        except psutil.Error:
            return f"pid {pid}"
    return "a process that is gone by now"


def listens(process: psutil.Process, port: int) -> bool:
    """Whether the process, or one it started, listens on the port."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return False
    for member in family:
        try:
            found = member.net_connections(kind="tcp")
        except psutil.Error:
            continue
        if any(_listens(one, port) for one in found):
            return True
    return False


def _listeners(port: int) -> list[int | None]:
    """Pids of the processes that listen on the port; None is one that this user may not see, or that is dying."""
    try:
        return [one.pid for one in psutil.net_connections(kind="tcp") if _listens(one, port)]
    except psutil.AccessDenied:  # macOS tells root only
        return [None]


def _lives(pid: int) -> bool:
    """A process that ends loses its memory, and with it its command line, before its files and sockets."""
    try:
        return bool(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def _listens(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port)


def _program(process: psutil.Process) -> str:
    """The program's name, and of an interpreter what it runs; no further arguments, they may hold secrets."""
    name, arguments = process.name(), process.cmdline()
    if "-m" in arguments[:-1]:
        return f"{name} -m {arguments[arguments.index('-m') + 1]}"
    return name


def _bound(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where TCP is named; else an answer waits 40 ms for an ACK
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # As servers do: a port whose last connections are still in TIME_WAIT is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    return listener
