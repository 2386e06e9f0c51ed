"""Orphans: tuning jobs of ours that run while nobody follows them. AMT's own limits bound what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# A follower says that it is there once a minute; it may sleep, be throttled, or be between two tries of a task.
PATIENCE_S = 600.0


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """A tuning job of ours that has not ended.

    Attributes:
        name: Tuning job.
        model: Model it is for.
        created_s: Seconds since the epoch.
        followed_s: When a command last said that it follows it; None when none ever did.
        submitted: Whether `retune submit` started it: nobody is expected to follow it.
    """

    name: str
    model: str
    created_s: float
    followed_s: float | None
    submitted: bool


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """A job nobody follows, and how that is known."""

    job: RunningJob
    reason: str


def orphans(jobs: Sequence[RunningJob], *, now_s: float, patience_s: float = PATIENCE_S) -> tuple[Orphan, ...]:
    """The jobs that nobody follows.

    Args:
        jobs: Those that have not ended.
        now_s: Seconds since the epoch.
        patience_s: How long a follower may be silent.
    """
    found = []
    for job in jobs:
        last_s = job.created_s if job.followed_s is None else job.followed_s
        silent_s = now_s - last_s
        if silent_s <= patience_s or (job.submitted and job.followed_s is None):
            continue
        said = "nobody has followed it since it was created" if job.followed_s is None else "its follower is silent"
        found.append(Orphan(job=job, reason=f"{said}, {silent_s:.0f} s ago; retune run goes on with it, or stop it"))
    return tuple(found)
