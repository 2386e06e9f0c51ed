"""A search's best trial as a model version, and that version against the champion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from components import naming
from components.data.held_out import held_out_part
from components.data.in_place import InPlaceData
from components.data.snapshot import RawPart, raw_part
from components.errors import NotFound, RetuneError, TuningFailed
from components.near_names import hint
from components.registry.connection import redacted
from components.registry.contest import Terms, contest, settle
from components.registry.in_place_models import contest_by_report
from components.registry.mlflow_registry import Registry
from components.registry.model_version import Lineage, ModelVersion
from components.registry.promotion import PromotionDecision, hold_for_approval
from components.registry.registration import register
from components.registry.tracking import RetrainingRun
from components.registry.verification import TrialModel
from components.settings import Settings
from flows.cloud_endpoint import serve_on_endpoint
from flows.events import EventName, tell
from flows.following import Run, Searched
from flows.line import Line
from flows.local_services import served_alias
from flows.one_at_a_time import one_at_a_time
from flows.progress import reporter, unless_told_later
from flows.search import model_uri


def registry_of(line: Line) -> Registry:
    """The registered model of this line."""
    return Registry.of(line.spec.registry, tracking_uri=line.settings.tracking_uri, name=line.spec.name)


def has_registry(line: Line) -> bool:
    """Whether anything can be registered yet: looking into a tracking database that is not there would make it."""
    return not line.settings.owns_tracking or line.settings.tracking_database.exists()


def registry_of_model(model: str, settings: Settings) -> Registry:
    """A registered model by its name alone, for commands without a spec.

    Raises:
        NotFound: There is no such model.
    """
    if settings.owns_tracking and not settings.tracking_database.exists():
        raise NotFound(f"there is no model {model}: nothing has been registered under {settings.home} yet")
    registry = Registry(tracking_uri=settings.tracking_uri, model=model, champion=served_alias(settings, model))
    if not registry.versions():
        names: list[str] = []
        with suppress(RetuneError):  # a server may keep the list to itself
            names = registry.models()
        known = f"; {hint(model, names)}" if names else ""
        raise NotFound(f"there is no model {model} in MLflow at {redacted(settings.tracking_uri)}{known}")
    return registry


def register_best(line: Line, run: Run, searched: Searched) -> ModelVersion:
    """The best trial's own model as a version in MLflow."""
    best = searched.result.best
    assert best is not None  # noqa: S101  `tune` has raised otherwise
    assert best.objective is not None  # noqa: S101  the same
    lineage = Lineage(
        model=line.spec.model,
        run_key=run.identity.key,
        run_digest=run.identity.digest,
        snapshot=run.snapshot.digest,
        engine=line.options.engine,
        mode=run.decision.mode,
        reason=run.decision.reason,
        tuning_job=searched.result.tuning_job if run.origin is None else None,
        training_job=best.training_job,
        spec_digest=line.spec_digest,
        code_digest=line.code_digest,
        generation=run.identity.generation,
        refit_of=None if run.origin is None else run.origin.version,
    )
    with (
        _failing(searched.run),
        one_at_a_time(line.settings, line.spec.model),
        scratch_folder(line.settings) as scratch,
    ):
        archive = scratch / "model.tar.gz"
        try:
            line.store.get(model_uri(line, best.training_job), archive)
        except NotFound:
            raise TuningFailed(
                f"training job {best.training_job} must leave a model in SM_MODEL_DIR, left none: "
                "mend the script; changed code is tuned anew"
                if line.spec.training.is_script
                else f"the model of training job {best.training_job} is not in the store any more: tune again"
            ) from None
        version = register(
            registry=registry_of(line),
            trial=TrialModel(
                archive=archive,
                metric=line.spec.tuning.objective.metric,
                objective=best.objective,
                is_script=line.spec.training.is_script,
                training_seconds=best.training_seconds,
            ),
            snapshot=run.snapshot,
            validation=_known_rows(line, run),
            lineage=lineage,
            run_id=searched.run.run_id,
            scratch=scratch,
        )
    reporter().stage(f"registered: {line.spec.model} version {version.version} from {best.training_job}")
    return version


def settle_champion(line: Line, run: Run, searched: Searched, version: ModelVersion) -> PromotionDecision:
    """Champion or challenger, on the same held-out rows, both scored now."""
    spec, registry = line.spec, registry_of(line)
    with (
        _failing(searched.run),
        one_at_a_time(line.settings, line.spec.model),
        scratch_folder(line.settings) as scratch,
    ):
        compared = rows_to_compare_on(line, run)
        if compared is None:
            decision = contest_by_report(
                registry=registry,
                challenger=version,
                objective=spec.tuning.objective.type,
                promotion=spec.promotion,
            )
        else:
            rows, classes = compared
            decision = contest(
                registry=registry,
                challenger=version,
                rows=rows,
                terms=Terms(
                    metric=spec.promotion.metric or spec.tuning.objective.metric,
                    promotion=spec.promotion,
                    classes=classes,
                    base_dir=line.root,
                ),
                scratch=scratch,
            )
        champion = registry.champion()
        approved = champion is not None and champion.version == version.version  # a run taken up again after it was
        if spec.promotion.approval == "manual" and not approved:
            decision = hold_for_approval(decision, model=spec.model, version=version.version)
        # What a promotion by hand needs to know later: aliases, and where and how to deploy.
        registry.tag(version.version, {naming.TAG_SPEC: spec.model_dump_json()})
        if decision.promote and spec.deployment.target == "sagemaker":
            # the endpoint first: a version that does not answer there must not become the champion
            serve_on_endpoint(line, registry, version)
        settle(registry=registry, challenger=version, decision=decision, by=line.settings.user, now=datetime.now(UTC))
    verdict = "is champion" if decision.promote else "stays challenger"
    why = unless_told_later(f"; {decision.reason}")
    reporter().stage(f"promotion: version {version.version} {verdict}{why}")
    told: EventName = "retune.approval-needed" if decision.needs_approval else "retune.rejected"
    tell(
        line.settings,
        "retune.promoted" if decision.promote else told,
        model=spec.model,
        version=version.version,
        reason=decision.reason,
        run_key=run.identity.key,
    )
    return decision


def _known_rows(line: Line, run: Run) -> RawPart | None:
    """Rows in the model's own columns: the validation part, or what data in place hold out."""
    if not isinstance(run.snapshot, InPlaceData):
        return raw_part(run.snapshot, "validation", line.store)
    compared = rows_to_compare_on(line, run)
    return None if compared is None else compared[0]


def rows_to_compare_on(line: Line, run: Run) -> tuple[RawPart, tuple[str, ...] | None] | None:
    """Rows that no trial was trained on, and their classes; None when nobody holds any out."""
    data = run.snapshot
    if isinstance(data, InPlaceData):
        return None if data.spec.held_out is None else held_out_part(data.spec, line.store)
    part: Literal["test", "validation"] = "test" if data.rows.get("test") else "validation"
    return raw_part(data, part, line.store), data.classes


@contextmanager
def _failing(run: RetrainingRun) -> Iterator[None]:
    """Mark the MLflow run as failed when the stage inside fails."""
    try:
        yield
    except Exception:
        run.finish(status="FAILED")
        raise


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """A folder below home that is gone after the block."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.scratch) as folder:
        yield Path(folder)
