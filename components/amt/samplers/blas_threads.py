"""BLAS on one thread while a proposal is computed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # ships no types

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread, then give it back what it had.

    Trials occupy the cores while the next one is proposed, and BLAS threads that wait for a busy core spin: at 200
    trials a proposal took 780 ms of CPU on two threads, 33 ms on one. One thread also adds in one order, so that the
    same history gives the same bits on any number of cores. The setting is the process's, hence the lock.
    """
    with _ONE_AT_A_TIME, _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Find the BLAS copies of numpy and scipy once; it takes 15 ms."""
    import numpy as np  # noqa: F401  # both must be loaded to be found
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()
