"""The archive SageMaker hosts: its inference.py under the container contract, beside the registered pyfunc."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import registry_cases
from registry_cases import Case, script_trial

from components.data.transform import Preprocessing
from components.deployment.hosted_model import HostedModel, repack
from components.errors import Refused
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.verification import TrialModel
from tests.command import REPO
from tests.hosting import hosted

ROWS = 200


def raw_rows() -> pd.DataFrame:
    """200 rows that no training has seen: missing values in every column, categories that nobody knows."""
    frame = registry_cases.features(ROWS, seed=41)
    draw = np.random.default_rng(41)
    frame["age"] = frame["age"].astype(object)
    frame.loc[draw.random(ROWS) < 0.1, "age"] = None
    frame.loc[draw.random(ROWS) < 0.2, "job"] = "astronaut"
    return frame


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict(orient="records")
    ]


def same(answers: list[dict[str, Any]], expected: pd.DataFrame) -> None:
    """Equal labels, and numbers equal to 1e-6."""
    got = pd.DataFrame(answers)
    assert list(got.columns) == list(expected.columns)
    for name in expected.columns:
        if pd.api.types.is_float_dtype(expected[name]):
            np.testing.assert_allclose(got[name].to_numpy(float), expected[name], rtol=0, atol=1e-6)
        else:
            assert got[name].astype(str).tolist() == expected[name].astype(str).tolist()


@pytest.fixture
def repacked(registry: Registry, tmp_path: Path) -> Callable[[ModelVersion], tuple[HostedModel, Any]]:
    """A version's archive, and the version as a pyfunc."""

    def make(version: ModelVersion) -> tuple[HostedModel, Any]:
        folder = registry.folder(version, tmp_path / "files")
        return repack(folder, version=str(version.version)), registry.load(version, tmp_path / "files")

    return make


@pytest.mark.parametrize("target", ["binary", "three", "number"])
def test_the_container_answers_as_the_pyfunc(
    target: str,
    registry: Registry,
    run_id: str,
    tmp_path: Path,
    repacked: Callable[[ModelVersion], tuple[HostedModel, Any]],
) -> None:
    """200 raw rows with missing values and unseen categories: JSON and CSV get the pyfunc's answers to 1e-6."""
    data = registry_cases.case(target)
    metric = {"binary": "validation:auc", "three": "validation:merror", "number": "validation:rmse"}[target]
    trained = registry_cases.trial(data, tmp_path / "trial", metric=metric)
    version = registry_cases.registrar(registry, data, run_id, tmp_path / "scratch")(trained)
    model, pyfunc = repacked(version)
    rows = raw_rows()
    expected = pyfunc.predict(rows)
    as_records = json.dumps({"dataframe_records": records(rows)}).encode()
    split = {"columns": list(rows.columns), "data": [list(row.values()) for row in records(rows)]}
    swapped = rows[rows.columns[::-1]]

    with hosted(model.archive) as container:
        for body in (as_records, json.dumps({"dataframe_split": split}).encode()):
            status, answer, _ = container.invoke(body)
            assert status == 200, answer
            document = json.loads(answer)
            same(document["predictions"], expected)
            assert document["model_version"] == str(version.version)
        for body in (swapped.to_csv(index=False), rows.to_csv(index=False, header=False)):
            status, answer, content_type = container.invoke(body.encode(), "text/csv", "text/csv")
            assert (status, content_type) == (200, "text/csv"), answer
            read = pd.read_csv(io.BytesIO(answer), header=None, names=list(expected.columns))
            same(read.to_dict(orient="records"), expected)


def test_what_cannot_be_read_is_refused_with_the_column(
    trial: TrialModel,
    register: Callable[..., ModelVersion],
    repacked: Callable[[ModelVersion], tuple[HostedModel, Any]],
) -> None:
    """A missing column, text among numbers, rows of another length, no JSON, another format: an error that says so."""
    model, _ = repacked(register(trial))
    row = {"balance": 1, "age": 40, "job": "admin", "housing": True}
    bad = [
        (json.dumps({"dataframe_records": [row, {**row, "age": "old"}]}), "application/json", "column 'age'"),
        (json.dumps({"dataframe_records": [row, {"age": 1}]}), "application/json", "missing in row 1: 'balance'"),
        (json.dumps({"instances": [[1, 2]]}), "application/json", "row 0 must be a list of 4 values"),
        (json.dumps([row]), "application/json", "exactly one of dataframe_split"),
        ("[" * 100_000, "application/json", "the body must be application/json"),
        ("{", "application/json", "the body must be application/json"),
        (json.dumps({"instances": [{**row, "age": 10**400}]}), "application/json", "column 'age': a finite 32-bit"),
        (json.dumps({"dataframe_split": {"columns": 4, "data": [[1]]}}), "application/json", "not iterable"),
        ("1,2\n", "text/csv", "CSV needs a header with every column, or 4 fields"),
        ("<row/>", "application/xml", "Content-Type must be"),
    ]

    with hosted(model.archive) as container:
        for body, content_type, said in bad:
            status, answer, _ = container.invoke(body.encode(), content_type)
            assert status != 200
            assert said in json.loads(answer)["message"]
        _, answer, _ = container.invoke(json.dumps({"instances": [row]}).encode(), accept="image/png")
        assert "Accept must be" in json.loads(answer)["message"]


