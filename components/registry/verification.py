"""Whether a packaged model is the one its trial scored: asked about the validation rows, its score compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.data.snapshot import RawPart
from components.errors import Damaged
from components.registry.metrics import Answers, CannotScoreError, canonical, evaluate, is_scale_free
from components.registry.packaging import PackagedModel, pyfunc
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
        is_script: Whether one's own script was trained, which may mean something else by the metric's name.
        training_seconds: From its start to its end; None where nobody knows.
    """

    archive: Path
    metric: str
    objective: float
    is_script: bool = False
    training_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """What asking the packaged model about the validation rows came to.

    Attributes:
        score: Recomputed; None when it cannot be.
        finding: One sentence for the version's tag.
        refusal: Why the version must not be promoted; None when it may.
    """

    score: float | None
    finding: str
    refusal: str | None = None


def verify(packaged: PackagedModel, trial: TrialModel, *, validation: RawPart, classes: Sequence[str] | None) -> Check:
    """Load a packaged model, ask it about the validation rows, and compare its score with the trial's.

    xgboost's log line has 5 decimals and the objective is a 32-bit float, so the two may differ by that. Whoever writes
    a script may mean something else by a metric's name: a difference there refuses promotion, it is no damage.

    Raises:
        Damaged: A built-in model does not answer, or its score is another one.
    """
    built_in = packaged.kind == "xgboost" and not trial.is_script
    unasked = "not recomputed: the model cannot be asked"
    if packaged.refusal is not None:
        return Check(score=None, finding=unasked, refusal=packaged.refusal)
    try:
        answers = _answers(packaged.folder, validation, classes)
    except CannotScoreError as error:
        if built_in:
            raise Damaged(f"the packaged model must answer the validation rows: {error}") from error
        return Check(score=None, finding=unasked, refusal=str(error))
    try:
        score = _score(packaged, trial, answers)
    except CannotScoreError as error:
        return Check(score=None, finding=f"not recomputed: {error}")
    name = canonical(trial.metric)
    if abs(score - trial.objective) <= tolerance(trial.objective, built_in=built_in):
        return Check(score=score, finding=f"recomputed: {name} {score:.6g} is the trial's {trial.objective:.6g}")
    difference = f"{name} recomputed on the validation rows is {score:.6f}, the trial reported {trial.objective:.6f}"
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


def _answers(folder: Path, validation: RawPart, classes: Sequence[str] | None) -> Answers:
    try:
        model = pyfunc().load_model(str(folder))
    except Exception as error:
        raise CannotScoreError(f"the model does not load: {cause_of(error)}") from error
    return ask(model=model, rows=validation, classes=classes)


def _score(packaged: PackagedModel, trial: TrialModel, answers: Answers) -> float:
    if trial.metric.partition(":")[0] == "train":
        raise CannotScoreError(f"{trial.metric} is of the rows the model was trained on")
    score = evaluate(trial.metric, answers)
    if packaged.objective == "binary:logitraw" and not is_scale_free(trial.metric):
        raise CannotScoreError(f"xgboost takes the {canonical(trial.metric)} of binary:logitraw of margins")
    return score
