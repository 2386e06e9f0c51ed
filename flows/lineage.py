"""The parents of a run's search, from what the engine knows of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from components import naming
from components.tuning.attempts import Attempt
from components.tuning.beyond_amt import BeyondAmt, choose_beyond_amt
from components.tuning.client import TuningClient
from components.tuning.definition import Channel
from components.tuning.engine import Engine, Remember
from components.tuning.lineage import Earlier, Parents, choose_parents
from components.tuning.tuning_jobs import described, summaries, tags_of
from flows.line import Line, RunIdentity
from flows.tuning_requests import search_of

# Describe and ListTags for each, of an API that throttles.
_LOOKED_AT = 30


def first_parents(
    line: Line,
    identity: RunIdentity,
    engine: Engine,
    *,
    channels: Mapping[str, Channel],
    snapshot_digest: str,
) -> Parents | None:
    """The parents of a run's first attempt; None when that is there already, and has what it has."""
    draft = search_of(line, identity, channels=channels, snapshot_digest=snapshot_digest, purse=None, draft=True)
    if described(engine.client, draft.name_of(1)) is not None:
        return None
    request = draft.request_for(Attempt(number=1, jobs=draft.max_jobs, used_s=0))
    return parents_of(line, identity, engine, request, snapshot_digest=snapshot_digest)


def parents_on_record(line: Line, identity: RunIdentity, engine: Engine) -> Parents:
    """What a run's first attempt was created with: what a later one knows that has no results of its own to know."""
    name = naming.tuning_job_name(model=line.spec.model, key=identity.key, attempt=1)
    job = described(engine.client, name) or {}
    config = job.get("WarmStartConfig", {})
    names = tuple(each["HyperParameterTuningJobName"] for each in config.get("ParentHyperParameterTuningJobs", ()))
    everyone = () if engine.beyond_amt is None or not job else engine.beyond_amt.parents_of(name)
    further = tuple((parent, "on record") for parent in everyone if parent not in names)
    return Parents(
        type=config.get("WarmStartType") or ("TransferLearning" if further else None), names=names, further=further
    )


def parents_of(
    line: Line, identity: RunIdentity, engine: Engine, request: Mapping[str, Any], *, snapshot_digest: str
) -> Parents:
    """The parents of a search about to be created.

    Args:
        line: Inputs.
        identity: Which run it is; its own attempts are no parents here.
        engine: Where the search is to be.
        request: The first attempt's, without parents.
        snapshot_digest: Of the data.

    Raises:
        InvalidInput: A named parent is not there, or AMT would not take it.
    """
    warm = line.spec.warm_start
    if warm.mode == "off":
        return Parents()
    named = warm.named
    if named:
        earlier = list(_named(engine.client, named))
    else:
        earlier = list(_of_model(engine.client, line.spec.model, own=identity.digest))
        if not earlier and engine.remember is not None:
            _recall(line, engine.remember)
            earlier = list(_of_model(engine.client, line.spec.model, own=identity.digest))
    most = max(warm.max_parents, len(named))
    if not warm.beyond_amt or engine.beyond_amt is None:
        return choose_parents(request, earlier, snapshot=snapshot_digest, most=most, named=named)
    earlier += _ancestors(engine.client, engine.beyond_amt, earlier)
    return choose_beyond_amt(
        request, earlier, snapshot=snapshot_digest, most=most, named=named, beyond=engine.beyond_amt
    )


def _ancestors(client: TuningClient, beyond: BeyondAmt, earlier: Sequence[Earlier]) -> Iterator[Earlier]:
    """The parents of these, theirs, and so on, those that are not among them."""
    known = {each.name for each in earlier}
    generation = list(known)
    while generation:
        found = {name for child in generation for name in beyond.parents_of(child)} - known
        yield from _named(client, tuple(sorted(found)))
        known |= found
        generation = sorted(found)


def _recall(line: Line, remember: Remember) -> None:
    """Tell an engine that knows nothing of the model what MLflow knows: a fresh runner then starts warm."""
    settings = line.settings
    if settings.owns_tracking and not settings.tracking_database.exists():
        return
    from components.registry.past_searches import past_searches

    # The oldest first: a search's parents are known then.
    for search in reversed(
        past_searches(tracking_uri=settings.tracking_uri, experiment=line.spec.experiment, model=line.spec.model)
    ):
        trials = [(trial.hyperparameters, trial.objective) for trial in search.trials]
        remember(search.request, trials, search.created_s, search.parents or ())


def _of_model(client: TuningClient, model: str, *, own: str) -> Iterator[Earlier]:
    newest = summaries(
        client,
        NameContains=naming.job_stem(model),
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=_LOOKED_AT,
    )
    for summary in islice(newest, _LOOKED_AT):
        tags = tags_of(client, summary["HyperParameterTuningJobArn"])
        if tags.get(naming.TAG_MODEL) != model or tags.get(naming.TAG_RUN_DIGEST) == own:
            continue
        job = described(client, summary["HyperParameterTuningJobName"])
        if job is not None:
            yield _earlier(job, tags)


def _named(client: TuningClient, names: tuple[str, ...]) -> Iterator[Earlier]:
    for name in names:
        job = described(client, name)
        if job is not None:  # the choice says that it is not there
            yield _earlier(job, tags_of(client, job["HyperParameterTuningJobArn"]))


def _earlier(job: Mapping[str, Any], tags: Mapping[str, str]) -> Earlier:
    best = job.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric")
    return Earlier(
        described=job,
        snapshot=tags.get(naming.TAG_SNAPSHOT),
        created_s=job["CreationTime"].timestamp(),
        best=None if best is None else float(best["Value"]),
        launched=sum(job["TrainingJobStatusCounters"].values()),
    )
