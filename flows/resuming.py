"""Telling that a run goes on with a job that is there, and what of it needs no training again."""

from __future__ import annotations

from collections.abc import Collection

from components.tuning.engine import Progress
from flows.progress import done, reporter


class Resumption:
    """Tells once, when the job is first seen, which it is.

    Args:
        before: Names of the run's attempts that were there before it was followed; none for a new run.
    """

    def __init__(self, before: Collection[str]) -> None:
        self._before = before
        self._told = not before

    def tell(self, progress: Progress) -> None:
        """Say it to the reporter, unless that has been done."""
        if self._told:
            return
        self._told = True
        kept = done(progress.trials)
        trials = f"{kept} trial{'' if kept == 1 else 's'} kept"
        if progress.tuning_job in self._before:
            reporter().stage(f"attached to {progress.tuning_job}, {trials}")
        else:
            reporter().stage(f"{progress.tuning_job} goes on after {max(self._before)}, {trials}")
