"""The training jobs of one tuning job as they run: prepared, launched, heard, stopped, taken over.

All methods run in the tuning job's loop; what takes its time (the store of objects) runs in a thread of its own and
comes back as a message to the loop. What a training job becomes is decided in `training_job`.
"""

from __future__ import annotations

import collections
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from components.amt import checkpoints, preparation, recovery, training_job
from components.amt.background import Background, is_outage
from components.amt.folders import JobFolder, TrialFolder, read_json
from components.amt.launcher import Launcher
from components.amt.live_stopping import LiveStopping
from components.amt.metrics import read_curve
from components.amt.records import TrainingJob, TuningJob
from components.amt.store import AmtStore
from components.errors import RetuneError

_log = logging.getLogger(__name__)

_ABANDON_S = 10.0
# A training job whose runner or fork server is killed is begun this often in all by one supervisor: what kills it may
# be the training job itself. A supervisor that dies does not count: whoever starts the next one wants it to go on.
_MOST_DEATHS = 3


@dataclass(kw_only=True)
class _Active:
    """A training job that has not ended; held: it waits for a supervisor that comes when the store answers again."""

    trial: TrainingJob
    folder: TrialFolder
    phase: Literal["preparing", "running", "ended", "held"] = "preparing"


class ActiveJobs:
    """All training jobs of a tuning job, and what is going on with those that have not ended; true while one has not.

    Attributes:
        outage: Why the store could not be used, tried often enough; nothing new is to be begun then.

    Args:
        store: The record.
        folder: Of the tuning job.
        launcher: Starts runners.
        workshop: What training jobs are run with.
        post: Hands a message to the loop, from any thread.
    """

    def __init__(
        self,
        *,
        store: AmtStore,
        folder: JobFolder,
        launcher: Launcher,
        workshop: preparation.Workshop,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._store = store
        self._folder = folder
        self._launcher = launcher
        self._workshop = workshop
        self._post = post
        self._abandoned = threading.Event()
        self.outage: RetuneError | None = None
        self._trials: dict[int, TrainingJob] = {}
        self._active: dict[str, _Active] = {}
        self._deaths: collections.Counter[str] = collections.Counter()
        self._background = Background(pauses_s=workshop.store_pauses_s, abandoned=self._abandoned, post=post)
        self._stopping: LiveStopping | None = None

    def __bool__(self) -> bool:
        return bool(self._active)

    def all_trials(self) -> list[TrainingJob]:
        """Every training job by number, ended or not."""
        return [self._trials[number] for number in sorted(self._trials)]

    def raise_outage(self) -> None:
        """Raise the outage when nothing runs any more: a later supervisor goes on."""
        if self.outage is not None and all(active.phase == "held" for active in self._active.values()):
            raise self.outage

    def add(self, job: TuningJob, trial: TrainingJob) -> None:
        """Record a new training job, then start it."""
        trial = training_job.enter(trial, "Downloading", time.time())
        self._store.add_training_job(trial)
        self._start(job, trial)

    def stop(self) -> None:
        """Tell everything that runs to stop."""
        for active in self._active.values():
            self._stop(active)

    def stop_asked(self) -> None:
        """Stop those somebody asked to stop one by one."""
        for name in self._store.asked_to_stop() & self._active.keys():
            self._stop(self._active[name])

    def recover(self, job: TuningJob) -> None:
        """Take over from a supervisor that is gone.

        What is left of its processes is ended first, so that no exit record appears any more. Then: with one, the
        training job is adopted; without, it is run again under the same name and values.
        """
        self._stopping = LiveStopping(job)
        self._trials = {trial.number: trial for trial in self._store.training_jobs(job.name)}
        unfinished = [trial for trial in self.all_trials() if not trial.terminal]
        recovery.end_leftovers([self._folder.trial(trial.name, trial.attempt) for trial in unfinished])
        for trial in self.all_trials():
            folder = self._folder.trial(trial.name, trial.attempt)
            record = None if trial.terminal else read_json(folder.exit)
            if trial.terminal:
                self._stopping.ended(trial, folder)
                preparation.clear(folder)
            elif record is None and trial.status == "InProgress" and job.status == "InProgress":
                self._run_again(job, trial)
            else:
                active = self._active[trial.name] = _Active(trial=trial, folder=folder, phase="ended")
                if record is not None:
                    self._adopt(job, active, record)
                else:
                    self._end_stopped(job, active, recovery.last_sign_s(trial, folder))

    def abandon(self, wait: Callable[[float], None]) -> None:
        """End what still runs without recording it; wait until it is gone, so that no lock is left to a live runner.

        Args:
            wait: Waits for messages, so many seconds at most, and handles them.
        """
        self._abandoned.set()
        until = time.monotonic() + _ABANDON_S
        for active in self._active.values():
            if active.phase == "running":
                self._launcher.send_signal(active.trial.name, signal.SIGUSR1)
        while any(active.phase == "running" for active in self._active.values()) and time.monotonic() < until:
            try:
                wait(max(0.0, until - time.monotonic()))
            except Exception:  # noqa: BLE001 - leaving goes on
                _log.exception("while tuning job folder %s was being left", self._folder.root)
        self._background.join(until)

    # One training job, in the order of its life

    def _start(self, job: TuningJob, trial: TrainingJob) -> None:
        self._trials[trial.number] = trial
        active = _Active(trial=trial, folder=self._folder.trial(trial.name, trial.attempt))
        self._active[trial.name] = active
        self._background.do(
            lambda: preparation.prepare(job, trial, active.folder, self._workshop, lambda: self._is_off(active)),
            lambda error: self._prepared(job, active, error),
        )

    def _is_off(self, active: _Active) -> bool:
        return self._abandoned.is_set() or active.trial.status == "Stopping"

    def _prepared(self, job: TuningJob, active: _Active, error: Exception | None) -> None:
        if self._abandoned.is_set():
            return
        if active.trial.status == "Stopping":
            self._end_stopped(job, active, time.time())
        elif isinstance(error, preparation.CannotStart):
            self._end_without_record(job, active, training_job.failed(active.trial, str(error), time.time()))
        elif self.outage is not None or is_outage(error):
            self._hold(active, error)
        elif error is not None:
            raise error
        else:
            self._launcher.launch(
                active.trial.name,
                active.folder.launch,
                preload=preparation.preloaded(job),
                listener=lambda event: self._post(lambda: self._heard(job, active, event)),
            )
            active.phase = "running"

    def _heard(self, job: TuningJob, active: _Active, event: Mapping[str, Any]) -> None:
        if event["event"] == "started" and active.trial.status == "InProgress":
            self._save(active, training_job.enter(active.trial, "Training", time.time()))
        elif event["event"] == "runner_ended":
            active.phase = "ended"
            if not self._abandoned.is_set():
                self._runner_ended(job, active, event)
        elif event["event"] == "metrics" and self._stopping and self._stopping.is_over(active.trial, active.folder):
            self._stop(active)

    def _stop(self, active: _Active) -> None:
        """Tell a training job to stop; what is only uploading still completes."""
        if active.trial.status == "InProgress" and active.phase in ("preparing", "running"):
            self._save(active, training_job.stopping(active.trial, time.time()))
            self._launcher.send_signal(active.trial.name, signal.SIGTERM)

    def _runner_ended(self, job: TuningJob, active: _Active, event: Mapping[str, Any]) -> None:
        record = read_json(active.folder.exit)
        if record is not None:
            self._adopt(job, active, record)
            return
        recovery.end_leftovers([active.folder])  # what its container started may live on
        # A stop that came in just before its runner died is in the store and not heard here yet.
        if active.trial.status == "Stopping" or active.trial.name in self._store.asked_to_stop():
            self._end_stopped(job, active, time.time())
        elif (event["code"] is None or event["code"] < 0) and self._deaths[active.trial.name] < _MOST_DEATHS - 1:
            self._deaths[active.trial.name] += 1
            self._run_again(job, active.trial)
        else:
            ending = recovery.ending_of(event, active.folder)
            reason = f"InternalServerError: the process running the training job ended ({ending})"
            self._end_without_record(job, active, training_job.failed(active.trial, reason, time.time(), internal=True))

    def _adopt(self, job: TuningJob, active: _Active, record: Mapping[str, Any]) -> None:
        """Its container has ended: upload, then the training job is over, or begins again after an interruption."""
        interrupted = record["stopped"] == "interrupted" and active.trial.status == "InProgress"
        if not interrupted:
            active.trial = training_job.trained(active.trial, record)
        began_s = time.monotonic()

        def uploaded(error: Exception | None) -> None:
            # From its own clock: the time between a crash and the next supervisor is neither training nor billable.
            now_s = record["ended_s"] + time.monotonic() - began_s
            if preparation.is_final(error):
                self._end(active, training_job.failed(active.trial, f"ClientError: {error}", now_s))
            elif is_outage(error):
                self._hold(active, error)
            elif error is not None:
                raise error
            elif interrupted:
                self._begin_again(job, active, record, now_s)
            else:
                self._end(active, training_job.ended(job, active.trial, record, now_s))

        self._background.do(
            lambda: preparation.upload(job, active.trial, active.folder, record, self._workshop.store), uploaded
        )

    def _begin_again(self, job: TuningJob, active: _Active, record: Mapping[str, Any], now_s: float) -> None:
        """After a Spot interruption, with its checkpoints; stopped instead when that was asked for meanwhile."""
        if active.trial.status != "InProgress":
            self._end(active, training_job.ended(job, active.trial, {**record, "stopped": "stop"}, now_s))
            return
        preparation.clear(active.folder)
        again = training_job.interrupted(active.trial, record, time.time())
        again = training_job.enter(again, "Downloading", time.time())
        self._store.save_training_job(again)
        self._start(job, again)

    def _hold(self, active: _Active, error: Exception | None) -> None:
        """Nothing new begins; what runs goes on to its exit record, which the next supervisor uploads."""
        active.phase = "held"
        if self.outage is None and isinstance(error, RetuneError):
            self.outage = error

    def _end_stopped(self, job: TuningJob, active: _Active, now_s: float) -> None:
        emitted = read_curve(active.folder.metrics)  # what it emitted before counts
        self._end_without_record(job, active, training_job.stopped(active.trial, now_s, job=job, emitted=emitted))

    def _end_without_record(self, job: TuningJob, active: _Active, trial: TrainingJob) -> None:
        """Its checkpoints are all it left: they go to the store before they go from here."""

        def kept(error: Exception | None) -> None:
            if is_outage(error):
                self._hold(active, error)
            elif error is None or preparation.is_final(error):
                self._end(active, trial)
            else:
                raise error

        if not active.folder.checkpoints.is_dir():
            self._end(active, trial)
            return
        active.phase = "ended"
        self._background.do(lambda: checkpoints.keep(job, trial, active.folder, self._workshop.store), kept)

    def _end(self, active: _Active, trial: TrainingJob) -> None:
        self._save(active, trial)
        if self._stopping is not None:
            self._stopping.ended(trial, active.folder)
        del self._active[trial.name]
        preparation.clear(active.folder)
        checkpoints.drop(active.folder)

    def _run_again(self, job: TuningJob, trial: TrainingJob) -> None:
        folder = self._folder.trial(trial.name, trial.attempt)
        recovery.end_leftovers([folder])
        recovery.clear_attempt(folder)
        again = training_job.enter(training_job.run_again(trial, time.time()), "Downloading", time.time())
        self._store.save_training_job(again)
        self._start(job, again)

    def _save(self, active: _Active, trial: TrainingJob) -> None:
        self._store.save_training_job(trial)
        active.trial = self._trials[trial.number] = trial
