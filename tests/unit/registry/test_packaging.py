from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import registry_cases
from registry_cases import Case, packed, script_trial

from components.data.transform import Preprocessing
from components.errors import Damaged
from components.registry.archive import open_archive
from components.registry.packaging import PackagedModel, package, pyfunc
from components.registry.verification import TrialModel


@pytest.fixture
def packaged(binary: Case, tmp_path: Path) -> Callable[[TrialModel], PackagedModel]:
    def make(trial: TrialModel) -> PackagedModel:
        return package(
            open_archive(trial.archive, tmp_path / "archive"),
            snapshot=binary.snapshot,
            validation=binary.validation,
            into=tmp_path / "model",
            input_example=True,
        )

    return make


@pytest.fixture
def model(trial: TrialModel, packaged: Callable[[TrialModel], PackagedModel]) -> Any:
    return pyfunc().load_model(str(packaged(trial).folder))


def test_raw_rows_get_the_boosters_answers(model: Any, binary: Case, tmp_path: Path) -> None:
    """The pyfunc answers raw rows with the probabilities of the training job's Booster, and with original labels."""
    import xgboost as xgb

    booster = xgb.Booster()
    booster.load_model(bytearray((tmp_path / "archive" / "xgboost-model").read_bytes()))
    matrix = Preprocessing.from_json(binary.snapshot.preprocessing).transform(binary.test.features)

    answers = model.predict(binary.test.features)

    assert list(answers.columns) == ["prediction", "probability"]
    np.testing.assert_array_equal(answers["probability"], booster.predict(xgb.DMatrix(matrix)))
    np.testing.assert_array_equal(answers["prediction"], np.where(answers["probability"] > 0.5, "yes", "no"))


@pytest.mark.parametrize(
    "rows",
    [
        pd.DataFrame({"balance": [1], "age": [40], "job": ["admin"], "housing": [True]}),
        pd.DataFrame({"balance": [None], "age": [None], "job": [None], "housing": [None]}),
        pd.DataFrame({"balance": [np.nan], "age": [np.nan], "job": [np.nan], "housing": [np.nan]}),
        pd.DataFrame(
            {"housing": ["true", "False"], "job": ["astronaut", ""], "age": ["40", 41.5], "balance": [0, "?"]}
        ),
        pd.DataFrame({"balance": [1.5, None], "age": [40, 41], "job": pd.Categorical(["admin", None]), "housing": 1}),
    ],
)
def test_frames_are_taken_as_pandas_makes_them(model: Any, rows: pd.DataFrame) -> None:
    """Whole numbers, None, NaN, text, unseen categories, another column order: every row has an answer."""
    answers = model.predict(rows)

    assert answers["prediction"].isin(["yes", "no"]).all()
    assert np.isfinite(answers["probability"]).all()


def test_what_cannot_be_read_names_its_column(model: Any, binary: Case) -> None:
    """A missing column and a text among numbers are errors that say where."""
    with pytest.raises(Exception, match="job"):
        model.predict(binary.test.features.drop(columns="job"))
    with pytest.raises(ValueError, match="'age': a number is needed, got 'forty'"):
        model.predict(binary.test.features.head(1).assign(age="forty"))


def test_the_model_loads_where_retune_is_not(
    trial: TrialModel,
    packaged: Callable[[TrialModel], PackagedModel],
    binary: Case,
    elsewhere: subprocess.Popen[str],
    tmp_path: Path,
) -> None:
    """Moved elsewhere, its origins gone, without this project: JSON requests with missing values are answered."""
    moved = packaged(trial).folder.rename(tmp_path / "moved")
    rows = binary.test.features.head(3)
    split = json.loads(rows.to_json(orient="split", index=False))
    one_missing = {"age": None, "balance": None, "job": None, "housing": None}
    requests = [
        {"dataframe_split": split},
        {"dataframe_records": [one_missing]},
        {"dataframe_records": [{"age": 41, "balance": 3, "job": "unheard of", "housing": False}, one_missing]},
    ]
    out, err = elsewhere.communicate("\n".join([str(moved), *(json.dumps(request) for request in requests)]))

    answers = [json.loads(line) for line in out.splitlines()]
    here = pyfunc().load_model(str(moved)).predict(rows)
    assert (elsewhere.returncode, err) == (0, "")
    assert pd.DataFrame(answers[0])["probability"].tolist() == pytest.approx(here["probability"].tolist())
    assert [len(answer) for answer in answers] == [3, 1, 2]
    assert answers[2][1] == answers[1][0]
    assert list(Path(str(elsewhere.args[-1])).iterdir()) == []


