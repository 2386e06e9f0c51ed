"""What a run's decision rests on: the version it is held against, its hyperparameters, and how far the data drifted."""

from __future__ import annotations

from components import naming
from components.data.drift import Drift, drift
from components.data.in_place import InPlaceData
from components.data.row_sample import Read, sample_of
from components.data.snapshot import look, reader
from components.decision import Decision, Fingerprint, Refitting
from components.decision import decide as decide_purely
from components.errors import Damaged, NotFound
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.origin import Origin, champion_at_rest
from flows.data import RunData
from flows.following import Run
from flows.line import Line, identify


def decide_run(line: Line, data: RunData, read: Read | None, registry: Registry | None) -> Run:
    """Skip, refit or tune, with the reason; and which run this is, the same until it is finished.

    Args:
        line: Inputs.
        data: The new ones.
        read: Reads their files; None of data in place.
        registry: Of the model; None when nothing has been registered yet.
    """
    # Read before the decision: a run that finishes in between is then decided on, not trained again.
    generation = 0 if registry is None else registry.generation(lineage_tags(line, data.digest))
    base = None if registry is None else base_version(line, data.digest, registry)
    origin = None if base is None else Origin.of(base)
    decision = _decision(line, data, read, base, origin)
    origin = origin if decision.mode == "refit" else None
    identity = identify(
        line,
        snapshot_digest=data.digest,
        generation=generation,
        refit=None if origin is None else origin.hyperparameters,
    )
    return Run(identity=identity, snapshot=data, decision=decision, base=base, origin=origin)


def base_version(line: Line, snapshot_digest: str, registry: Registry) -> ModelVersion | None:
    """The version a run is held against: the champion where it rests on the very same, else the newest finished one.

    So neither an experiment beside the champion nor a rollback makes the next run train what is serving already. On
    new data it is the champion again where it comes from this spec and code, or where a refit is asked for.
    """
    champion = registry.champion()
    tags = lineage_tags(line, snapshot_digest)
    if champion is not None and champion.is_finished and tags.items() <= champion.tags.items():
        return champion
    last = registry.last_finished()
    resting = champion_at_rest(registry)
    if resting is None or Origin.of(resting) is None:
        return last
    same = {name: tags[name] for name in (naming.TAG_SPEC_DIGEST, naming.TAG_CODE_DIGEST)}
    unchanged = last is not None and {**same, naming.TAG_SNAPSHOT: snapshot_digest}.items() <= last.tags.items()
    if line.options.mode == "refit" or (same.items() <= resting.tags.items() and not unchanged):
        return resting
    return last


def refuse_refit(line: Line, registry: Registry | None) -> None:
    """Raise InvalidInput where `--mode refit` has nothing to refit, whatever the data are."""
    base = None if registry is None else base_version(line, "", registry)
    _decision(line, None, None, base, None if base is None else Origin.of(base))


def lineage_tags(line: Line, snapshot_digest: str) -> dict[str, str]:
    """Tags that versions made from the same data, spec, code and engine have in common."""
    return {
        naming.TAG_SNAPSHOT: snapshot_digest,
        naming.TAG_SPEC_DIGEST: line.spec_digest,
        naming.TAG_CODE_DIGEST: line.code_digest,
        naming.TAG_ENGINE: line.options.engine,
    }


def _decision(
    line: Line, data: RunData | None, read: Read | None, base: ModelVersion | None, origin: Origin | None
) -> Decision:
    digest = "" if data is None else data.digest
    last = None
    measured: Drift | str | None = None
    if base is not None:
        last = Fingerprint(
            snapshot=base.tags.get(naming.TAG_SNAPSHOT, ""),
            spec=base.tags.get(naming.TAG_SPEC_DIGEST, ""),
            code=base.tags.get(naming.TAG_CODE_DIGEST, ""),
        )
        asked = line.options.mode
        wanted = asked == "refit" or (asked == "auto" and last.snapshot != digest)
        if data is not None and origin is not None and wanted:
            measured = drift_since(line, origin, data, read)
    return decide_purely(
        asked=line.options.mode,
        on_unchanged=line.spec.decision.on_unchanged,
        last=last,
        now=line.fingerprint(digest),
        last_version=None if base is None else str(base.version),
        refitting=Refitting(
            below=line.spec.decision.refit_below_drift,
            drift=measured,
            version=None if origin is None else origin.version,
            refusal=_refusal(line, base, origin),
        ),
    )


def drift_since(line: Line, origin: Origin, data: RunData, read: Read | None) -> Drift | str:
    """The new data against those that the hyperparameters were searched on; a sentence when nobody can tell."""
    if isinstance(data, InPlaceData) or read is None:
        return "data in place are not looked into"
    uri = f"{line.settings.base_uri}/{naming.snapshot_prefix(origin.snapshot)}"
    try:
        before = look(uri, line.store)
        return drift(sample_of(before, reader(before, line.store)), sample_of(data, read))
    except (NotFound, Damaged):
        return f"those of version {origin.version} cannot be read any more ({uri})"


def _refusal(line: Line, base: ModelVersion | None, origin: Origin | None) -> str | None:
    """Why the hyperparameters cannot be trained under this spec; None when they can."""
    if base is None:
        return None
    if origin is None:
        return f"version {base.version} without hyperparameters on record"
    tuned, space = set(origin.hyperparameters), set(line.spec.tuning.space)
    if tuned != space:
        return (
            f"version {base.version} with other hyperparameters than tuning.space: "
            f"{', '.join(sorted(tuned))} instead of {', '.join(sorted(space))}"
        )
    return None
