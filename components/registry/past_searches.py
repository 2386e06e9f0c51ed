"""Earlier searches of a model as MLflow knows them: request and trials, from the runs that mirror them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from components.naming import (
    TAG_MODE,
    TAG_MODEL,
    TAG_REQUEST,
    TAG_SNAPSHOT,
    TAG_TRAINING_JOB,
    TAG_WARM_START,
    mlflow_key,
)
from components.registry.connection import answering, connect
from components.registry.trial_runs import TAG_PARENT

if TYPE_CHECKING:
    from mlflow import MlflowClient

_LOOKED_AT = 20


@dataclass(frozen=True, kw_only=True)
class PastTrial:
    """An ended training job: tuned hyperparameters, and its objective or None."""

    hyperparameters: Mapping[str, str]
    objective: float | None


@dataclass(frozen=True, kw_only=True)
class PastSearch:
    """A tuning job as MLflow knows it.

    Attributes:
        request: Its request, with its tags.
        created_s: Seconds since the epoch.
        trials: Its finished training jobs, in the order of their names.
        parents: Tuning jobs its run was warm-started from; None when nothing says.
    """

    request: Mapping[str, Any]
    created_s: float
    trials: tuple[PastTrial, ...]
    parents: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """Of the tuning job."""
        return str(self.request["HyperParameterTuningJobName"])

    @property
    def snapshot(self) -> str | None:
        """Content digest of its data."""
        return next((tag["Value"] for tag in self.request.get("Tags", ()) if tag["Key"] == TAG_SNAPSHOT), None)


def past_searches(*, tracking_uri: str, experiment: str, model: str) -> tuple[PastSearch, ...]:
    """The newest searches of a model, one for each tuning job.

    Raises:
        Unavailable: The tracking server does not answer.
    """
    client = connect(tracking_uri)
    with answering(tracking_uri):
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return ()
        parents = client.search_runs(
            [found.experiment_id],
            f"tags.`{TAG_MODEL}` = '{model}' AND tags.`{TAG_MODE}` = 'tune'",  # many refits may be newer
            order_by=["attributes.start_time DESC"],
            max_results=_LOOKED_AT,
        )
        return tuple(
            search
            for parent in parents
            if TAG_REQUEST in parent.data.tags
            for search in _of_run(client, found.experiment_id, parent)
        )


def past_run(*, tracking_uri: str, experiment: str, tuning_job: str) -> PastSearch | None:
    """The whole run that a tuning job was an attempt of, failed and stopped training jobs among its trials.

    Raises:
        Unavailable: The tracking server does not answer.
    """
    client = connect(tracking_uri)
    with answering(tracking_uri):
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return None
        query = f"tags.`{TAG_TRAINING_JOB}` LIKE '{tuning_job}-%'"
        trial = next(iter(client.search_runs([found.experiment_id], query, max_results=1)), None)
        if trial is None:
            return None
        parent = client.get_run(trial.data.tags[TAG_PARENT])
        if TAG_REQUEST not in parent.data.tags:
            return None
        attempts = list(_of_run(client, found.experiment_id, parent, ended=("FINISHED", "FAILED", "KILLED")))
    if not attempts:  # all of its trials were left running by a run that was killed
        return None
    attempts.sort(key=lambda search: search.name)
    return replace(attempts[0], trials=tuple(each for search in attempts for each in search.trials))


def request_of_run(*, tracking_uri: str, run_id: str) -> dict[str, Any] | None:
    """The first request of a retraining, as its MLflow run keeps it; None when it keeps none.

    Raises:
        NotFound: There is no such run.
        Unavailable: The tracking server does not answer.
    """
    client = connect(tracking_uri)
    with answering(tracking_uri):
        request = client.get_run(run_id).data.tags.get(TAG_REQUEST)
    return None if request is None else dict(json.loads(request))


def _of_run(
    client: MlflowClient, experiment_id: str, parent: Any, *, ended: Sequence[str] = ("FINISHED",)
) -> Iterator[PastSearch]:
    request = json.loads(parent.data.tags[TAG_REQUEST])
    warm = json.loads(parent.data.tags.get(TAG_WARM_START, "{}"))
    config = request["HyperParameterTuningJobConfig"]
    metric = mlflow_key(config["HyperParameterTuningJobObjective"]["MetricName"])
    attempts: dict[str, list[tuple[str, PastTrial]]] = {}
    query = f"tags.`{TAG_PARENT}` = '{parent.info.run_id}'"
    for run in client.search_runs([experiment_id], query, max_results=1000):
        job = run.data.tags.get(TAG_TRAINING_JOB)
        if job and run.info.status in ended:
            trial = PastTrial(hyperparameters=dict(run.data.params), objective=run.data.metrics.get(metric))
            attempts.setdefault(job.rsplit("-", 2)[0], []).append((job, trial))
    for name, trials in attempts.items():
        yield PastSearch(
            request={**request, "HyperParameterTuningJobName": name},
            created_s=parent.info.start_time / 1000,
            trials=tuple(trial for _, trial in sorted(trials, key=lambda pair: pair[0])),
            parents=tuple(warm["parents"]) if "parents" in warm else None,
        )
