"""The search of a run: the engine followed to its end, every trial mirrored in MLflow and shown while it runs."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Literal

from components import naming
from components.decision import Decision
from components.errors import Cancelled, RetuneError, TuningFailed
from components.registry.model_version import ModelVersion
from components.registry.tracking import RetrainingRun, open_run
from components.registry.trial_log import TrialLog
from components.tuning.attempts import Attempt
from components.tuning.engine import Progress, tune
from components.tuning.lineage import Parents
from components.tuning.result import TuningResult
from flows.artifacts import ProgressArtifact, cancel_asked, trials_table
from flows.data import RunData, channels_of
from flows.engines import open_engine
from flows.line import Line, RunIdentity
from flows.lineage import first_parents, parents_on_record
from flows.money import purse_of, settle_up
from flows.progress import reporter
from flows.results import flat
from flows.sweep import SignOfLife
from flows.tuning_requests import search_of

_LOCAL_POLL_S = 1.0
_TRACKING_WAIT_S = 60.0
_TAG_CHARACTERS = 8000


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that has been decided on.

    Attributes:
        identity: Which run this is.
        snapshot: Its data.
        decision: What it does and why.
        base: Finished version that the decision was held against; None for a model without one.
    """

    identity: RunIdentity
    snapshot: RunData
    decision: Decision
    base: ModelVersion | None


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A finished search and the MLflow run that mirrors it."""

    result: TuningResult
    run: RetrainingRun


def run_search(line: Line, run: Run, parents: Parents | None = None) -> Searched:
    """Create the tuning job or take it up again, and follow it to its end.

    Args:
        line: Inputs.
        run: Which run.
        parents: Those a job that is there already was created with, where that is known.

    Raises:
        TuningFailed: No trial has an objective, or the tuning job failed midway.
        Cancelled: Stopped on request.
    """
    channels = channels_of(run.snapshot)
    purse = purse_of(line)
    if purse is not None:
        settle_up(line)  # what others left reserved and have ended since is free again
    engine = open_engine(line.options.engine, line.settings, line.store, supervise=True, warm_for=line.image)
    digest = run.snapshot.digest
    first = first_parents(line, run.identity, engine, channels=channels, snapshot_digest=digest)
    parents = first or parents
    search = search_of(
        line,
        run.identity,
        channels=channels,
        snapshot_digest=run.snapshot.digest,
        purse=purse,
        parents=parents or parents_on_record(line, run.identity, engine),
    )
    if parents is not None and parents.everyone:
        reporter().stage(f"warm start: {parents.type} from {', '.join(parents.everyone)}")
    poll_s = line.settings.poll_s if purse is not None else _LOCAL_POLL_S
    log = TrialLog(open_run=lambda: _open_run(line, run, parents), curve=engine.curve)
    artifact = ProgressArtifact(max_jobs=search.max_jobs)
    sign = SignOfLife(line)

    def observe(progress: Progress) -> None:
        sign.say(progress.tuning_job)
        log.offer(progress.trials)
        artifact.update(progress)
        reporter().search(progress, max_jobs=search.max_jobs, maximize=search.maximize)

    try:
        with _remembering_ctrl_c() as interrupted:
            asked = _cancel_look(poll_s)
            result = tune(
                engine,
                search,
                observe=observe,
                cancelled=lambda: interrupted() or asked(),
                poll_s=poll_s,
                stops_job=lambda error: _stops_job(error, line.settings.on_crash),
            )
        settle_up(line)
        result = _with_model(line, result)
        if result.ended_by is not None:
            reporter().stage(f"search ended early; {result.ended_by}")
        trials_table(result.tuning_job, result.trials)
        if result.status == "Failed" and result.best is not None:
            raise TuningFailed(  # noqa: TRY301  the same
                f"tuning job {result.tuning_job} failed after {len(result.trials)} trials: {result.failure}; "
                "the same command goes on with what is left"
            )
        if result.best is None:
            raise TuningFailed(_why_none(line, result))  # noqa: TRY301  the search's end is told as its failure
        reporter().stage(
            f"search: {result.tuning_job}, best {result.best.objective:.6g} of {len(result.trials)} trials"
        )
        return Searched(result=result, run=log.close(timeout_s=_TRACKING_WAIT_S))
    except BaseException as error:
        _end_tracking(log, error)
        raise
    finally:
        reporter().search_ended()
        engine.close()


def _with_model(line: Line, result: TuningResult) -> TuningResult:
    """The result whose best trial has a model: one that was stopped before it wrote any cannot be registered."""
    while (best := result.best) is not None and best.status == "Stopped":
        if line.store.exists(model_uri(line, best.training_job)):
            break
        reporter().stage(f"search: {best.training_job}, at {best.objective:.6g}, was stopped before it left a model")
        result = replace(result, modelless=result.modelless | {best.training_job})
    return result


def model_uri(line: Line, training_job: str) -> str:
    """Where a training job's model is."""
    output = f"{line.settings.base_uri}/{naming.output_prefix(line.spec.model)}"
    return f"{output}/{training_job}/output/model.tar.gz"


