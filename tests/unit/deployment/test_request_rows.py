"""A request's body becomes rows as they were sent, or one line that names the column at fault."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from components.deployment.model_server.answers import as_json
from components.deployment.model_server.rows import CSV, JSON, form_of, read_rows
from components.errors import InvalidInput
from components.registry.packaging import pyfunc


@pytest.fixture(scope="module")
def schema() -> Any:
    """Columns of every plain type; `flag` is optional."""
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    return Schema(
        [
            ColSpec("double", "age"),
            ColSpec("string", "job"),
            ColSpec("boolean", "flag", required=False),
            ColSpec("long", "count"),
            ColSpec(AnyType(), "any"),
        ]
    )


ROWS = [
    {"age": 41, "job": "admin", "flag": True, "count": 3, "any": "x"},
    {"age": None, "job": None, "flag": None, "count": -1, "any": None},
]
NAMES = list(ROWS[0])
VALUES = [list(row.values()) for row in ROWS]


def rows_of(document: Any, schema: Any) -> pd.DataFrame:
    frame, _ = read_rows(json.dumps(document).encode(), JSON, schema)
    assert isinstance(frame, pd.DataFrame)
    return frame


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_records": ROWS},
        {"dataframe_split": {"columns": NAMES, "data": VALUES}},
        {"dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in VALUES], "index": [7, 8]}},
        {"dataframe_split": {"data": VALUES}},
        {"instances": ROWS},
        {"instances": VALUES},
        {"inputs": {name: [row[name] for row in ROWS] for name in NAMES}},
        {"inputs": ROWS},
    ],
    ids=[
        "records",
        "split",
        "split-other-order",
        "split-no-names",
        "instances",
        "instances-lists",
        "inputs",
        "inputs-rows",
    ],
)
def test_every_form_gives_the_same_rows(document: Any, schema: Any) -> None:
    """Text, numbers and missing values arrive as they were sent, in the signature's order and types."""
    frame = rows_of(document, schema)

    assert list(frame.columns) == NAMES
    assert frame["age"][0] == 41.0
    assert math.isnan(frame["age"][1])
    assert list(frame["job"]) == ["admin", None]
    assert list(frame["flag"]) == [True, None]
    assert list(frame["count"]) == [3, -1]
    assert list(frame["any"]) == ["x", None]
    assert [str(kind) for kind in frame.dtypes] == ["float64", "object", "object", "int64", "object"]


def test_csv_gives_the_same_rows(schema: Any) -> None:
    """A cell that is empty is missing; text that looks like a number stays text in a text column."""
    frame, params = read_rows(b"\xef\xbb\xbfjob,age,count,any,flag,more\n007,41,3,x,True,1\n,NA,-1,,,\n", CSV, schema)

    assert params is None
    assert list(frame.columns) == NAMES
    assert list(frame["job"]) == ["007", None]
    assert list(frame["flag"]) == [True, None]
    assert list(frame["count"]) == [3, -1]


def test_an_optional_column_may_be_left_out(schema: Any) -> None:
    """What the signature calls optional need not be sent; columns it does not know are left aside."""
    row = {name: value for name, value in ROWS[0].items() if name != "flag"}

    assert list(rows_of({"dataframe_records": [{**row, "more": 1}]}, schema).columns) == ["age", "job", "count", "any"]


def test_a_complete_record_does_not_excuse_another(schema: Any) -> None:
    """A column that one row of a batch lacks is told with that row, not answered as missing."""
    row = {name: value for name, value in ROWS[0].items() if name != "job"}

    with pytest.raises(InvalidInput, match="missing in row 1: 'job'"):
        rows_of({"dataframe_records": [ROWS[0], row]}, schema)


def test_numbers_in_a_text_column_become_text(schema: Any) -> None:
    """A client that sends the category "5" as 5 means "5", whatever else is in the column."""
    rows = [{**ROWS[0], "job": 5}, {**ROWS[0], "job": None}]

    assert list(rows_of({"dataframe_records": rows}, schema)["job"]) == ["5", None]


