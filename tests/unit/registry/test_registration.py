from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import registry_cases
from mlflow import MlflowClient
from registry_cases import Case

from components import naming
from components.errors import CannotWrite, Damaged
from components.registry.archive import open_archive
from components.registry.logged_model import log_once
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.packaging import package
from components.registry.verification import TrialModel, tolerance

Register = Callable[..., ModelVersion]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def logged_models(client: MlflowClient, experiment_id: str, registry: Registry) -> list[Any]:
    return list(client.search_logged_models([experiment_id], filter_string=f"name = '{registry.model}'"))


def test_a_version_knows_where_it_came_from(register: Register, trial: TrialModel, run_id: str) -> None:
    """Lineage, the trial's objective and the recomputed score are tags of the version."""
    version = register(trial)

    wanted = registry_cases.lineage(version.model).tags()
    assert wanted.items() <= version.tags.items()
    assert (version.version, version.run_id, version.refusal) == (1, run_id, None)
    assert float(version.tags[naming.TAG_VALIDATION_SCORE]) == pytest.approx(trial.objective, abs=6e-6)
    assert version.tags[naming.TAG_SCORE_CHECK].startswith("recomputed: f1_binary ")
    assert version.tags[naming.TAG_PROMOTABLE] == "yes"


@pytest.mark.parametrize(
    ("target", "metric"),
    [
        ("binary", "validation:logloss"),
        ("binary", "validation:aucpr"),
        ("binary", "validation:rmse"),
        ("three", "validation:f1"),
        ("three", "validation:mlogloss"),
        ("codes", "validation:accuracy"),
        ("codes", "validation:merror"),
        ("number", "validation:mae"),
        ("number", "validation:r2"),
    ],
)
def test_every_kind_of_target_scores_what_its_trial_did(
    target: str, metric: str, registry: Registry, run_id: str, tmp_path: Path
) -> None:
    """Text classes, numeric classes and numbers: recomputed through the pyfunc, it is the trainer's last log line."""
    data = registry_cases.case(target)
    trial = registry_cases.trial(data, tmp_path / "job", metric=metric)

    version = registry_cases.registrar(registry, data, run_id, tmp_path)(trial)

    assert version.tags[naming.TAG_SCORE_CHECK].startswith("recomputed: ")
    assert version.refusal is None


def test_margins_are_not_compared_with_probabilities(
    registry: Registry, binary: Case, run_id: str, tmp_path: Path
) -> None:
    """The logloss of binary:logitraw is of margins: told, not called damage; its auc is compared."""
    for key, metric in (("0000000001", "validation:logloss"), ("0000000002", "validation:auc")):
        trial = registry_cases.trial(binary, tmp_path / key, metric=metric, objective="binary:logitraw")
        version = registry_cases.registrar(registry, binary, run_id, tmp_path)(trial, key=key)

        assert version.tags[naming.TAG_SCORE_CHECK].startswith("not " if "logloss" in metric else "recomputed: auc")


def test_registering_twice_makes_one_version(
    register: Register,
    registry: Registry,
    trial: TrialModel,
    mlflow_client: MlflowClient,
    experiment_id: str,
    tmp_path: Path,
) -> None:
    """The same run key and training job is the same version; another key is the next one; nothing stays in scratch."""
    first = register(trial)

    assert register(replace(trial, archive=Path("/gone"))) == first
    assert register(trial, key="9876543210").version == 2
    assert [version.version for version in registry.versions()] == [2, 1]
    assert len(logged_models(mlflow_client, experiment_id, registry)) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uploaded", [False, True])
def test_a_crash_before_the_version_leaves_no_second_model(
    *,
    uploaded: bool,
    register: Register,
    registry: Registry,
    trial: TrialModel,
    binary: Case,
    run_id: str,
    mlflow_client: MlflowClient,
    tmp_path: Path,
) -> None:
    """Killed while uploading, or between upload and registration: the next try completes what there is."""
    tags = registry_cases.lineage(registry.model).tags()
    experiment_id = mlflow_client.get_run(run_id).info.experiment_id
    same = {name: tags[name] for name in (naming.TAG_RUN_KEY, naming.TAG_TRAINING_JOB)}
    if uploaded:
        made = package(
            open_archive(trial.archive, tmp_path / "archive"),
            snapshot=binary.snapshot,
            validation=binary.validation,
            into=tmp_path / "model",
            input_example=True,
        )
        log_once(mlflow_client, made.folder, name=registry.model, run_id=run_id, kind="xgboost", tags=tags, same=same)
    else:
        mlflow_client.create_logged_model(experiment_id, name=registry.model, source_run_id=run_id, tags=tags)

    version = register(trial)

    (logged,) = logged_models(mlflow_client, experiment_id, registry)
    assert (version.version, logged.status) == (1, "READY")
    assert len(registry.load(version, tmp_path).predict(binary.test.features)) == 80


