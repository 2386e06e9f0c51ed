"""Which tuning jobs this process supervises: one lock per job, one thread per lock."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from pathlib import Path

from components.amt import doorbell, training_job
from components.amt.folders import JobFolder
from components.amt.launcher import Launcher
from components.amt.preparation import Workshop
from components.amt.records import TERMINAL
from components.amt.single_jobs import is_single
from components.amt.store import AmtStore
from components.amt.tuning_job import Supervisor, as_internal_failure
from components.errors import CannotWrite, RetuneError

_log = logging.getLogger(__name__)
_END_S = 30.0


class Supervision:
    """Supervises tuning jobs in threads of this process, each as soon as its lock is free.

    The lock is an flock: the kernel frees it when its holder ends, however that happens, and a thread that waits for it
    takes over at that moment. A waiting thread cannot be called off; after `close` it lets go as soon as it gets there.

    Args:
        home: The local AMT's home.
        store: The record.
        workshop: What training jobs are run with.
    """

    def __init__(self, home: Path, *, store: AmtStore, workshop: Workshop) -> None:
        self._home = home
        self._store = store
        self._workshop = workshop
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._errors: dict[str, RetuneError] = {}
        self._asked_again: set[str] = set()
        self._closed = False
        self.launcher = Launcher(home, fork=workshop.fork)

    def supervise(self, name: str) -> None:
        """Have this process supervise a job as soon as its lock is free.

        Raises:
            RetuneError: What ended this process's supervision of the job since the last call; the next call resumes.
        """
        key = name.lower()
        with self._lock:
            error = self._errors.pop(key, None)
            if error is not None:
                raise error
            if self._closed:
                return
            if key in self._threads:
                # It may be about to leave: another job can have got the name of the one it has just ended.
                self._asked_again.add(key)
                return
            self._start(name, key)

    def _start(self, name: str, key: str) -> None:
        self._asked_again.discard(key)
        thread = threading.Thread(target=self._run, args=(name,), name=f"amt-{name}", daemon=True)
        self._threads[key] = thread
        thread.start()

    def settle(self, name: str) -> None:
        """Carry out a stop where nobody supervises: end leftovers and finish. Nothing when somebody does."""
        folder = JobFolder(self._home, name)
        descriptor = _open_lock(folder)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._run_locked(name, folder)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Stop supervising: runners end, jobs stay resumable."""
        with self._lock:
            self._closed = True
            supervisors = dict(self._supervisors)
        for supervisor in supervisors.values():
            supervisor.close()
        until = time.monotonic() + _END_S
        for key in supervisors:
            thread = self._threads.get(key)
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        self.launcher.close()

    def _run(self, name: str) -> None:
        folder = JobFolder(self._home, name)
        key = name.lower()
        try:
            descriptor = _locked(folder)
            try:
                self._run_locked(name, folder)
            finally:
                os.close(descriptor)
        except RetuneError as error:
            with self._lock:
                self._errors[key] = error
        except Exception as error:  # noqa: BLE001 - told to who asks next
            _log.exception("tuning job %s cannot be supervised", name)
            with self._lock:
                self._errors[key] = CannotWrite(f"the local AMT cannot supervise tuning job {name}: {error!r}")
        finally:
            self._leave(name, key)
            doorbell.ring_all(folder.watchers)
        self._workshop.trim()

    def _leave(self, name: str, key: str) -> None:
        """Let a job's thread go; again from the start when there is a new job of that name by now."""
        with self._lock:
            self._threads.pop(key, None)
            if key in self._asked_again and key not in self._errors and not self._closed:
                job = self._store.tuning_job(name)
                if job is not None and job.status not in TERMINAL:
                    self._start(name, key)

    def _run_locked(self, name: str, folder: JobFolder) -> None:
        """Supervise a job whose lock is held, until it has ended or this process leaves it."""
        try:
            supervisor = self._enter(name, folder)
            if supervisor is not None:
                supervisor.run()
        except RetuneError:
            raise
        except OSError as error:
            raise CannotWrite(f"the local AMT cannot run tuning job {name} in {folder.root}: {error}") from error
        except Exception as error:  # noqa: BLE001 - told on the job
            # A fault of the engine itself: said on the job, so that whoever waits for it learns of it. Before the lock
            # is let go: nobody else runs the job while it is ended.
            _log.exception("the supervisor of tuning job %s failed", name)
            self._fail(name, error)
        finally:
            with self._lock:
                self._supervisors.pop(name.lower(), None)

    def _enter(self, name: str, folder: JobFolder) -> Supervisor | None:
        with self._lock:
            job = None if self._closed else self._store.tuning_job(name)
            if job is None or job.status in TERMINAL:
                return None
            supervisor = Supervisor(
                job.name,
                store=self._store,
                folder=folder,
                launcher=self.launcher,
                workshop=self._workshop,
            )
            self._supervisors[name.lower()] = supervisor
            return supervisor

    def _fail(self, name: str, error: Exception) -> None:
        now = time.time()
        reason = as_internal_failure(error)
        try:
            with self._store.transaction():
                job = self._store.tuning_job(name)
                # Of one of its own nobody sees the job that would say why.
                alone = job is not None and is_single(job)
                for trial in self._store.training_jobs(name):
                    if not trial.terminal:
                        over = training_job.failed(trial, reason, now, internal=True) if alone else None
                        self._store.save_training_job(over or training_job.stopped(trial, now, job=job))
                self._store.move_tuning_job(
                    name,
                    expected=("InProgress", "Stopping"),
                    to="Failed",
                    at_s=now,
                    ended_s=now,
                    failure_reason=reason,
                )
        except RetuneError as also:
            with self._lock:
                self._errors[name.lower()] = also


def _locked(folder: JobFolder) -> int:
    """A job's lock, waited for and held."""
    while True:
        descriptor = _open_lock(folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if doorbell.same_file(folder.lock, descriptor):
            return descriptor
        # The job has been deleted meanwhile: this was its lock, and another job may have its name.
        os.close(descriptor)


def _open_lock(folder: JobFolder) -> int:
    try:
        folder.watchers.mkdir(parents=True, exist_ok=True)
        return os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotWrite(f"the local AMT needs a home it can write to, got {folder.root}: {error}") from error
