"""What Linux offers beyond Python's standard library to keep processes from outliving each other; elsewhere no-ops."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PIPE_BYTES = 1024**2

IS_LINUX = sys.platform == "linux"


def _prctl(option: int, value: int) -> None:
    if IS_LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that made it ends; end now if `parent` is gone already.

    Args:
        parent: Process id the caller had as parent when it was forked.
    """
    if not IS_LINUX:
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before prctl took effect
        os._exit(1)


def widen_pipe(descriptor: int) -> None:
    """Let a pipe hold a megabyte, so that who writes much need not wait for a reader that looks now and then."""
    if IS_LINUX:
        with suppress(OSError):  # the user's pipes hold as much as they may already
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none escapes by making a session of its own."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """Process ids of this process's direct children, of its main thread; empty where that is not told."""
    try:
        return [int(text) for text in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def flush_c_output() -> None:
    """Write out what C code has printed, before a forked child leaves by `os._exit`."""
    ctypes.CDLL(None).fflush(None)


def limit_openmp(threads: int) -> None:
    """Set the number of threads of OpenMP libraries loaded already: they read OMP_NUM_THREADS when they were loaded."""
    try:
        mapped = Path("/proc/self/maps").read_text()
    except OSError:
        return
    names = {line.rpartition(" ")[2] for line in mapped.splitlines() if "libgomp" in line or "libomp" in line}
    for name in names:
        if Path(name).is_file():
            ctypes.CDLL(name).omp_set_num_threads(threads)
