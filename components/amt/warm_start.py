"""Warm start: a tuning job's parents, from the record, as its sampler and its description need them (amt.md 3.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.amt import beyond_amt, warm_start_rules
from components.amt.range_rules import tuned_names
from components.amt.records import TrainingJob, TuningJob
from components.amt.samplers import Finished, ParentJob, trials_of_another_space
from components.amt.store import AmtStore
from components.amt.validation import CREATE, client_error

IDENTICAL = "IdenticalDataAndAlgorithm"


def resolved(request: Mapping[str, Any], store: AmtStore) -> list[dict[str, Any]]:
    """Which jobs a request's WarmStartConfig means: `{"arn", "created_s"}` each; none without one.

    A parent's trials are looked up by these, so a running job keeps its parents though they are deleted.

    Raises:
        ClientError: ResourceNotFound, ResourceLimitExceeded or ValidationException for what AWS refuses.
    """
    config = request.get("WarmStartConfig")
    if not config:
        return []
    names = [entry["HyperParameterTuningJobName"] for entry in config["ParentHyperParameterTuningJobs"]]
    parents = []
    for name in names:
        parent = store.tuning_job(name)
        if parent is None:
            text = f"Amazon SageMaker can't find a tuning job called {name}. Type another name."
            raise client_error("ResourceNotFound", text, CREATE)
        parents.append(parent)
    launched = sum(len(store.training_jobs(parent.name)) for parent in parents)
    refusal = warm_start_rules.first_refusal(request, parents, launched=launched)
    if refusal is not None:
        raise client_error(refusal.code, refusal.message, CREATE)
    return [{"arn": parent.arn, "created_s": parent.created_s} for parent in parents]


def parents_of(job: TuningJob, store: AmtStore) -> list[tuple[TuningJob, Sequence[TrainingJob]]]:
    """The parents of a job's WarmStartConfig with their training jobs.

    Their own parents do not count: AMT's warm start is not recursive.
    """
    return [(parent, trials) for parent, trials, beyond in _known(job, store) if not beyond]


def _known(job: TuningJob, store: AmtStore) -> Iterator[tuple[TuningJob, Sequence[TrainingJob], bool]]:
    """All parents with their training jobs, and whether AMT would not take them."""
    for entry in job.parents:
        parent = store.tuning_job_of(entry["arn"], entry["created_s"])
        if parent is not None:
            yield parent, store.training_jobs(parent.name), bool(entry.get(beyond_amt.MARK))


def is_identical(job: TuningJob) -> bool:
    """Whether a job's warm start is of type IdenticalDataAndAlgorithm."""
    return bool((job.request.get("WarmStartConfig") or {}).get("WarmStartType") == IDENTICAL)


def parent_trials(job: TuningJob, store: AmtStore) -> list[ParentJob]:
    """What the sampler is told: each parent's ended trials, with what was static there and is tuned here filled in."""
    ranges = job.config["ParameterRanges"]
    names = tuned_names(ranges)
    parents = []
    for parent, trials, beyond in _known(job, store):
        static = parent.definition.get("StaticHyperParameters", {})
        told = [
            Finished(hyperparameters={**static, **trial.tuned}, objective=trial.objective)
            for trial in trials
            if _tells_something(parent, trial)
        ]
        if beyond:
            finished = trials_of_another_space(ranges, told, maximize=job.maximize)
            parents.append(ParentJob(finished=finished, identical=False))
            continue
        whole = [trial for trial in told if all(name in trial.hyperparameters for name in names)]
        chosen = [
            replace(trial, hyperparameters={name: trial.hyperparameters[name] for name in names}) for trial in whole
        ]
        parents.append(ParentJob(finished=chosen, identical=is_identical(job)))
    return parents


def _tells_something(parent: TuningJob, trial: TrainingJob) -> bool:
    """Whether a parent's training job is a result, and its configuration not worth training again.

    One that was cut short by a stop from outside is none: its last value is not what it would have reached. Where the
    parent stops training jobs itself, what stopped it is not told, and its last value counts as it does there. Nor are
    the failures of a parent that failed as a whole: the fault was not in the configurations.
    """
    if trial.status == "Stopped" and trial.secondary_status == "Stopped":
        config = parent.config
        stops = config["Strategy"] == "Hyperband" or config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
        return stops and trial.objective is not None
    return trial.terminal and not (trial.status == parent.status == "Failed")
