"""The MLflow run of a retraining, and below it one per training job.

One key, one run: a resumed command finds its run by the tag with the full run digest and goes on with it. Tags are
part of the call that creates a run, so a kill at any moment leaves a run that is found again or none. All calls name
their run: MLflow's "active run" is one per thread and lost with a process.

    tracking.py         the parent: `open_run`, `finish`
    trial_runs.py       the nested runs
    trial_log.py        both off the critical path: a thread that keeps trying
    tracking_client.py  a client that fails fast and commits fast
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from components.naming import TAG_RUN_DIGEST, TAG_RUN_KEY, mlflow_key, run_key
from components.registry.connection import answering
from components.registry.experiments import ensure_experiment
from components.registry.tracking_client import tracking_client
from components.registry.trial_runs import TAG_PARENT, Curve, TrialRuns
from components.tuning.result import Trial, best_of
from components.tuning.tuning_spec import ObjectiveSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]

_MAX_PARAM_LENGTH = 6000
_MAX_TAG_LENGTH = 8000


class RetrainingRun:
    """The parent run of one retraining. Made by `open_run`; its methods may be called from several threads.

    Attributes:
        run_id: MLflow's.
        experiment_id: MLflow's.
    """

    def __init__(
        self, *, client: MlflowClient, tracking_uri: str, experiment_id: str, run_id: str, objective: ObjectiveSpec
    ) -> None:
        self.run_id = run_id
        self.experiment_id = experiment_id
        self._client = client
        self._tracking_uri = tracking_uri
        self._objective = objective
        self._lock = threading.Lock()
        self._trials: dict[str, Trial] = {}
        self._runs = TrialRuns(
            client=client,
            tracking_uri=tracking_uri,
            experiment_id=experiment_id,
            parent_id=run_id,
            objective_metric=objective.metric,
        )

    def record(self, *, trials: Sequence[Trial], curve: Curve) -> None:
        """Bring the nested runs up to these states; what is unchanged costs nothing.

        Args:
            trials: Any number, in any state; those recorded before need not be among them.
            curve: A training job's points after the first N, oldest first (`Engine.curve`).

        Raises:
            Unavailable: The tracking server does not answer; call again.
            RetuneError: MLflow refuses one of them; the others are written.
        """
        with self._lock:
            self._trials.update((trial.training_job, trial) for trial in trials)
            self._runs.write(trials, curve)

    def tag(self, name: str) -> str | None:
        """A tag of the run; None when it is not there. Raises Unavailable."""
        with self._lock, answering(self._tracking_uri):
            found: str | None = self._client.get_run(self.run_id).data.tags.get(name)
            return found

    def attach(self, file: Path) -> str:
        """Keep a file with the run, in place of one of that name; where it is now. Raises Unavailable, CannotWrite."""
        with self._lock, answering(self._tracking_uri):
            self._client.log_artifact(self.run_id, str(file))
            return f"{str(self._client.get_run(self.run_id).info.artifact_uri).rstrip('/')}/{file.name}"

    def nested_run_id(self, training_job: str) -> str | None:
        """The run of a training job; None when there is none. Raises Unavailable."""
        with self._lock:
            return self._runs.run_id(training_job)

    def finish(
        self,
        *,
        status: RunStatus,
        best: Trial | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write the summary of the trials recorded here and end the run; the same again changes nothing.

        The parent gets the best objective under the objective's name, `trials_*`, `training_seconds` and
        `billable_seconds` as metrics, and `best.training_job` and `best.<hyperparameter>` as tags. Not as parameters:
        MLflow never changes one, and a search that was killed may find a better trial when it goes on.

        Args:
            status: MLflow's.
            best: The trial that is registered; by default the one with the best objective, with a model or without.
            metrics: More of them, such as the test score.
            tags: More of them, such as the registered version.

        Raises:
            Unavailable: The tracking server does not answer.
        """
        with self._lock, answering(self._tracking_uri):
            from mlflow.entities import Metric, RunTag

            best = best or best_of(list(self._trials.values()), maximize=self._objective.type == "maximize")
            wanted = {**self._summary(best), **{mlflow_key(key): value for key, value in (metrics or {}).items()}}
            there = self._client.get_run(self.run_id).data.metrics
            now_ms = int(time.time() * 1000)
            self._client.log_batch(
                self.run_id,
                metrics=[
                    Metric(key, value, now_ms, 0) for key, value in wanted.items() if not _same(there.get(key), value)
                ],
                tags=[RunTag(key, value) for key, value in {**_best_tags(best), **_tags(tags or {})}.items()],
            )
            self._client.set_terminated(self.run_id, status=status)
            # Two commands on one search write it twice at times: the next look leaves one run for each training job.
            self._runs.forget()
            self._runs.run_id("")

    def _summary(self, best: Trial | None) -> dict[str, float]:
        trials = self._trials.values()
        if not trials:
            return {}
        summary = {
            "trials_completed": float(sum(trial.status == "Completed" for trial in trials)),
            "trials_failed": float(sum(trial.status == "Failed" for trial in trials)),
            "trials_stopped": float(sum(trial.status == "Stopped" for trial in trials)),
            "training_seconds": float(sum(trial.training_seconds or 0 for trial in trials)),
            "billable_seconds": float(sum(trial.billable_seconds or 0 for trial in trials)),
        }
        if best is not None and best.objective is not None:
            summary[mlflow_key(self._objective.metric)] = best.objective
        return summary