def test_a_scripts_own_inference_answers_in_the_container(
    trial: TrialModel,
    register: Callable[..., ModelVersion],
    repacked: Callable[[ModelVersion], tuple[HostedModel, Any]],
    tmp_path: Path,
) -> None:
    """A training job's inference.py with a module beside it takes raw rows there too, its requirements beside ours."""
    answer = "doubled(model.predict(xgb.DMatrix(matrix, missing=np.nan))) / 2"
    scripted = script_trial(trial, tmp_path / "script.tar.gz", answer=answer, is_script=True)
    files = registry_cases.unpacked(scripted.archive)
    registry_cases.packed(scripted.archive, {**files, "requirements.txt": "xgboost-cpu\n"})
    version = register(scripted)
    model, pyfunc = repacked(version)

    assert version.refusal is None
    assert model.kind == "inference"
    with tarfile.open(fileobj=io.BytesIO(model.archive)) as packed:
        names = packed.getnames()
    assert {"code/inference.py", "code/requirements.txt", "retune/model/inference.py"} <= set(names)
    with hosted(model.archive) as container:
        status, said, _ = container.invoke(json.dumps({"dataframe_records": records(raw_rows())}).encode())
    assert status == 200, said
    same(json.loads(said)["predictions"], pyfunc.predict(raw_rows()))


def test_a_scikit_learn_script_answers_in_the_container(
    binary: Case,
    register: Callable[..., ModelVersion],
    repacked: Callable[[ModelVersion], tuple[HostedModel, Any]],
    tmp_path: Path,
) -> None:
    """The shipped example's model, pickled by joblib, with its own inference.py."""
    import joblib
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    preprocessing = Preprocessing.from_json(binary.snapshot.preprocessing)
    matrix, labels = (
        [preprocessing.transform(part.features) for part in (binary.train, binary.validation)],
        [preprocessing.encode_labels(part.labels) for part in (binary.train, binary.validation)],
    )
    trained = HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(matrix[0], labels[0])
    joblib.dump(trained, tmp_path / "model.joblib")
    script = (REPO / "flows" / "specs" / "scripts" / "average_precision" / "inference.py").read_bytes()
    files = {"model.joblib": (tmp_path / "model.joblib").read_bytes(), "inference.py": script}
    score = roc_auc_score(labels[1], trained.predict_proba(matrix[1])[:, 1])
    version = register(
        TrialModel(
            archive=registry_cases.packed(tmp_path / "model.tar.gz", files),
            metric="validation:auc",
            objective=float(np.float32(round(score, 5))),
            is_script=True,
        )
    )
    model, pyfunc = repacked(version)

    assert version.refusal is None
    with hosted(model.archive) as container:
        status, said, _ = container.invoke(json.dumps({"dataframe_records": records(raw_rows())}).encode())
    assert status == 200, said
    same(json.loads(said)["predictions"], pyfunc.predict(raw_rows()))


def test_a_version_from_before_asking_travelled_is_hosted_all_the_same(
    registry: Registry, trial: TrialModel, register: Callable[..., ModelVersion], tmp_path: Path
) -> None:
    """An MLflow folder without asking.py gets today's: the archive is the one of a version that has it."""
    from mlflow.models import Model

    folder = registry.folder(register(trial), tmp_path / "files")
    older = tmp_path / "older"
    shutil.copytree(folder, older)
    described = Model.load(str(older))
    del described.flavors["python_function"]["artifacts"]["asking"]
    described.save(str(older / "MLmodel"))

    assert repack(older, version="1") == repack(folder, version="1")


def test_the_same_version_gives_the_same_archive(
    trial: TrialModel,
    register: Callable[..., ModelVersion],
    repacked: Callable[[ModelVersion], tuple[HostedModel, Any]],
) -> None:
    """So that its name in the store can be its digest, and doing it again stores nothing new."""
    version = register(trial)

    first, again = repacked(version)[0], repacked(version)[0]

    assert first == again
    assert repacked(register(trial, key="fedcba9876", number=2))[0].digest != first.digest


def test_an_mlflow_model_of_ones_own_is_refused(tmp_path: Path) -> None:
    """SageMaker's images have no MLflow: said before anything is created, with what to do."""
    from mlflow.models import Model

    Model(flavors={"python_function": {"loader_module": "mlflow.sklearn"}}).save(str(tmp_path / "MLmodel"))

    with pytest.raises(Refused, match=r"leave inference\.py in SM_MODEL_DIR"):
        repack(tmp_path, version="1")
