"""The search of a run: the names and requests of its attempts, within what may be spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components import naming
from components.tuning.attempts import Attempt, Search
from components.tuning.budget import LEAST_RUNTIME_S, Limits
from components.tuning.definition import Channel, RequestPlaces, training_job_definition
from components.tuning.job_check import charged
from components.tuning.lineage import Parents
from components.tuning.request import build_request
from components.tuning.source_code import code_archive_uri, publish
from components.tuning.spending import Purse
from flows.line import Line, RunIdentity
from flows.money import settle_up

NO_PARENTS = Parents()


def search_of(
    line: Line,
    identity: RunIdentity,
    *,
    channels: Mapping[str, Channel],
    snapshot_digest: str,
    purse: Purse | None,
    parents: Parents = NO_PARENTS,
    draft: bool = False,
) -> Search:
    """The search of this run.

    Args:
        line: Inputs.
        identity: Which run it is.
        channels: Input channels by name.
        snapshot_digest: Of the data.
        parents: What the first attempt is warm-started from; a later one from those before it.
        purse: The run's money; None on an engine that costs none.
        draft: Whether nothing is to be written: code is named and not uploaded, money counted and not reserved.
    """
    spec = line.spec
    if line.code is not None and not draft:
        publish(line.code, store=line.store, base_uri=line.settings.base_uri)

    def name_of(attempt: int) -> str:
        return naming.tuning_job_name(model=spec.model, key=identity.key, attempt=attempt)

    def request_for(attempt: Attempt) -> Mapping[str, Any]:
        name = name_of(attempt.number)
        limits = _limits(line, attempt)
        if purse is not None:
            if attempt.number > 1 and not draft:
                settle_up(line)  # what the attempt before reserved and did not spend
            spent_usd = attempt.billable_s * purse.usd_per_s
            limits = (
                purse.afford(name, limits, spent_usd=spent_usd)
                if draft
                else purse.reserve(name, limits, spent_usd=spent_usd)
            )
        seed = spec.tuning.seed
        return build_request(
            name=name,
            training=spec.training.model_copy(update={"spot": False}) if attempt.on_demand else spec.training,
            # The same seed again would propose what the attempt before has trained.
            tuning=spec.tuning.model_copy(
                update={"seed": None if seed is None else (seed + attempt.number - 1) % 2**31}
            ),
            limits=limits,
            places=places_of(
                line, channels, naming.checkpoint_prefix(name), several_types=len(spec.training.instance.types) > 1
            ),
            tags=tags_of_run(line, identity, snapshot_digest),
            **_warm_start(attempt, parents),
        )

    return Search(
        name_of=name_of,
        request_for=request_for,
        digest=identity.digest,
        max_jobs=spec.tuning.max_jobs,
        maximize=spec.tuning.objective.type == "maximize",
        spot_patience_s=spec.training.spot_patience_s if spec.training.spot == "prefer" else None,
        charged=() if purse is None else tuple(_charged(line, channels)),
        further=tuple(name for name, _ in parents.further) if spec.warm_start.beyond_amt else None,
        why_stop=None if purse is None else lambda trials: purse.why_stop(trials, spec.training.max_runtime_s),
    )


def _charged(line: Line, channels: Mapping[str, Channel]) -> Iterator[Mapping[str, Any]]:
    training = line.spec.training
    places = places_of(line, channels, "any", several_types=len(training.instance.types) > 1)
    yield charged(training_job_definition(training, places))
    if training.spot == "prefer":
        yield charged(training_job_definition(training.model_copy(update={"spot": False}), places))


def _warm_start(attempt: Attempt, parents: Parents) -> dict[str, Any]:
    if attempt.parents or not parents.names:
        return {"parents": attempt.parents}
    return {"parents": parents.names, "warm_start_type": parents.type}


def _limits(line: Line, attempt: Attempt) -> Limits:
    spec = line.spec
    return Limits(
        jobs=attempt.jobs,
        parallel=min(spec.tuning.max_parallel_jobs, attempt.jobs),
        job_runtime_s=spec.training.max_runtime_s,
        runtime_s=max(LEAST_RUNTIME_S, spec.budget.max_runtime_s - attempt.used_s),
    )


def places_of(
    line: Line, channels: Mapping[str, Channel], checkpoint_prefix: str, *, several_types: bool
) -> RequestPlaces:
    """Where a request of this line points.

    Args:
        line: Inputs.
        channels: Input channels by name.
        checkpoint_prefix: Key prefix of its checkpoints.
        several_types: Whether it names several instance types, which have their own resource shape.
    """
    base_uri = line.settings.base_uri
    return RequestPlaces(
        channels=channels,
        output_uri=f"{base_uri}/{naming.output_prefix(line.spec.model)}",
        checkpoint_uri=f"{base_uri}/{checkpoint_prefix}",
        code_uri=None if line.code is None else code_archive_uri(line.code, base_uri),
        role_arn=line.settings.role_arn,
        region=line.region,
        # Network and keys are the cloud's: this machine has neither, and its engine refuses what it would not keep.
        laid_down={}
        if line.options.engine == "local"
        else line.project.sagemaker.definition(several_types=several_types),
    )


def tags_of_run(line: Line, identity: RunIdentity, snapshot_digest: str) -> dict[str, str]:
    """What each job of a run carries."""
    return {
        **line.project.tags,
        naming.TAG_MODEL: line.spec.model,
        naming.TAG_RUN_KEY: identity.key,
        naming.TAG_RUN_DIGEST: identity.digest,
        naming.TAG_SNAPSHOT: snapshot_digest,
    }
