"""`retune report`: what the engine, MLflow and the store know of a search, gathered for a picture of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from components import naming
from components.errors import CannotWrite, InvalidInput
from components.registry.model_version import ModelVersion
from components.reporting.contents import Contents, Search, hyperparameters_of
from components.settings import read_settings
from components.tuning.engine import Engine
from components.tuning.prices import estimated_usd
from components.tuning.result import CurvePoint, Trial
from components.tuning.trial_reader import collect, outcomes
from components.tuning.tuning_jobs import described, tags_of
from flows.held_out_answers import HeldOut, answers_of_version, version_of
from flows.history import describe_job, looking_at
from flows.refit_status import described_refit

_PRICED_S = 3_600_000  # long enough for a price to be exact


def write_report(job: str, engine_name: str, target: Path | None) -> dict[str, Any]:
    """Write the report of a tuning job, finished or not, to a file.

    Args:
        job: Its name; of any attempt of a run.
        engine_name: Whose it is.
        target: File; None is `JOB.html` here.

    Returns:
        `{job, file, bytes}`.

    Raises:
        NotFound: There is no such job.
        InvalidInput: It is a refit.
        CannotWrite: The file cannot be written.
    """
    from components.reporting.report import render

    file = target or Path(f"{job}.html")
    if not file.parent.is_dir():
        raise CannotWrite(f"a report needs a folder that is there, got {file}")
    engine = looking_at(job, engine_name)
    try:
        if described_refit(engine, job) is not None:
            raise InvalidInput(
                f"{job} is a refit, one training job with no search to draw; retune trials {job} shows it"
            )
        attempts = _attempts_of(engine, job)
        settings = read_settings()
        model = _tags(engine, attempts[0]).get(naming.TAG_MODEL)
        version = version_of(settings, model, [str(each["HyperParameterTuningJobName"]) for each in attempts])
        held = HeldOut() if version is None else answers_of_version(settings, version, is_class=is_class(attempts[0]))
        result = version.result if version is not None and version.is_finished else None
        page = render(contents_of(engine, attempts, version=version, result=result, held=held))
    finally:
        engine.close()
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CannotWrite(f"the report cannot be written to {file} ({error.strerror or error})") from error
    return {"job": job, "file": str(file), "bytes": len(page.encode())}


def contents_of(
    engine: Engine,
    attempts: list[Mapping[str, Any]],
    *,
    version: ModelVersion | None,
    result: Mapping[str, Any] | None,
    held: HeldOut,
    trials: tuple[Trial, ...] | None = None,
) -> Contents:
    """What a report tells of a run's attempts.

    Args:
        engine: Whose they are.
        attempts: Describe answers, oldest first.
        version: Of the best model; None for none yet.
        result: The run's result document; None for none yet.
        held: The version's answers on held-out rows.
        trials: Of all attempts, where they are known already.
    """
    names = [str(attempt["HyperParameterTuningJobName"]) for attempt in attempts]
    config = attempts[0]["HyperParameterTuningJobConfig"]
    objective = config["HyperParameterTuningJobObjective"]
    trials = collect(engine.client, names) if trials is None else trials
    warm = attempts[0].get("WarmStartConfig", {})
    recorded = (result or {}).get("warm_start", {})
    parents = recorded.get("parents") or [
        each["HyperParameterTuningJobName"] for each in warm.get("ParentHyperParameterTuningJobs", ())
    ]
    return Contents(
        tuning_job=names[-1],
        attempts=tuple(names),
        model=_tags(engine, attempts[0]).get(naming.TAG_MODEL),
        status=attempts[-1]["HyperParameterTuningJobStatus"],
        engine=engine.name,
        strategy=config["Strategy"],
        metric=objective["MetricName"],
        maximize=objective["Type"] == "Maximize",
        hyperparameters=hyperparameters_of(config["ParameterRanges"]),
        trials=trials,
        best=None if version is None else version.training_job,
        curves={trial.training_job: _curve(engine, trial, objective["MetricName"]) for trial in trials},
        parents=tuple(found for name in parents if (found := _parent(engine, name)) is not None),
        warm_start=recorded.get("type") or warm.get("WarmStartType"),
        usd_per_s=_usd_per_s(attempts[0], result),
        result=result,
        held_out=held.found,
        held_out_note=held.note,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _attempts_of(engine: Engine, job: str) -> list[Mapping[str, Any]]:
    """All attempts of the run that a job belongs to, oldest first; of a foreign job itself alone."""
    asked = describe_job(engine, job)
    digest = _tags(engine, asked).get(naming.TAG_RUN_DIGEST)
    stem, _, number = job.rpartition("-")
    found: list[Mapping[str, Any]] = []
    while digest is not None and number.isdigit():
        attempt = described(engine.client, f"{stem}-{len(found) + 1:02d}")
        if attempt is None or _tags(engine, attempt).get(naming.TAG_RUN_DIGEST) != digest:
            break
        found.append(attempt)
    return found or [asked]


def _tags(engine: Engine, job: Mapping[str, Any]) -> dict[str, str]:
    return tags_of(engine.client, job["HyperParameterTuningJobArn"])


def _curve(engine: Engine, trial: Trial, metric: str) -> list[CurvePoint]:
    if engine.name != "local":  # only the last value, for a call each
        return []
    return [point for point in engine.curve(trial.training_job, 0) if point.metric == metric]


def _parent(engine: Engine, name: str) -> Search | None:
    """A parent with its trials; None when it has been deleted, or is known by MLflow alone."""
    try:
        trials = outcomes(engine.client, name)
    except ClientError:
        return None
    return Search(name=name, trials=trials) if trials else None


def is_class(job: Mapping[str, Any]) -> bool:
    """Whether the built-in algorithm is told to predict classes: a numeric target may hold class codes."""
    definition = job.get("TrainingJobDefinition", {})
    objective = str(definition.get("StaticHyperParameters", {}).get("objective", ""))
    return objective.startswith(("multi:", "binary:"))


def _usd_per_s(job: Mapping[str, Any], result: Mapping[str, Any] | None) -> float | None:
    """What a second of a training job is charged: as the run was, else by the table; None where nothing says."""
    spent = (result or {}).get("spent", {})
    if spent.get("cost_usd") and spent.get("billable_seconds"):
        return float(spent["cost_usd"]) / float(spent["billable_seconds"])
    definition = job.get("TrainingJobDefinition", {})
    several = definition.get("HyperParameterTuningResourceConfig", {}).get("InstanceConfigs", ())
    one = definition.get("ResourceConfig") or (several[0] if several else {})
    if "InstanceType" not in one:
        return None
    usd = estimated_usd(
        billable_seconds=_PRICED_S,
        instance_types=[one["InstanceType"]],
        instance_count=int(one.get("InstanceCount", 1)),
    )
    return None if usd is None else usd / _PRICED_S
