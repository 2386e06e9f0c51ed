"""The best trial's own `model.tar.gz` as a registered version, its validation score recomputed through the pyfunc."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components import naming
from components.data.snapshot import DataSnapshot, RawPart
from components.errors import Damaged
from components.registry.archive import open_archive
from components.registry.metrics import CannotScoreError, canonical, evaluate, is_scale_free
from components.registry.mlflow_registry import Registry
from components.registry.model_version import Lineage, ModelVersion
from components.registry.packaging import PackagedModel, package, pyfunc
from components.registry.scoring import ask, cause_of

_LOG_DECIMALS = 5  # of xgboost's log line
_FEWEST_DECIMALS = 3  # a script's log line may show fewer than the metric has


@dataclass(frozen=True, kw_only=True)
class TrialModel:
    """What a training job left, and what it said of it.

    Attributes:
        archive: Its model.tar.gz, on this machine.
        metric: The objective, such as `validation:auc`.
        objective: Its final value.
    """

    archive: Path
    metric: str
    objective: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """What asking the packaged model about the validation part came to.

    Attributes:
        score: Recomputed; None when it cannot be.
        finding: One sentence for the version's tag.
        refusal: Why the version must not be promoted; None when it may.
    """

    score: float | None
    finding: str
    refusal: str | None = None


def register(
    *,
    registry: Registry,
    trial: TrialModel,
    snapshot: DataSnapshot,
    validation: RawPart,
    lineage: Lineage,
    run_id: str,
    scratch: Path,
) -> ModelVersion:
    """Register a training job's model, once per run key and training job.

    Nothing is logged before the packaged model has answered the validation rows and its score is the trial's.
    A model from one's own script is registered in any case: what keeps it from serving is its tag `retune.refusal`.

    Args:
        registry: Of the model.
        trial: The best one.
        snapshot: The data it was trained on.
        validation: Its validation part.
        lineage: Where it comes from.
        run_id: MLflow run of the retraining.
        scratch: Folder for unpacking; left as it was.

    Raises:
        Damaged: The archive is corrupt, or the model is not the one the trial scored: both values are named.
        RetuneError: MLflow does not answer.
    """
    known = registry.of_run(lineage.run_key, lineage.training_job)
    if known is not None:
        return known
    work = scratch / f"register-{lineage.run_key}"
    try:
        trained = open_archive(trial.archive, work / "archive")
        packaged = package(
            trained,
            snapshot=snapshot,
            validation=validation,
            into=work / "model",
            input_example=registry.input_example,
        )
        check = verify(packaged, trial, validation=validation, classes=snapshot.classes)
        tags = {
            **lineage.tags(),
            naming.TAG_MODEL_KIND: packaged.kind,
            naming.TAG_OBJECTIVE_METRIC: trial.metric,
            naming.TAG_OBJECTIVE: repr(trial.objective),
            naming.TAG_VALIDATION_SCORE: repr(trial.objective if check.score is None else check.score),
            naming.TAG_SCORE_CHECK: check.finding,
            naming.TAG_PROMOTABLE: "no" if check.refusal else "yes",
            **({naming.TAG_REFUSAL: check.refusal} if check.refusal else {}),
        }
        return registry.add(packaged.folder, run_id=run_id, kind=packaged.kind, tags=tags)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def verify(packaged: PackagedModel, trial: TrialModel, *, validation: RawPart, classes: Sequence[str] | None) -> Check:
    """Load a packaged model, ask it about the validation rows, and compare its score with the trial's.

    xgboost's log line has 5 decimals and the objective is a 32-bit float, so the two may differ by that. Whoever writes
    a script may mean something else by a metric's name: a difference there refuses promotion, it is no damage.

    Raises:
        Damaged: A built-in model does not answer, or its score is another one.
    """
    if packaged.refusal is not None:
        return Check(score=None, finding="not recomputed: the model cannot be asked", refusal=packaged.refusal)
    built_in = packaged.kind == "xgboost"
    try:
        model = _load(packaged.folder)
        answers = ask(model=model, rows=validation, classes=classes)
    except CannotScoreError as error:
        if built_in:
            raise Damaged(f"the packaged model must answer the validation rows: {error}") from error
        return Check(score=None, finding="not recomputed: the model cannot be asked", refusal=str(error))
    try:
        score = evaluate(trial.metric, answers)
    except CannotScoreError as error:
        return Check(score=None, finding=f"not recomputed: {error}")
    name, objective = canonical(trial.metric), trial.objective
    if packaged.objective == "binary:logitraw" and not is_scale_free(name):
        return Check(score=score, finding=f"not recomputed: xgboost takes the {name} of binary:logitraw of margins")
    if abs(score - objective) <= tolerance(objective, built_in=built_in):
        return Check(score=score, finding=f"recomputed: {name} {score:.6g} is the trial's {objective:.6g}")
    difference = f"{name} recomputed on the validation rows is {score:.6f}, the trial reported {objective:.6f}"
    if built_in:
        raise Damaged(f"the registered model must be the one the trial scored, got another score: {difference}")
    return Check(score=score, finding=f"recomputed: {difference}", refusal=f"{difference}: they must be the same")


def tolerance(objective: float, *, built_in: bool) -> float:
    """How far a recomputed score may be from the reported one: half of the last decimal shown, and float32's own."""
    decimals = _LOG_DECIMALS
    if not built_in:
        shown = np.format_float_positional(np.float32(objective), trim="-").partition(".")[2]
        decimals = min(max(len(shown), _FEWEST_DECIMALS), _LOG_DECIMALS)
    return 0.6 * 10.0**-decimals + 1e-6 * abs(objective)


def _load(folder: Path) -> Any:
    try:
        return pyfunc().load_model(str(folder))
    except Exception as error:
        raise CannotScoreError(f"the model does not load: {cause_of(error)}") from error
