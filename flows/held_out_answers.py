"""A registered version asked about the rows that nobody trained on, for its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components import naming
from components.data.schema import RawPart
from components.data.snapshot import look, raw_part
from components.errors import RetuneError
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.scoring import ask, cause_of
from components.reporting.held_out import Confusion, Residuals, held_out
from components.settings import Settings
from flows.engines import open_store


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What a version answered.

    Attributes:
        found: As a matrix or residuals; None when there is nothing to show.
        note: On which rows, or why there is nothing; empty where nobody would ask.
    """

    found: Confusion | Residuals | None = None
    note: str = ""


def version_of(settings: Settings, model: str | None, tuning_jobs: Sequence[str]) -> ModelVersion | None:
    """The newest version that rests on one of these tuning jobs; None without one."""
    if model is None or (settings.owns_tracking and not settings.tracking_database.exists()):
        return None
    versions = Registry(tracking_uri=settings.tracking_uri, model=model).versions()
    return next((each for each in versions if each.tags.get(naming.TAG_TUNING_JOB) in tuning_jobs), None)


def answers_of_version(settings: Settings, version: ModelVersion, *, is_class: bool) -> HeldOut:
    """The same of any version, from the snapshot its tag names."""
    store = open_store(settings)
    uri = f"{settings.base_uri}/{naming.snapshot_prefix(version.tags.get(naming.TAG_SNAPSHOT, ''))}"
    try:
        snapshot = look(uri, store)
        rows = raw_part(snapshot, "test" if snapshot.rows.get("test") else "validation", store)
    except RetuneError as error:
        return HeldOut(note=f"The held-out rows cannot be read: {error}")
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.scratch) as folder:
        return answers_of_rows(
            (rows, snapshot.classes),
            registry=Registry(tracking_uri=settings.tracking_uri, model=version.model),
            version=version,
            is_class=is_class,
            scratch=Path(folder),
        )


def answers_of_rows(
    compared: tuple[RawPart, tuple[str, ...] | None] | None,
    *,
    registry: Registry,
    version: ModelVersion,
    is_class: bool,
    scratch: Path,
) -> HeldOut:
    """A version's answers to rows.

    Args:
        compared: Rows and their classes in code order, or None for a numeric target; None for no rows.
        registry: Of the model.
        version: Who is asked.
        is_class: Whether the target is known to be a class.
        scratch: Folder for a model fetched from a remote store.
    """
    if compared is None:
        return HeldOut(note="No rows were held out (data.channels without data.target).")
    rows, classes = compared
    if version.refusal is not None:
        return HeldOut(note=f"Version {version.version} was not asked: {version.refusal}")
    try:
        answers = ask(model=registry.load(version, scratch), rows=rows, classes=classes)
    except Exception as error:  # noqa: BLE001  loading a model runs somebody's code
        return HeldOut(note=f"Version {version.version} does not answer the held-out rows: {cause_of(error)}")
    known = is_class or classes is not None or answers.probabilities is not None
    found = held_out(answers, classes, of_classes=known)
    part = rows.part if rows.part == "test" else f"{rows.part} (which the search has seen; there is no test part)"
    return HeldOut(found=found, note=f"Version {version.version} on the {part} rows.")