def test_the_model_describes_itself(model: Any, binary: Case, tmp_path: Path) -> None:
    """Signature, made-up rows (no real one) and exact requirements are in the folder."""
    example = json.loads((tmp_path / "model" / "input_example.json").read_text())
    requirements = (tmp_path / "model" / "requirements.txt").read_text().split()
    signature = model.metadata.signature

    assert signature.inputs.input_names() == ["balance", "age", "job", "housing"]
    assert signature.outputs.input_names() == ["prediction", "probability"]
    assert example["columns"] == ["balance", "age", "job", "housing"]
    assert {row[2] for row in example["data"]} <= {*binary.snapshot.features[2].categories, None}
    assert [line.partition("==")[0] for line in requirements] == ["mlflow", "numpy", "pandas", "xgboost-cpu"]
    assert all("==" in line for line in requirements)
    assert len(model.predict(model.input_example)) == len(example["data"])


@pytest.mark.parametrize(
    ("target", "metric", "columns"),
    [
        ("three", "validation:mlogloss", ["prediction", "probability_bus", "probability_car", "probability_van"]),
        ("codes", "validation:accuracy", ["prediction", "probability_0", "probability_1", "probability_2"]),
        ("number", "validation:rmse", ["prediction"]),
    ],
)
def test_other_targets_have_their_own_answers(target: str, metric: str, columns: list[str], tmp_path: Path) -> None:
    """Several classes answer a probability each, although multi:softmax keeps them back; numbers answer a number."""
    data = registry_cases.case(target)
    trial = registry_cases.trial(data, tmp_path / "job", metric=metric)
    made = package(
        open_archive(trial.archive, tmp_path / "archive"),
        snapshot=data.snapshot,
        validation=data.validation,
        into=tmp_path / "model",
        input_example=False,
    )

    answers = pyfunc().load_model(str(made.folder)).predict(data.test.features)

    assert list(answers.columns) == columns
    assert not (tmp_path / "model" / "input_example.json").exists()
    if target != "number":
        np.testing.assert_allclose(answers[columns[1:]].sum(axis=1), 1)
        assert (answers[columns[1:]].idxmax(axis=1) == "probability_" + answers["prediction"].astype(str)).all()


@pytest.mark.parametrize(
    ("answer", "columns"),
    [
        ("doubled(model.inplace_predict(matrix)) / 2", ["prediction", "probability"]),
        (
            "np.column_stack([1 - model.inplace_predict(matrix), model.inplace_predict(matrix)])",
            ["prediction", "probability"],
        ),
        ("(model.inplace_predict(matrix) > 0.5).astype(float)", ["prediction"]),
        ("np.where(model.inplace_predict(matrix) > 0.5, 'yes', 'no')", ["prediction"]),
    ],
)
def test_a_scripts_answers_become_original_labels(
    trial: TrialModel,
    packaged: Callable[[TrialModel], PackagedModel],
    model: Any,
    binary: Case,
    tmp_path: Path,
    answer: str,
    columns: list[str],
) -> None:
    """Whatever inference.py returns (probabilities, of one or of each class, codes, labels), the answer is the same."""
    wanted = model.predict(binary.test.features)
    script = script_trial(trial, tmp_path / "script.tar.gz", answer=answer)

    made = packaged(script)
    answers = pyfunc().load_model(str(made.folder)).predict(binary.test.features)

    assert (made.kind, made.refusal) == ("inference", None)
    pd.testing.assert_frame_equal(answers, wanted[columns], check_exact=False)
    assert "scaling" not in sys.modules
    assert any(line.startswith("xgboost-cpu==") for line in (made.folder / "requirements.txt").read_text().split())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("matrix[:5, 0]", "must answer every row, got 5 answers to 120 rows"),
        ("matrix[:, :3]", "a probability of each of 2 classes, got 3"),
        ("matrix[:, 0] + 2000", r"class codes 0\.\.1 or probabilities"),
        ("np.array(['maybe'] * len(matrix))", "labels of the target, codes or probabilities, got 'maybe'"),
    ],
)
def test_a_script_that_cannot_be_asked_is_refused(
    trial: TrialModel,
    packaged: Callable[[TrialModel], PackagedModel],
    tmp_path: Path,
    answer: str,
    reason: str,
) -> None:
    """What its own code raises or returns is the reason, not a crash."""
    made = packaged(script_trial(trial, tmp_path / "script.tar.gz", answer=answer))

    assert made.kind == "unknown"
    assert made.refusal is not None
    assert re.search(reason, made.refusal)


def test_a_booster_that_is_none_is_damaged(packaged: Callable[[TrialModel], PackagedModel], tmp_path: Path) -> None:
    """Bytes xgboost cannot read, and a model of other columns, are refused with the reason."""
    import xgboost as xgb

    other = xgb.train({}, xgb.DMatrix(np.zeros((4, 2)), label=np.arange(4)), 1).save_raw("ubj")
    for content, reason in ((b"binf old format", "a model xgboost .* reads"), (bytes(other), "4 columns, got 2")):
        archive = packed(tmp_path / "model.tar.gz", {"xgboost-model": content})

        with pytest.raises(Damaged, match=reason):
            packaged(TrialModel(archive=archive, metric="validation:auc", objective=0.5))