def open_run(
    *,
    tracking_uri: str,
    experiment: str,
    artifact_root: str | None,
    run_digest: str,
    run_name: str,
    objective: ObjectiveSpec,
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> RetrainingRun:
    """The run of this retraining, RUNNING: taken up again when the digest has one, else made.

    Args:
        tracking_uri: MLflow's.
        experiment: Its name; made when it is not there.
        artifact_root: As in `ensure_experiment`.
        run_digest: All 64 digits; what makes two commands the same retraining.
        run_name: Shown by MLflow.
        objective: Metric and direction of the search.
        params: The resolved spec, flat. A run taken up again keeps the values it began with; what differs now (a
            budget, a parallelism) becomes a tag `resumed.<name>`.
        tags: Lineage. No secrets: anybody who sees the tracking server reads them.

    Raises:
        Unavailable: The tracking server does not answer.
        InvalidInput: MLflow takes no such experiment or URI.
        CannotWrite: The SQLite file cannot be written.
    """
    client = tracking_client(tracking_uri)
    with answering(tracking_uri):
        experiment_id = ensure_experiment(client, experiment, artifact_root)
        own = {TAG_RUN_DIGEST: run_digest, TAG_RUN_KEY: run_key(run_digest)}
        source = {"mlflow.source.name": "retune", "mlflow.source.type": "LOCAL"}
        run = _oldest(client, experiment_id, run_digest)
        if run is None:
            made = client.create_run(experiment_id, tags={**source, **_tags(tags), **own}, run_name=run_name)
            # Somebody may have made one at the same time: both look, both keep the older one.
            run = _oldest(client, experiment_id, run_digest) or made
            if run.info.run_id != made.info.run_id:
                client.delete_run(made.info.run_id)
        _take_up(client, run, params=params, tags={**_tags(tags), **own})
    return RetrainingRun(
        client=client,
        tracking_uri=tracking_uri,
        experiment_id=experiment_id,
        run_id=run.info.run_id,
        objective=objective,
    )


def run_url(ui_url: str, experiment_id: str, run_id: str) -> str | None:
    """Where a browser finds a run, without user and password; None when the URI is no server's (SQLite)."""
    parts = urlsplit(ui_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    place = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    return f"{place.geturl().rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"


def _oldest(client: MlflowClient, experiment_id: str, digest: str) -> Run | None:
    runs = client.search_runs(
        [experiment_id], f"tags.`{TAG_RUN_DIGEST}` = '{digest}'", order_by=["attributes.start_time ASC"]
    )
    parents = [run for run in runs if TAG_PARENT not in run.data.tags]
    return min(parents, key=lambda run: (run.info.start_time, run.info.run_id), default=None)


def _take_up(client: MlflowClient, run: Run, *, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    from mlflow.entities import Param, RunTag

    wanted = {mlflow_key(key): value[:_MAX_PARAM_LENGTH] for key, value in params.items()}
    there = run.data.params
    changed = {f"resumed.{key}"[:250]: value for key, value in wanted.items() if there.get(key, value) != value}
    labels = {**tags, **_tags(changed)}
    client.log_batch(
        run.info.run_id,
        params=[Param(key, value) for key, value in wanted.items() if key not in there],
        tags=[RunTag(key, value) for key, value in labels.items() if run.data.tags.get(key) != value],
    )
    if run.info.status != "RUNNING":
        client.update_run(run.info.run_id, status="RUNNING")


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {mlflow_key(key): value[:_MAX_TAG_LENGTH] for key, value in tags.items()}


def _best_tags(best: Trial | None) -> dict[str, str]:
    if best is None:
        return {}
    hyperparameters = {f"best.{name}": value for name, value in best.hyperparameters.items()}
    return _tags({**hyperparameters, "best.training_job": best.training_job})


def _same(there: float | None, wanted: float) -> bool:
    return there is not None and (there == wanted or (math.isnan(there) and math.isnan(wanted)))
