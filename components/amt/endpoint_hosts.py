"""Which Host headers belong to this machine: the guard against DNS rebinding.

A web page of anybody's can point its own name at 127.0.0.1 and then send requests here from the user's browser. Its
Host header is that name; so only names of this machine are answered. The port does not matter: where it is forwarded
(ssh -L, a container's published port) it is another one, and a page cannot choose the name by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", re.ASCII)


def is_ours(headers: Sequence[str], server: Any, allowed: Collection[str]) -> bool:
    """Whether a request was sent to this machine under a name of its own.

    Args:
        headers: Every Host header of the request: there must be exactly one.
        server: Address and port the connection came in at, as ASGI tells it; None when it does not. A page cannot
            name a bare address without having been fetched from it.
        allowed: Further names, in lower case.
    """
    if len(headers) != 1:
        return False
    match = _HOST.fullmatch(headers[0])
    if match is None:
        return False
    name = match[1].lower()
    local = str(server[0]).lower() if server else ""
    return name in LOOPBACK or name in allowed or name.strip("[]") == local.strip("[]") != ""