def test_artifacts_are_where_the_experiment_is(
    register: Register, trial: TrialModel, registry_home: Path, mlflow_client: MlflowClient
) -> None:
    """Nothing lands in the working folder: files are under the artifact root the experiment was made with."""
    version = register(trial)

    uri = mlflow_client.get_model_version_download_uri(version.model, str(version.version))
    assert Path(uri).is_relative_to(registry_home / "artifacts" / "bank")


def test_another_score_than_the_trials_is_damage(register: Register, registry: Registry, trial: TrialModel) -> None:
    """A built-in model that does not score what its trial reported is not registered, and both values are named."""
    with pytest.raises(Damaged, match=r"is 0\.907692, the trial reported 0\.907000"):
        register(replace(trial, objective=0.907))

    assert registry.versions() == ()


def test_the_log_lines_five_decimals_are_enough(register: Register, trial: TrialModel) -> None:
    """The objective is rounded, and that is no difference."""
    assert register(trial).refusal is None
    assert tolerance(0.90769, built_in=True) == pytest.approx(6.9e-6, rel=0.01)
    assert tolerance(0.61, built_in=False) == pytest.approx(6e-4, rel=0.01)
    assert tolerance(12345.678, built_in=True) < 0.02


def test_a_score_on_the_training_rows_is_not_compared(register: Register, trial: TrialModel) -> None:
    """The objective may be of the training part; then the validation rows say nothing about it."""
    version = register(replace(trial, metric="train:f1_binary", objective=0.99))

    assert version.tags[naming.TAG_SCORE_CHECK].startswith("not recomputed: train:f1_binary is of the rows")


def test_scratch_that_cannot_be_written_is_told(
    registry: Registry, trial: TrialModel, binary: Case, run_id: str, tmp_path: Path
) -> None:
    """The folder is named, and nothing is registered."""
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWrite, match=r"file/register-0123456789"):
        registry_cases.registrar(registry, binary, run_id, tmp_path / "file")(trial)

    assert registry.versions() == ()


def test_finishing_is_the_last_word(register: Register, registry: Registry, trial: TrialModel) -> None:
    """Result, then the finished tag; only finished versions count as generations, and the first result stays."""
    version = register(trial)
    assert (registry.generation({}), registry.last_finished()) == (0, None)

    registry.finish(version.version, {"model_version": 1, "test_score": 0.5}, now=NOW)
    registry.finish(version.version, {"model_version": 1, "test_score": 0.9}, now=NOW)

    finished = registry.last_finished()
    assert finished is not None
    assert (registry.generation({}), finished.result) == (1, {"model_version": 1, "test_score": 0.5})
    assert finished.tags[naming.TAG_FINISHED] == "2026-03-01T12:00:00+00:00"


def test_a_skip_needs_the_same_data_spec_and_code(register: Register, registry: Registry, trial: TrialModel) -> None:
    """The newest finished version with the same digests is found; another digest finds none."""
    for key in ("0123456789", "9876543210"):
        version = register(trial, key=key)
        registry.finish(version.version, {"key": key}, now=NOW)
    register(trial, key="aaaaaaaaaa")
    same = {naming.TAG_SNAPSHOT: "5" * 64, naming.TAG_SPEC_DIGEST: "a" * 64, naming.TAG_CODE_DIGEST: "b" * 64}

    found = registry.last_finished(same)

    assert found is not None
    assert found.result == {"key": "9876543210"}
    assert registry.last_finished({**same, naming.TAG_SNAPSHOT: "6" * 64}) is None
    assert json.loads(found.tags[naming.TAG_RESULT]) == found.result
