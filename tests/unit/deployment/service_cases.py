"""What the tests of services share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from components.deployment.service_spec import ServiceSpec

TINY = Path(__file__).with_name("tiny_service.py")
Specify = Callable[..., ServiceSpec]


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or only waits for init to reap it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
