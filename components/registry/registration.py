"""The best trial's own `model.tar.gz` as a registered version, its validation score recomputed through the pyfunc."""

from __future__ import annotations

import shutil
from pathlib import Path

from components import naming
from components.data.in_place import InPlaceData
from components.data.snapshot import DataSnapshot, RawPart
from components.errors import CannotWrite, Damaged
from components.registry.archive import open_archive
from components.registry.in_place_models import packaged_in_place
from components.registry.measures import tags_of
from components.registry.mlflow_registry import Registry
from components.registry.model_version import Lineage, ModelVersion
from components.registry.packaging import PackagedModel, package
from components.registry.verification import TrialModel, verify


def register(
    *,
    registry: Registry,
    trial: TrialModel,
    snapshot: DataSnapshot | InPlaceData,
    validation: RawPart | None,
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
        validation: Its validation part; of data in place the held-out one, None without: the score is then the trial's.
        lineage: Where it comes from.
        run_id: MLflow run of the retraining.
        scratch: Folder for unpacking; left as it was.

    Raises:
        Damaged: The archive is corrupt, or the model is not the one the trial scored: both values are named.
        CannotWrite: The disk is full, or scratch cannot be written.
        RetuneError: MLflow does not answer.
    """
    known = registry.of_run(lineage.run_key, lineage.training_job)
    if known is not None:
        return known
    work = scratch / f"register-{lineage.run_key}"
    try:
        if isinstance(snapshot, InPlaceData):
            packaged, check = packaged_in_place(trial, validation, work=work, input_example=registry.input_example)
        else:
            assert validation is not None  # noqa: S101  a snapshot has one
            packaged = _packaged(
                trial, snapshot=snapshot, validation=validation, work=work, input_example=registry.input_example
            )
            check = verify(packaged, trial, validation=validation, classes=snapshot.classes)
        tags = {
            **lineage.tags(),
            naming.TAG_MODEL_KIND: packaged.kind,
            naming.TAG_OBJECTIVE_METRIC: trial.metric,
            naming.TAG_OBJECTIVE: repr(trial.objective),
            naming.TAG_VALIDATION_SCORE: repr(trial.objective if check.score is None else check.score),
            naming.TAG_SCORE_CHECK: check.finding,
            **tags_of(_measures(trial)),
            naming.TAG_PROMOTABLE: "no" if check.refusal else "yes",
            **({naming.TAG_REFUSAL: check.refusal} if check.refusal else {}),
        }
        return registry.add(packaged.folder, run_id=run_id, kind=packaged.kind, tags=tags)
    except OSError as error:
        raise CannotWrite(f"a model cannot be packaged in {work} ({error.strerror or error})") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _measures(trial: TrialModel) -> dict[str, float]:
    seconds = {} if trial.training_seconds is None else {"training_seconds": trial.training_seconds}
    return {**seconds, "model_size_bytes": trial.archive.stat().st_size}


def _packaged(
    trial: TrialModel, *, snapshot: DataSnapshot, validation: RawPart, work: Path, input_example: bool
) -> PackagedModel:
    trained = open_archive(trial.archive, work / "archive")
    try:
        return package(
            trained, snapshot=snapshot, validation=validation, into=work / "model", input_example=input_example
        )
    except Damaged as error:
        if not trial.is_script:
            raise
        return PackagedModel(kind="unknown", folder=trained.folder, refusal=str(error))
