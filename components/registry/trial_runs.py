"""The nested MLflow runs of a retraining: one per training job, a mirror that may be written again and again.

What is already there is read from MLflow once, so a resumed process goes on where the killed one was. A run's status
becomes final last of all: a run that is FINISHED, FAILED or KILLED is complete and is not looked at again.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from components.errors import RetuneError
from components.naming import TAG_REASON, TAG_TRAINING_JOB, TAG_TRIAL, mlflow_key
from components.registry.connection import answering
from components.tuning.result import CurvePoint, Trial

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

Curve = Callable[[str, int], Sequence[CurvePoint]]  # training job, points to leave out -> the points after them

TAG_PARENT = "mlflow.parentRunId"
_FINAL = {"Completed": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}
_MAX_PARAM_LENGTH = 6000  # MLflow's limits; a longer text would be cut with a warning
_MAX_TAG_LENGTH = 8000
# The same training job may have been started twice (killed with its supervisor); MLflow cannot move a start time.
_SAME_START_MS = 1000


@dataclass(kw_only=True)
class _Nested:
    """What MLflow has of one training job: its run, and the names of what is there."""

    run_id: str
    status: str
    start_ms: int
    params: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    latest: dict[str, tuple[int, float]] = field(default_factory=dict)  # metric to step and value logged last
    seen: int = 0  # points of its curve that this process has asked for


class TrialRuns:
    """Writes trials below a parent run. Not for two threads at once.

    Args:
        client: From `connection.connect`.
        tracking_uri: Its URI, for messages.
        experiment_id: Of the parent.
        parent_id: Run id of the parent.
        objective_metric: Name under which a trial's final objective is found.
    """

    def __init__(
        self, *, client: MlflowClient, tracking_uri: str, experiment_id: str, parent_id: str, objective_metric: str
    ) -> None:
        self._client = client
        self._tracking_uri = tracking_uri
        self._experiment_id = experiment_id
        self._parent_id = parent_id
        self._objective = mlflow_key(objective_metric)
        self._nested: dict[str, _Nested] | None = None  # None: to be read from MLflow

    def write(self, trials: Sequence[Trial], curve: Curve) -> None:
        """Bring MLflow up to these states; a trial that is complete there costs nothing.

        Every trial is tried before the first one's error is raised, unless the server does not answer.

        Raises:
            Unavailable: The tracking server does not answer; nothing is lost by calling again.
            RetuneError: MLflow refuses a trial, for the reason given.
        """
        refused: RetuneError | None = None
        for trial in trials:
            try:
                self._write_or_look_again(trial, curve)
            except RetuneError as error:
                # Unknown whether the last call arrived: look before the next one.
                self._nested = None
                if error.retryable:
                    raise
                refused = refused or error
        if refused is not None:
            raise refused

    def run_id(self, training_job: str) -> str | None:
        """The nested run of a training job, or None. Raises Unavailable."""
        nested = self._known().get(training_job)
        return nested.run_id if nested else None

    def forget(self) -> None:
        """Read MLflow again at the next use, and settle what two writers at a time left twice."""
        self._nested = None

    def _write_or_look_again(self, trial: Trial, curve: Curve) -> None:
        try:
            self._write(trial, curve)
        except RetuneError as error:
            if error.retryable:
                raise
            # The run may have been deleted by hand, or by another writer that found it twice.
            self._nested = None
            self._write(trial, curve)

    def _write(self, trial: Trial, curve: Curve) -> None:
        start = trial.started or (trial.ended if trial.is_terminal else None)
        known = self._known()
        nested = known.get(trial.training_job)
        if nested is not None and nested.status == _FINAL.get(trial.status):
            return
        if start is None and not trial.is_terminal:
            return  # not training yet: MLflow cannot change a start time, so the run waits for it
        start_ms = _ms(start) if start else int(time.time() * 1000)
        if nested is not None and trial.started is not None and abs(nested.start_ms - start_ms) > _SAME_START_MS:
            with answering(self._tracking_uri):
                self._client.delete_run(nested.run_id)
            del known[trial.training_job]
            nested = None
        if nested is None:
            nested = known[trial.training_job] = self._create(trial, start_ms)
        self._log(trial, nested, curve(trial.training_job, nested.seen))
        if trial.is_terminal:
            end_ms = _ms(trial.ended) if trial.ended else int(time.time() * 1000)
            with answering(self._tracking_uri):
                self._client.set_terminated(nested.run_id, status=_FINAL[trial.status], end_time=end_ms)
            nested.status = _FINAL[trial.status]

    def _create(self, trial: Trial, start_ms: int) -> _Nested:
        tags = {
            TAG_PARENT: self._parent_id,
            TAG_TRAINING_JOB: trial.training_job,
            TAG_TRIAL: str(trial.number),
            "mlflow.source.name": "retune",
            "mlflow.source.type": "LOCAL",
            **_reason(trial),
        }
        with answering(self._tracking_uri):
            run = self._client.create_run(
                self._experiment_id, start_time=start_ms, tags=tags, run_name=trial.training_job
            )
        return _Nested(run_id=run.info.run_id, status="RUNNING", start_ms=start_ms, tags=set(tags))

    def _log(self, trial: Trial, nested: _Nested, points: Sequence[CurvePoint]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        # A point counts as logged from its step on, so that a second reading of the curve adds nothing.
        latest = dict(nested.latest)
        metrics: list[Metric] = []
        for point in points:
            key = mlflow_key(point.metric)
            if point.step > latest.get(key, (-1, 0.0))[0]:
                metrics.append(Metric(key, point.value, int(point.timestamp_s * 1000), point.step))
                latest[key] = (point.step, point.value)
        for key, value, step in self._results(trial, latest):
            metrics.append(Metric(key, value, _ms(trial.ended) if trial.ended else int(time.time() * 1000), step))
            latest[key] = (step, value)
        params = {mlflow_key(name): _plain(value) for name, value in trial.hyperparameters.items()}
        missing = [Param(key, value) for key, value in params.items() if key not in nested.params]
        tags = [RunTag(key, value) for key, value in _reason(trial).items() if key not in nested.tags]
        if metrics or missing or tags:
            with answering(self._tracking_uri):
                self._client.log_batch(nested.run_id, metrics=metrics, params=missing, tags=tags)
        nested.latest = latest
        nested.params.update(params)
        nested.tags.update(tag.key for tag in tags)
        nested.seen += len(points)

    def _results(self, trial: Trial, latest: Mapping[str, tuple[int, float]]) -> Iterator[tuple[str, float, int]]:
        """What a finished trial adds: name, value, step. The curve's last point mostly is the objective already."""
        if not trial.is_terminal:
            return
        step, value = latest.get(self._objective, (-1, math.nan))
        if trial.objective is not None and not math.isclose(value, trial.objective, rel_tol=1e-6):
            yield self._objective, trial.objective, step + 1
        for key, seconds in (
            ("training_seconds", trial.training_seconds),
            ("billable_seconds", trial.billable_seconds),
        ):
            if seconds is not None and key not in latest:
                yield key, float(seconds), 0

    def _known(self) -> dict[str, _Nested]:
        if self._nested is None:
            found: dict[str, list[_Nested]] = {}
            with answering(self._tracking_uri):
                for run in self._search():
                    job = run.data.tags.get(TAG_TRAINING_JOB)
                    if job:
                        found.setdefault(job, []).append(_of(run))
                for twins in found.values():
                    # Every writer picks the same one, so that two of them agree in the end.
                    twins.sort(key=lambda nested: (nested.status == "RUNNING", nested.run_id))
                    for twin in twins[1:]:
                        self._client.delete_run(twin.run_id)
            self._nested = {job: twins[0] for job, twins in found.items()}
        return self._nested

    def _search(self) -> Iterator[Run]:
        token: str | None = None
        while True:
            page: Any = self._client.search_runs(
                [self._experiment_id], f"tags.`{TAG_PARENT}` = '{self._parent_id}'", page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def _of(run: Run) -> _Nested:
    return _Nested(
        run_id=run.info.run_id,
        status=run.info.status,
        start_ms=run.info.start_time,
        params=set(run.data.params),
        tags=set(run.data.tags),
        # RunData shows values only; its message form has the steps as well.
        latest={metric.key: (metric.step, metric.value) for metric in run.data.to_proto().metrics},
    )


def _reason(trial: Trial) -> dict[str, str]:
    return {TAG_REASON: trial.failure[:_MAX_TAG_LENGTH]} if trial.failure else {}


def _plain(value: str) -> str:
    """A hyperparameter as a plot's axis takes it: numbers as they are, text without the SDK's JSON quotes."""
    if value[:1] == '"':
        try:
            text = json.loads(value)
        except ValueError:
            return value[:_MAX_PARAM_LENGTH]
        if isinstance(text, str):
            value = text
    return value[:_MAX_PARAM_LENGTH]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