def _request(line: Line, run: Run) -> dict[str, Any]:
    """The first attempt's request without parents: what a fresh runner needs to take the search for a parent."""
    search = search_of(
        line,
        run.identity,
        channels=channels_of(run.snapshot),
        snapshot_digest=run.snapshot.digest,
        purse=None,
        draft=True,
    )
    return dict(search.request_for(Attempt(number=1, jobs=search.max_jobs, used_s=0)))


def _open_run(line: Line, run: Run, parents: Parents | None) -> RetrainingRun:
    known = {}
    if parents is not None:
        # MLflow cuts a longer tag, and a cut document is none.
        known = {naming.TAG_WARM_START: json.dumps(parents.shortened(_TAG_CHARACTERS).document())}
        request = json.dumps(_request(line, run))
        if len(request) <= _TAG_CHARACTERS:
            known[naming.TAG_REQUEST] = request
    settings, spec = line.settings, line.spec
    return open_run(
        tracking_uri=settings.tracking_uri,
        experiment=spec.experiment,
        artifact_root=settings.artifact_root,
        run_digest=run.identity.digest,
        run_name=f"{spec.model}-{run.identity.key}",
        objective=spec.tuning.objective,
        params=flat(spec),
        tags={
            naming.TAG_MODEL: spec.model,
            naming.TAG_SNAPSHOT: run.snapshot.digest,
            naming.TAG_ENGINE: line.options.engine,
            naming.TAG_MODE: run.decision.mode,
            naming.TAG_REASON: run.decision.reason,
            **known,
        },
    )


@contextmanager
def _remembering_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: the interrupt itself is lost when it comes inside a library that swallows it."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread hears signals
        return
    pressed = threading.Event()

    def remember(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _cancel_look(poll_s: float) -> Callable[[], bool]:
    """Ask Prefect once a poll, not at every change that ends one early."""
    asked_s = float("-inf")

    def cancelled() -> bool:
        nonlocal asked_s
        # A poll's own length varies a little; it is not to skip a look.
        if time.monotonic() - asked_s < 0.9 * poll_s:
            return False
        asked_s = time.monotonic()
        return cancel_asked()

    return cancelled


def _stops_job(error: BaseException, on_crash: Literal["keep", "stop"]) -> bool:
    """Whether what interrupts a search stops its job: Ctrl-C, a SIGTERM by which Prefect cancels, a crash if asked."""
    if isinstance(error, KeyboardInterrupt):
        return True
    if isinstance(error, Exception):
        # What is tried again attaches to the job.
        return on_crash == "stop" and not (isinstance(error, RetuneError) and error.retryable)
    return on_crash == "stop" or cancel_asked()


def _why_none(line: Line, result: TuningResult) -> str:
    failures = [trial.failure for trial in result.trials if trial.failure]
    cause = f"; the first failed trial says: {' '.join(failures[0].split())[:400]}" if failures else ""
    if result.modelless:
        return f"tuning job {result.tuning_job} ended without a model: every trial with an objective was stopped before"
    law = result.failure or f"no trial emitted {line.spec.tuning.objective.metric}"
    if result.failure is None and not result.count("Completed") and not failures:
        law = "its time ran out before any trial had ended: raise budget.max_runtime_s"
    return f"tuning job {result.tuning_job} ended without a model: {law}{cause}"


def _end_tracking(log: TrialLog, error: BaseException) -> None:
    status: Literal["KILLED", "FAILED"] = "KILLED" if isinstance(error, Cancelled | KeyboardInterrupt) else "FAILED"
    # The error that ends the run is the one to tell; what cannot be written now the next command writes.
    with suppress(RetuneError):
        log.close(timeout_s=_TRACKING_WAIT_S).finish(status=status)
