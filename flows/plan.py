"""What a run would do: the stages composed without their effects. Decides nothing itself and touches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.data.snapshot import DataSnapshot, preview
from components.registry.model_version import ModelVersion
from components.tuning.attempts import Attempt, find_attempts, next_attempt
from components.tuning.trial_reader import TrialReader
from flows.line import Line, RunOptions, identify, open_engine, open_line, search_of


def plan_of(options: RunOptions) -> dict[str, Any]:
    """What `retune run` with these options would do, as `retune plan --json` prints it.

    Keys: `model mode reason run_key snapshot engine rows tuning_job job_status warm_start request`; `request` is the
    exact CreateHyperParameterTuningJob of the next attempt, null when the run would skip, or attach to `tuning_job`.
    """
    from flows.tasks import base_version, decision_for, lineage_tags
    from flows.versions import registry_of

    line = open_line(options)
    snapshot = preview(
        line.spec.data,
        base_dir=line.root,
        store=line.store,
        base_uri=line.settings.base_uri,
        scratch=line.settings.scratch,
    )
    registry = registry_of(line) if _has_registry(line) else None
    last = base_version(line, snapshot.digest, registry) if registry is not None else None
    decision = decision_for(line, snapshot.digest, last)
    generation = registry.generation(lineage_tags(line, snapshot.digest)) if registry is not None else 0
    document = {
        "model": line.spec.model,
        "mode": decision.mode,
        "reason": decision.reason,
        "snapshot": snapshot.digest,
        "engine": options.engine,
        "rows": dict(snapshot.rows),
        "warm_start": {"type": None, "parents": [], "rejected": []},
    }
    if decision.mode == "skip" and last is not None:
        return {**document, **_standing(last)}
    return {**document, **_search(line, snapshot, generation)}


def _has_registry(line: Line) -> bool:
    # Looking into a tracking database that is not there yet would make it.
    return not line.settings.owns_tracking or line.settings.tracking_database.exists()


def _standing(last: ModelVersion) -> dict[str, Any]:
    return {
        "run_key": last.run_key,
        "tuning_job": last.result.get("tuning_job"),
        "job_status": "Completed",
        "request": None,
    }


def _search(line: Line, snapshot: DataSnapshot, generation: int) -> dict[str, Any]:
    identity = identify(line, snapshot_digest=snapshot.digest, generation=generation)
    channels = {part: snapshot.channel_uri(part) for part in ("train", "validation")}
    search = search_of(line, identity, channels=channels, snapshot_digest=snapshot.digest, publish_code=False)
    attempts: tuple[Mapping[str, Any], ...] = ()
    attempt: Attempt | None = Attempt(number=1, jobs=search.max_jobs, used_s=0)
    if line.settings.amt_home.is_dir():
        client = open_engine(line.settings, line.store, supervise=False).client
        attempts = find_attempts(client, search)
        attempt = next_attempt(attempts, search, TrialReader(client))
    return {
        "run_key": identity.key,
        "tuning_job": search.name_of(len(attempts) if attempt is None else attempt.number),
        "job_status": attempts[-1]["HyperParameterTuningJobStatus"] if attempt is None else "new",
        "request": None if attempt is None else dict(search.request_for(attempt)),
    }
