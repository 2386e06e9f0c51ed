"""Models trained on data in place, whose rows and columns retune has never seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from components import naming
from components.data.in_place import described_by_number
from components.data.schema import RawPart
from components.registry.archive import open_archive
from components.registry.contest import settled_before
from components.registry.guards import check_measures
from components.registry.measures import measures_of
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.packaging import PackagedModel, booster_columns, package
from components.registry.promotion import PromotionDecision, decide, refuse
from components.registry.registry_spec import PromotionSpec
from components.registry.scoring import Score
from components.registry.verification import Check, TrialModel

_UNKNOWN_COLUMNS = (
    "with data.channels nobody here knows the columns that inference.py takes: save an MLflow model "
    "(mlflow.*.save_model) into SM_MODEL_DIR"
)


def packaged_in_place(
    trial: TrialModel, held_out: RawPart | None, *, work: Path, input_example: bool
) -> tuple[PackagedModel, Check]:
    """The model folder, and that its score is the trial's own word.

    An MLflow model stays as it is. A built-in's takes numbered columns, or those that the held-out channel names.

    Raises:
        Damaged: The archive is corrupt, or `xgboost-model` is none.
    """
    finding = "not recomputed: the data stay where they are"
    trained = open_archive(trial.archive, work / "archive")
    if trained.kind == "inference":
        packaged = PackagedModel(kind="unknown", folder=trained.folder, refusal=_UNKNOWN_COLUMNS)
    elif trained.kind == "xgboost":
        columns = booster_columns(trained.path)
        names = None if held_out is None else [str(name) for name in held_out.features]
        if names is not None and len(names) != columns:
            refusal = f"the held-out channel must have the {columns} features the model takes, got {len(names)}"
            packaged = PackagedModel(kind="unknown", folder=trained.folder, refusal=refusal)
        else:
            snapshot, row = described_by_number(columns, names)
            packaged = package(
                trained, snapshot=snapshot, validation=row, into=work / "model", input_example=input_example
            )
    else:
        packaged = PackagedModel(kind=trained.kind, folder=trained.path, refusal=trained.refusal)
    return packaged, Check(score=None, finding=finding, refusal=packaged.refusal)


def contest_by_report(
    *,
    registry: Registry,
    challenger: ModelVersion,
    objective: Literal["maximize", "minimize"],
    promotion: PromotionSpec,
) -> PromotionDecision:
    """Decide by what both versions' own training jobs reported; changes nothing.

    Weaker than the same rows for both: the search has chosen the best of many, and the champion's rows may have been
    others. The reason says so.

    Args:
        registry: Of the model.
        challenger: The version to decide about.
        objective: The metric's direction.
        promotion: The spec's part. Its confidence means nothing here: a reported value has no rows to draw from.
    """
    challenger = registry.version(challenger.version)  # another command may have settled it meanwhile
    champion = registry.champion()
    barred = settled_before(registry, challenger)
    if barred is not None:
        return refuse(barred)
    new = _reported(challenger)
    assert new is not None  # noqa: S101  registered with it
    if champion is not None and champion.version == challenger.version:  # a run taken up again after it promoted
        told = challenger.tags.get(naming.TAG_PROMOTION_REASON, f"version {champion.version} is the champion already")
        return PromotionDecision(promote=True, reason=told, challenger=new)
    old = None if champion is None else _reported(champion)
    if champion is not None and (old is None or old.metric != new.metric):
        has = "no objective" if old is None else old.metric
        return refuse(
            f"champion version {champion.version} has {has} reported, not {new.metric}; "
            f"retune promote {registry.model} {challenger.version} --reason TEXT, if it is to serve",
            challenger=new,
        )
    measures = measures_of(challenger)
    decision = decide(
        challenger=new,
        champion=old,
        champion_version=None if champion is None else champion.version,
        greater_is_better=objective == "maximize",
        min_improvement=promotion.min_improvement,
        guards=check_measures(
            promotion.must_not_worsen,
            challenger=measures,
            champion=None if champion is None else measures_of(champion),
        ),
        same_data=champion is None
        or champion.tags.get(naming.TAG_SNAPSHOT) == challenger.tags.get(naming.TAG_SNAPSHOT),
    )
    return replace(decision, measures=measures)


def _reported(version: ModelVersion) -> Score | None:
    metric, value = version.tags.get(naming.TAG_OBJECTIVE_METRIC), version.tags.get(naming.TAG_OBJECTIVE)
    if metric is None or value is None:
        return None
    return Score(metric=metric, part="reported", value=float(value), rows=0)
