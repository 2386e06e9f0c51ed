"""What a running retraining shows: Rich in a terminal, plain lines elsewhere, the log and artifacts in Prefect."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Protocol, TextIO

from components.tuning.engine import Progress
from components.tuning.result import Trial, best_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Reporter(Protocol):
    """Where progress goes."""

    def stage(self, text: str) -> None:
        """A stage of the line has something to say."""

    def search(self, progress: Progress, *, max_jobs: int, maximize: bool) -> None:
        """The search has moved on."""

    def search_ended(self) -> None:
        """No more of the search is coming."""


class Plain:
    """One line per event, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: set[str] = set()

    def stage(self, text: str) -> None:
        """As the protocol says."""
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def search(self, progress: Progress, *, max_jobs: int, maximize: bool) -> None:
        """As the protocol says."""
        for trial in progress.trials:
            if trial.is_terminal and trial.training_job not in self._told:
                self._told.add(trial.training_job)
                told = [t for t in progress.trials if t.training_job in self._told]
                best = best_of(told, maximize=maximize)
                self.stage(
                    f"  trial {trial.number} {outcome(trial)}; {done(told)}/{max_jobs} done; best {objective(best)}"
                )

    def search_ended(self) -> None:
        """As the protocol says."""
        self._told.clear()


class Logged(Plain):
    """One line per event in the flow run's own log: on the worker's terminal, and where Prefect's pages show it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def stage(self, text: str) -> None:
        """As the protocol says."""
        from prefect.exceptions import MissingContextError
        from prefect.logging import get_run_logger

        try:
            get_run_logger().info(text)
        except MissingContextError:
            super().stage(text)


class Live:
    """A table of trials that redraws in place, for a terminal."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live as RichLive

        self._console = console
        self._live: RichLive | None = None
        self._started_s = time.monotonic()

    def stage(self, text: str) -> None:
        """As the protocol says."""
        self._console.print(text, highlight=False, markup=False)

    def search(self, progress: Progress, *, max_jobs: int, maximize: bool) -> None:
        """As the protocol says."""
        from rich.live import Live as RichLive

        if self._live is None:
            self._started_s = time.monotonic()
            self._live = RichLive(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        elapsed_s = time.monotonic() - self._started_s
        self._live.update(_picture(progress, max_jobs=max_jobs, maximize=maximize, elapsed_s=elapsed_s))

    def search_ended(self) -> None:
        """As the protocol says."""
        if self._live is not None:
            self._live.stop()
            self._live = None


_reporter: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


def reporter() -> Reporter:
    """The reporter of this run; the flow run's log when nobody chose one, as in a worker."""
    return _reporter.get() or _logged()


def unless_told_later(text: str) -> str:
    """What a log without a result needs, as a worker's; nothing where a command prints its result at the end."""
    return text if _reporter.get() is None else ""


@cache
def _logged() -> Reporter:
    """One for the whole process: it remembers which trials it has told of."""
    return Logged()


@contextmanager
def reporting_to(chosen: Reporter) -> Iterator[Reporter]:
    """Send the progress of the enclosed run there."""
    token = _reporter.set(chosen)
    try:
        yield chosen
    finally:
        chosen.search_ended()
        _reporter.reset(token)


def for_stream(stream: TextIO) -> Reporter:
    """The reporter that suits a stream."""
    if stream.isatty():
        from rich.console import Console

        return Live(Console(file=stream))
    return Plain(stream)


def outcome(trial: Trial) -> str:
    """A finished trial in a few words."""
    if trial.status == "Failed":
        return f"failed: {' '.join((trial.failure or 'no reason given').split())[:200]}"
    if trial.objective is None:
        return f"{trial.status.lower()} without an objective"
    return f"{trial.status.lower()} at {objective(trial)}"


def done(trials: Sequence[Trial]) -> int:
    """Trials that are not trained again: of a stopped search the next attempt trains the stopped ones anew."""
    return sum(trial.status in ("Completed", "Failed") for trial in trials)


def objective(trial: Trial | None) -> str:
    """A trial's objective in six significant digits, or a dash."""
    return "-" if trial is None or trial.objective is None else f"{trial.objective:.6g}"


def time_left_s(trials: Sequence[Trial], *, max_jobs: int, elapsed_s: float) -> float | None:
    """Seconds the search will still take at its pace so far; None before the first trial has finished."""
    finished = sum(trial.is_terminal for trial in trials)
    return None if finished == 0 else elapsed_s / finished * max(0, max_jobs - finished)


def _picture(progress: Progress, *, max_jobs: int, maximize: bool, elapsed_s: float) -> RenderableType:
    from rich.console import Group
    from rich.markup import escape
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    trials = progress.trials
    finished = done(trials)
    best = best_of(trials, maximize=maximize)
    left_s = time_left_s(trials, max_jobs=max_jobs, elapsed_s=elapsed_s)
    head = Table.grid(padding=(0, 2))
    status = "" if progress.status == "InProgress" else f" {progress.status.lower()}"
    head.add_row(
        f"[bold]{progress.tuning_job}[/]{status}",
        ProgressBar(total=max_jobs, completed=finished, width=16),
        f"{finished}/{max_jobs} trials",
        f"best [bold]{objective(best)}[/]",
        f"{left_s:.0f} s left" if left_s is not None else "",
    )
    table = Table("trial", "status", "objective", "hyperparameters", box=None, header_style="dim")
    running = [trial for trial in trials if not trial.is_terminal]
    for trial in [*trials[-(5 + len(running)) :]]:
        mark = "[bold]*[/] " if best is not None and trial.training_job == best.training_job else "  "
        values = escape(" ".join(f"{name}={value[:8]}" for name, value in sorted(trial.hyperparameters.items())))
        table.add_row(f"{mark}{trial.number}", trial.status, objective(trial), values)
    return Group(head, table)
