"""What a search and a refit have in common: which run it is, its mirror in MLflow, and who may stop it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal

from components import naming
from components.decision import Decision
from components.errors import Cancelled, RetuneError
from components.registry.model_version import ModelVersion
from components.registry.origin import Origin
from components.registry.tracking import RetrainingRun, open_run
from components.registry.trial_log import TrialLog
from components.spec import RetrainSpec
from components.tuning.result import TuningResult
from flows.artifacts import cancel_asked
from flows.data import RunData
from flows.line import Line, RunIdentity

LOCAL_POLL_S = 1.0
TRACKING_WAIT_S = 60.0
TAG_CHARACTERS = 8000


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that has been decided on.

    Attributes:
        identity: Which run this is.
        snapshot: Its data.
        decision: What it does and why.
        base: Finished version that the decision was held against; None for a model without one.
        origin: Whose hyperparameters a refit trains; None of anything else.
    """

    identity: RunIdentity
    snapshot: RunData
    decision: Decision
    base: ModelVersion | None
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True)
class Searched:
    """A finished search, or refit, and the MLflow run that mirrors it."""

    result: TuningResult
    run: RetrainingRun


def open_tracking(line: Line, run: Run, known: Mapping[str, str]) -> RetrainingRun:
    """The run's MLflow run, with its lineage and what else is known as tags."""
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


def flat(spec: RetrainSpec) -> dict[str, str]:
    """The resolved spec as parameters of the MLflow run: `tuning.max_jobs` to `50`; nothing unset."""
    found: dict[str, str] = {}

    def walk(place: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f"{place}.{key}" if place else str(key), inner)
        elif value is not None and value != []:
            found[place] = str(value)

    walk("", spec.model_dump(mode="json"))
    return found


@contextmanager
def asked_to_stop(poll_s: float) -> Iterator[Callable[[], bool]]:
    """Asks whether somebody wants the run to stop: by Ctrl-C, or in Prefect, which is asked once a poll."""
    with _remembering_ctrl_c() as interrupted:
        asked = _cancel_look(poll_s)
        yield lambda: interrupted() or asked()


def stops_job(line: Line) -> Callable[[BaseException], bool]:
    """Whether what interrupts a run stops its job: Ctrl-C, a SIGTERM by which Prefect cancels, a crash if asked."""

    def stops(error: BaseException) -> bool:
        on_crash = line.settings.on_crash == "stop"
        if isinstance(error, KeyboardInterrupt):
            return True
        if isinstance(error, Exception):
            # What is tried again attaches to the job.
            return on_crash and not (isinstance(error, RetuneError) and error.retryable)
        return on_crash or cancel_asked()

    return stops


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


def end_tracking(log: TrialLog, error: BaseException) -> None:
    """Write what there is and mark the MLflow run as what it became."""
    status: Literal["KILLED", "FAILED"] = "KILLED" if isinstance(error, Cancelled | KeyboardInterrupt) else "FAILED"
    # The error that ends the run is the one to tell; what cannot be written now the next command writes.
    with suppress(RetuneError):
        log.close(timeout_s=TRACKING_WAIT_S).finish(status=status)
