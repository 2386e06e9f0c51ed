"""The loop of one tuning job: propose, launch, observe, stop, finish. Event driven: it sleeps until a bell rings.

It runs in one thread of the one process that holds the job's lock; only it writes the job's training jobs. What a step
decides is in `completion`, the training jobs that run are in `active_jobs`. Whatever moment the process dies at, the
next supervisor finds in the store and in the folders what it needs.
"""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable

from components.amt import completion, doorbell, training_job, warm_start
from components.amt.active_jobs import ActiveJobs
from components.amt.folders import JobFolder
from components.amt.launcher import Launcher
from components.amt.preparation import Workshop
from components.amt.records import TERMINAL, TuningJob
from components.amt.samplers import Finished, Sampler, make_sampler
from components.amt.store import AmtStore
from components.errors import RetuneError

# How much supervised time a kill -9 may lose: it is written this often.
_HEARTBEAT_S = 2.0


class Supervisor:
    """Runs one tuning job to its end.

    Args:
        name: The tuning job; its lock is held by the caller.
        store: The record.
        folder: Of the tuning job.
        launcher: Starts runners.
        workshop: What training jobs are run with.
    """

    def __init__(
        self, name: str, *, store: AmtStore, folder: JobFolder, launcher: Launcher, workshop: Workshop
    ) -> None:
        self._name = name
        self._store = store
        self._watchers = folder.watchers
        self._messages: collections.deque[Callable[[], None]] = collections.deque()
        self._bell = doorbell.Bell(folder.poke)
        self._closing = threading.Event()
        self._active = ActiveJobs(store=store, folder=folder, launcher=launcher, workshop=workshop, post=self._post)
        self._exhausted = False
        self._news = True
        self._sampler: Sampler | None = None
        self._runtime_s = self._stored_runtime_s = 0.0
        self._counted_at = time.monotonic()

    def close(self) -> None:
        """Have `run` return soon; the job stays resumable. From any thread."""
        self._closing.set()
        self._bell.ring()

    def run(self) -> None:
        """Until the job has ended or `close` is called.

        Raises:
            CannotWrite: Home or disk cannot be used; the job stays resumable.
            Unavailable: The store of objects does not answer for long; what ran has ended before. The same.
        """
        try:
            job = self._read_job()
            self._runtime_s = job.runtime_s
            if job.status not in TERMINAL:
                self._active.recover(job)
                while not self._closing.is_set() and not self._step():
                    pass
        finally:
            self._active.abandon(self._wait)
            self._bell.close()
            doorbell.ring_all(self._watchers)

    def _step(self) -> bool:
        """Do what is due, then wait for the next thing to happen. True when the job has ended."""
        self._count_runtime()
        job = self._read_job()
        if job.status in TERMINAL:  # ended from outside, which only a fault makes happen
            return True
        trials = self._active.all_trials()
        step = completion.next_step(job, trials, runtime_s=self._runtime_s, exhausted=self._exhausted)
        if step.stop:
            self._active.stop()
        self._active.stop_asked()
        self._active.raise_outage()
        if step.end is not None and not self._active:
            return self._finish(job, step)
        proposed = step.launch > 0 and self._active.outage is None and self._propose(job)
        if proposed or self._news:
            self._news = False
            doorbell.ring_all(self._watchers)
        # One proposal at a time: what ended meanwhile is worth knowing for the next.
        self._wait(0.0 if proposed else completion.next_look_s(job.limits, self._runtime_s, most_s=_HEARTBEAT_S))
        return False

    def _wait(self, timeout_s: float) -> None:
        """Until something is posted or the time is over; then do what was posted."""
        self._news = self._bell.wait(timeout_s)
        while self._messages:
            self._messages.popleft()()

    def _post(self, message: Callable[[], None]) -> None:
        self._messages.append(message)
        self._bell.ring()

    def _propose(self, job: TuningJob) -> bool:
        """Record and start one more training job; False when there is no configuration left."""
        if self._sampler is None:
            self._sampler = make_sampler(
                job.config["Strategy"],
                job.config["ParameterRanges"],
                maximize=job.maximize,
                seed=job.seed,
                parents=warm_start.parent_trials(job, self._store),
            )
        trials = self._active.all_trials()
        tuned = self._sampler.propose(
            finished=[
                Finished(hyperparameters=trial.tuned, objective=trial.objective) for trial in trials if trial.terminal
            ],
            running=[trial.tuned for trial in trials if not trial.terminal],
            number=len(trials) + 1,
        )
        if tuned is None:
            self._exhausted = True
            return False
        self._active.add(job, training_job.propose(job, number=len(trials) + 1, tuned=tuned, now_s=time.time()))
        return True

    def _finish(self, job: TuningJob, step: completion.Step) -> bool:
        assert step.end is not None  # noqa: S101 - the caller has looked
        now = time.time()
        with self._store.transaction():
            self._store_runtime()
            # A stop that came in since wins, and is carried out in the next step.
            return self._store.move_tuning_job(
                self._name, expected=(job.status,), to=step.end, at_s=now, ended_s=now, failure_reason=step.reason
            )

    # Time and record

    def _count_runtime(self) -> None:
        """Supervised time counts towards the job's limit, durably."""
        now = time.monotonic()
        self._runtime_s += now - self._counted_at
        self._counted_at = now
        if self._runtime_s - self._stored_runtime_s >= _HEARTBEAT_S:
            self._store_runtime()

    def _store_runtime(self) -> None:
        self._store.add_runtime(self._name, self._runtime_s - self._stored_runtime_s)
        self._stored_runtime_s = self._runtime_s

    def _read_job(self) -> TuningJob:
        job = self._store.tuning_job(self._name)
        assert job is not None  # noqa: S101 - whoever started this supervisor has seen it, and none that runs is removed
        self._stored_runtime_s = job.runtime_s
        return job


def as_internal_failure(error: Exception) -> str:
    """FailureReason of a tuning job that a fault of the engine itself ends."""
    kind = "" if isinstance(error, RetuneError) else f"{type(error).__name__}: "
    return f"InternalServerError: {kind}{error}"[:1024]