def test_parameters_are_handed_on(schema: Any) -> None:
    """`params` beside the rows reach the model."""
    _, params = read_rows(json.dumps({"inputs": ROWS, "params": {"k": 2}}).encode(), JSON, schema)

    assert params == {"k": 2}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"age": "old"}, "column 'age': a number is needed, got 'old'"),
        ({"age": [1]}, "column 'age': a number is needed"),
        ({"age": "1_000"}, "column 'age': a number is needed"),
        ({"flag": "no"}, "column 'flag': true or false is needed, got 'no'"),
        ({"count": None}, "column 'count': a whole number is needed, got a missing value"),
        ({"count": 1.5}, "column 'count': a whole number is needed, got 1.5"),
        ({"count": 2**63}, "column 'count': a whole number of int64 is needed"),
        ({"job": {"a": 1}}, "column 'job': text is needed"),
        ({"age": "old", "flag": 7}, "column 'age': .*; column 'flag': "),
    ],
)
def test_a_bad_value_names_its_column(change: dict[str, Any], told: str, schema: Any) -> None:
    """Every column at fault is named, with what is needed and what came."""
    with pytest.raises(InvalidInput, match=told):
        rows_of({"dataframe_records": [{**ROWS[0], **change}]}, schema)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "must be JSON"),
        (b"{", "must be JSON"),
        (b"\xff\xfe", "must be JSON"),
        (b"[" * 100_000, "must be JSON"),
        (b"[]", "must be a JSON object with one of dataframe_split"),
        (b"{}", "exactly one of .*, got nothing"),
        (b'{"rows": []}', "exactly one of .*, got 'rows'"),
        (b'{"inputs": [], "instances": []}', "exactly one of"),
        (b'{"inputs": [], "params": 3}', "params must be an object"),
        (b'{"dataframe_records": {"age": 1}}', "dataframe_records must be a list of rows, got an object"),
        (b'{"dataframe_records": [{"age": 1}, 5]}', "row 1 must be an object, got a number"),
        (b'{"dataframe_records": [{"age": 1}]}', "missing: 'job', 'count', 'any'"),
        (b'{"dataframe_split": []}', "dataframe_split must be an object"),
        (
            b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}',
            "row 0 must be a list of 1 values, got 2 values",
        ),
        (b'{"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}', "missing: 'job'"),
        (b'{"instances": [[1]]}', "row 0 must be a list of 5 values"),
        (b'{"inputs": {"age": [1, 2], "job": ["a"]}}', "one length, got {'age': 2, 'job': 1}"),
        (b'{"inputs": "x"}', "inputs must be a list of rows, got text"),
    ],
)
def test_a_bad_body_says_what_is_wrong(body: bytes, told: str, schema: Any) -> None:
    """One line with the law and what came."""
    with pytest.raises(InvalidInput, match=told) as caught:
        read_rows(body, JSON, schema)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"\xff", b'age\n"1\n', b"age,job\n1\n1,2,3\n"])
def test_bad_csv_says_so(body: bytes, schema: Any) -> None:
    """CSV that cannot be read, or lacks columns, is the client's fault."""
    with pytest.raises(InvalidInput, match=r"CSV with a header|missing:"):
        read_rows(body, CSV, schema)


def test_a_column_given_twice_is_refused(schema: Any) -> None:
    """Which of two columns of one name is meant, nobody can know."""
    split = {"columns": [*NAMES, "age"], "data": [[*VALUES[0], 9]]}
    with pytest.raises(InvalidInput, match="column names must differ, got twice: 'age'"):
        rows_of({"dataframe_split": split}, schema)


def test_no_rows_are_no_rows(schema: Any) -> None:
    """An empty batch has the signature's columns."""
    for document in ({"dataframe_records": []}, {"dataframe_split": {"columns": NAMES, "data": []}}, {"instances": []}):
        frame = rows_of(document, schema)
        assert (len(frame), list(frame.columns)) == (0, NAMES)


def test_a_model_without_named_columns_gets_what_mlflow_makes_of_it() -> None:
    """A tensor signature and no signature go through MLflow's own parser."""
    from mlflow.types import Schema, TensorSpec

    pyfunc()  # as the server has imported it by then: without MLflow's warning about itself
    tensor = Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    got, _ = read_rows(b'{"instances": [[1, 2], [3, 4]]}', JSON, tensor)
    assert (got.shape, got.dtype) == ((2, 2), np.float32)
    got, _ = read_rows(b'{"dataframe_records": [{"a": 1}]}', JSON, None)
    assert list(got.columns) == ["a"]


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("application/json", JSON),
        ("Application/JSON; charset=UTF-8", JSON),
        ("text/csv", CSV),
        ("text/csv; charset=latin-1", None),
        ("text/plain", None),
        ("", None),
    ],
)
def test_the_content_type_decides(content_type: str, form: str | None) -> None:
    """JSON or CSV in UTF-8, and nothing is guessed."""
    assert form_of(content_type) == form


@pytest.mark.parametrize(
    ("predictions", "written"),
    [
        (pd.DataFrame({"prediction": ["yes"], "probability": [0.5]}), [{"prediction": "yes", "probability": 0.5}]),
        (pd.DataFrame({"prediction": [1.0, float("nan")]}), [{"prediction": 1.0}, {"prediction": None}]),
        (np.array([1, 2]), [1, 2]),
        (np.array([[0.5, np.inf]]), [[0.5, None]]),
        ([np.int64(3)], [3]),
        ({"a": np.array([1.5])}, {"a": [1.5]}),
    ],
)
def test_answers_are_json_and_name_the_version(predictions: Any, written: Any) -> None:
    """A DataFrame is a list of records; what is not finite is null, since JSON has no NaN."""
    assert json.loads(as_json(predictions, version="3")) == {"predictions": written, "model_version": "3"}
