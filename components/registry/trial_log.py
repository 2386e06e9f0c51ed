"""Trials written to MLflow by a thread of their own, so that a slow or absent tracking server never delays a search.

The search hands over what it sees and goes on. Of each trial only the latest state is kept; whatever could not be
written waits, and is written when the server is back: at the latest by the next command on the same search.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from components.errors import RetuneError, Unavailable
from components.registry.tracking import RetrainingRun
from components.registry.trial_runs import Curve
from components.tuning.result import Trial

_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 15.0
# While the search runs, writing gets at most a tenth of the time: a processor writing is one that trains nothing.
_REST_PER_WRITING = 9.0
_LONGEST_REST_S = 20.0


class TrialLog:
    """The background writer of one search. Starts at once; end it with `close`.

    Args:
        open_run: `tracking.open_run` with its arguments. Called in the thread, again and again until the server
            answers: importing MLflow (4-8 s) and making its schema cost the search nothing.
        curve: As `RetrainingRun.record` takes it. Called in the thread.
        pause_s: Least seconds between two rounds of writing, so that a curve goes out in batches and not by the point.
    """

    def __init__(self, *, open_run: Callable[[], RetrainingRun], curve: Curve, pause_s: float = 2.0) -> None:
        self._open = open_run
        self._curve = curve
        self._pause_s = pause_s
        self._changed = threading.Condition()
        self._waiting: dict[str, Trial] = {}
        self._batch: dict[str, Trial] = {}  # handed to MLflow, not yet answered
        self._writing = False
        self._written: set[str] = set()  # training jobs whose last state is in MLflow
        self._run: RetrainingRun | None = None
        self._hurry = False
        self._closed = False
        self._error: Exception | None = None
        self._hopeless = 0  # rounds that failed in a way that waiting does not mend
        # A daemon: a server that hangs must not keep a finished command alive.
        self._thread = threading.Thread(target=self._work, name="retune-trial-log", daemon=True)
        self._thread.start()

    def offer(self, trials: Sequence[Trial]) -> None:
        """Take over the latest states, to be written soon; never blocks on the server."""
        with self._changed:
            self._waiting.update((t.training_job, t) for t in trials if t.training_job not in self._written)
            self._changed.notify_all()

    @property
    def problem(self) -> str | None:
        """Why nothing could be written of late, in one line; None while all is well."""
        error = self._error
        return None if error is None else f"{error}"

    @property
    def run(self) -> RetrainingRun | None:
        """The run, once the server has answered; to end it as failed when `close` has raised."""
        return self._run

    def flush(self, *, timeout_s: float) -> RetrainingRun:
        """Wait until everything offered is in MLflow.

        Returns:
            The run, open.

        Raises:
            Unavailable: The server did not answer in time; how much is missing. The thread keeps trying.
            RetuneError: What MLflow refuses and why.
        """
        with self._changed:
            hopeless = self._hopeless
            self._hurry = True
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._is_done() or self._hopeless > hopeless, timeout=timeout_s)
            finally:
                self._hurry = False
            if self._is_done() and self._run is not None:
                return self._run
            if self._hopeless > hopeless and self._error is not None:
                raise self._error
            missing = len(self._waiting.keys() | self._batch.keys())
            raise Unavailable(
                f"tracking is behind by {missing} training jobs after {timeout_s:g} s "
                f"({self._error or 'the server is slow'}); the same command writes what is missing"
            )

    def close(self, *, timeout_s: float) -> RetrainingRun:
        """`flush`, and end the thread. Raises as `flush`; the thread ends either way."""
        try:
            return self.flush(timeout_s=timeout_s)
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            if not self._writing:
                self._thread.join()

    def _is_done(self) -> bool:
        return self._run is not None and not self._waiting and not self._writing

    def _work(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting or self._run is None)
                if self._closed:
                    return
                self._batch, self._waiting = self._waiting, {}
                self._writing = True
            began_s = time.monotonic()
            error = self._round()
            rest_s = max(self._pause_s, min(_LONGEST_REST_S, _REST_PER_WRITING * (time.monotonic() - began_s)))
            with self._changed:
                batch, self._batch = self._batch, {}
                self._writing = False
                self._error = error
                if error is None:
                    retry_s = _FIRST_RETRY_S
                    self._written.update(job for job, trial in batch.items() if trial.is_terminal)
                    # A state of a finished trial that was offered meanwhile says nothing new.
                    for job in self._written & self._waiting.keys():
                        del self._waiting[job]
                else:
                    self._waiting = {**batch, **self._waiting}
                    self._hopeless += not (isinstance(error, RetuneError) and error.retryable)
                self._changed.notify_all()
                self._rest(rest_s if error is None else retry_s, failed=error is not None)
            if error is not None:
                retry_s = min(_LONGEST_RETRY_S, 2 * retry_s)

    def _round(self) -> Exception | None:
        try:
            if self._run is None:
                self._run = self._open()
            if self._batch:
                self._run.record(trials=list(self._batch.values()), curve=self._curve)
        except Exception as error:  # noqa: BLE001  nobody else would see it: flush and close raise it
            return error
        return None

    def _rest(self, seconds: float, *, failed: bool) -> None:
        """Wait between two rounds; somebody who flushes waits for no pause, and at most briefly for a retry."""
        began_s = time.monotonic()
        while not self._closed:
            limit_s = seconds if not self._hurry else min(seconds, _FIRST_RETRY_S if failed else 0.0)
            left_s = began_s + limit_s - time.monotonic()
            if left_s <= 0:
                return
            self._changed.wait(left_s)
