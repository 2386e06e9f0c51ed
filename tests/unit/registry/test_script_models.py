from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from registry_cases import Case, packed, script_trial

from components import naming
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.verification import TrialModel

Register = Callable[..., ModelVersion]


def test_a_metric_of_ones_own_is_not_recomputed(register: Register, trial: TrialModel, tmp_path: Path) -> None:
    """A script's own metric is taken as told, and a tag says so; the model may still be promoted by another."""
    script = script_trial(trial, tmp_path / "script.tar.gz", answer="model.inplace_predict(matrix)", metric="profit")

    version = register(replace(script, objective=12.5))

    assert version.tags[naming.TAG_SCORE_CHECK].startswith("not recomputed: a metric that can be recomputed is one of")
    assert version.tags[naming.TAG_VALIDATION_SCORE] == "12.5"
    assert version.tags[naming.TAG_PROMOTABLE] == "yes"


def test_a_scripts_score_is_recomputed(register: Register, trial: TrialModel, tmp_path: Path) -> None:
    """inference.py is asked about raw rows and scores what its training job printed."""
    script = script_trial(trial, tmp_path / "script.tar.gz", answer="model.inplace_predict(matrix)", metric="F1-binary")

    version = register(replace(script, objective=0.9077))

    assert version.tags[naming.TAG_MODEL_KIND] == "inference"
    assert version.refusal is None
    assert version.tags[naming.TAG_SCORE_CHECK].startswith("recomputed: f1_binary 0.907692 is the trial's 0.9077")


def test_a_script_that_means_something_else_is_registered_but_refused(
    register: Register, registry: Registry, trial: TrialModel, tmp_path: Path
) -> None:
    """One's own script may define a metric in its own way: no damage, but no promotion without the same number."""
    script = script_trial(trial, tmp_path / "script.tar.gz", answer="model.inplace_predict(matrix)")

    version = register(replace(script, objective=0.5))

    assert version.refusal == (
        "f1_binary recomputed on the validation rows is 0.907692, the trial reported 0.500000: they must be the same"
    )
    assert registry.version(1).tags[naming.TAG_PROMOTABLE] == "no"


@pytest.mark.parametrize(
    ("files", "kind", "reason"),
    [
        ({"model.joblib": b"pickled"}, "unknown", "holds neither xgboost-model nor MLmodel nor inference.py"),
        ({"inference.py": "def model_fn(d): ...\ndef predict_fn(m, x): return 1 / 0"}, "unknown", "ZeroDivisionError"),
        ({"MLmodel": "flavors:\n  python_function:\n    loader_module: nowhere\n"}, "mlflow", "does not load"),
    ],
)
def test_what_cannot_be_asked_is_registered_with_the_reason(
    register: Register, tmp_path: Path, files: dict[str, bytes | str], kind: str, reason: str
) -> None:
    """Whatever a script leaves is kept under its lineage, and its tag says why it must not serve."""
    archive = packed(tmp_path / "model.tar.gz", files)

    version = register(TrialModel(archive=archive, metric="PR-AUC", objective=0.5))

    assert version.tags[naming.TAG_MODEL_KIND] == kind
    assert reason in str(version.refusal)
    assert version.tags[naming.TAG_SCORE_CHECK] == "not recomputed: the model cannot be asked"


def test_an_mlflow_model_is_registered_as_it_is(
    register: Register, registry: Registry, binary: Case, tmp_path: Path
) -> None:
    """A script's own MLflow model goes in unchanged and answers for itself."""
    import mlflow.sklearn
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import average_precision_score
    from sklearn.pipeline import make_pipeline

    numbers = make_column_transformer(("passthrough", make_column_selector(dtype_include="number")))
    pipeline = make_pipeline(numbers, HistGradientBoostingClassifier(max_iter=5))
    pipeline.fit(binary.train.features, binary.train.labels)
    folder = tmp_path / "mlflow-model"
    mlflow.sklearn.save_model(
        pipeline,
        folder,
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
        serialization_format="cloudpickle",
        signature=mlflow.models.infer_signature(binary.train.features[["balance", "age"]]),
    )
    second = pipeline.predict_proba(binary.validation.features)[:, 1]
    score = float(average_precision_score(binary.validation.labels == "yes", second))
    files = {f"model/{path.name}": path.read_bytes() for path in folder.iterdir()}

    version = register(
        TrialModel(archive=packed(tmp_path / "model.tar.gz", files), metric="PR-AUC", objective=round(score, 4))
    )

    assert (version.tags[naming.TAG_MODEL_KIND], version.refusal) == ("mlflow", None)
    assert len(registry.load(version, tmp_path).predict(binary.test.features)) == 80


def test_a_booster_left_by_a_script_is_held_to_a_scripts_rules(
    register: Register, registry: Registry, trial: TrialModel, tmp_path: Path
) -> None:
    """An xgboost-model from one's own script: another score, or other columns, refuse promotion and are no damage."""
    import numpy as np
    import xgboost as xgb

    other = xgb.train({}, xgb.DMatrix(np.zeros((4, 2)), label=np.arange(4)), 1).save_raw("ubj")
    narrow = packed(tmp_path / "narrow.tar.gz", {"xgboost-model": bytes(other)})

    scored = register(replace(trial, objective=0.5, is_script=True))
    unlike = register(replace(trial, archive=narrow, is_script=True), key="9876543210")

    assert "the trial reported 0.500000" in str(scored.refusal)
    assert "must take the snapshot's 4 columns, got 2" in str(unlike.refusal)
    assert [version.version for version in registry.versions()] == [2, 1]
