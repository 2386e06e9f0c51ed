"""Chunks of rows through a pyfunc."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from components.deployment.batch.answers import BatchModel
from components.deployment.batch.input_rows import Rows
from components.errors import Damaged, InvalidData, InvalidInput
from components.registry.packaging import pyfunc

_CODE = """
import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel


class Doubler(PythonModel):
    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        ages = model_input["age"]
        if (ages == -2).any():
            raise RuntimeError("a cog")
        if (ages == -3).any() and len(ages) > 1:
            raise ValueError("alone it is well")
        if (ages == -4).any():
            return pd.DataFrame({"prediction": ages[1:]})
        return pd.DataFrame({"prediction": 2 * ages, "said": [f"{job!r} {sure!r}" for job, sure in zip(
            model_input["job"], model_input["sure"])]})


mlflow.models.set_model(Doubler())
"""


@pytest.fixture(scope="module")
def doubler(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A pyfunc over a number, a text and a boolean."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    folder = tmp_path_factory.mktemp("model")
    (folder / "doubler.py").write_text(_CODE)
    pyfunc().save_model(
        str(folder / "model"),
        python_model=str(folder / "doubler.py"),
        signature=ModelSignature(
            inputs=Schema([ColSpec("double", "age"), ColSpec("string", "job"), ColSpec("boolean", "sure")]),
            outputs=Schema([ColSpec("double", "prediction"), ColSpec("string", "said")]),
        ),
        input_example=pd.DataFrame({"age": [1.0], "job": ["x"], "sure": [True]}),
        pip_requirements=["mlflow"],
    )
    return pyfunc().load_model(str(folder / "model"))


def rows_of(*ages: Any, first: int = 1, **more: list[Any]) -> Rows:
    count = len(ages)
    columns = {"age": list(ages), "job": ["x"] * count, "sure": [True] * count, **more}
    if is_text := isinstance(ages[0], str):
        columns = {name: [str(value) for value in values] for name, values in columns.items()}
    return Rows(file="rows", first=first, batch=pa.RecordBatch.from_pydict(columns), is_text=is_text)


def test_csv_and_typed_columns_are_answered_alike(doubler: Any) -> None:
    """Text of a CSV file becomes what the signature says, as in the model server; kept columns stay as they came."""
    model = BatchModel(version="1", model=doubler, keep=("id", "age"))
    texts = rows_of(
        "1.5", " 2 ", "", "NA", id=["a", "", "b ", "1"], job=["x", "", "NA", " y"], sure=["true", "FALSE", "", "NA"]
    )
    typed = rows_of(
        *(1.5, 2.0, None, float("nan")), id=[1, 2, 3, 4], job=["x", None, "NA", " y"], sure=[True, False, None, None]
    )
    answers = [model.answer(rows).to_pydict() for rows in (texts, typed)]

    assert answers[0]["id"] == ["a", "", "b ", "1"]
    assert answers[0]["age"] == ["1.5", " 2 ", "", "NA"]
    for answer in answers:
        assert answer["prediction"] == [3.0, 4.0, None, None]
        assert answer["said"] == ["'x' True", "None False", "'NA' None", "' y' None"]


def test_answers_have_the_signature_s_types(doubler: Any) -> None:
    """A chunk without a value has the types of every other."""
    answer = BatchModel(version="1", model=doubler).answer(rows_of(None, None))

    assert answer.schema.types == [pa.float64(), pa.string()]
    assert answer.column("prediction").null_count == 2


def test_rows_at_fault_are_named(doubler: Any) -> None:
    """The first three of a chunk, each by number and column, whatever the model raises."""
    ages = ["1"] * 1000
    ages[17], ages[400], ages[401], ages[999] = "old", "-2", "1_0", "older"
    with pytest.raises(InvalidData) as told:
        BatchModel(version="7", model=doubler).answer(rows_of(*ages, first=5001))

    assert told.value.subject == "rows"
    assert told.value.breaches == (
        "row 5,018: column 'age': a number is needed, got 'old'",
        "row 5,401: version 7 failed (RuntimeError: a cog)",
        "row 5,402: column 'age': a number is needed, got '1_0'",
    )


def test_rows_that_fail_only_together_are_named_together(doubler: Any) -> None:
    """No row is blamed that passes alone."""
    with pytest.raises(InvalidData, match="rows 11 to 13: alone it is well"):
        BatchModel(version="7", model=doubler).answer(rows_of(1.0, -3.0, 2.0, first=11))


def test_an_answer_to_every_row_is_needed(doubler: Any) -> None:
    """Answers that lack a row would be those of other rows."""
    with pytest.raises(Damaged, match="version 7 must answer every row, got 1 answers to 2 rows"):
        BatchModel(version="7", model=doubler).answer(rows_of(-4.0, 1.0))


def test_a_kept_column_cannot_hide_an_answer(doubler: Any) -> None:
    """Two columns of one name cannot be told apart."""
    with pytest.raises(InvalidInput, match="the answer has a column 'prediction' of its own"):
        BatchModel(version="7", model=doubler, keep=("prediction",)).answer(rows_of(1.0, prediction=[1]))
