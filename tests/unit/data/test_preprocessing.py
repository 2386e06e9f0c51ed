"""Fitted on train, kept as JSON, the same for training rows and for a request."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from data_builders import prepared, shop

from components.data import transform
from components.data.data_spec import SplitSpec
from components.data.prepare import document, fit
from components.data.schema import Column
from components.data.transform import Preprocessing

COLUMNS = (
    Column(name="age", kind="number"),
    Column(name="city", kind="category", categories=("Trier", "Köln", "Bonn")),
    Column(name="member", kind="boolean"),
)
ROW = {"age": 30, "city": "Bonn", "member": True}


def preprocessing(classes: tuple[str, ...] | None = ("no", "yes")) -> Preprocessing:
    return Preprocessing.from_json(document(COLUMNS, target="buys", classes=classes))


def one(**values: Any) -> list[float]:
    """The matrix row of one request, as Python floats."""
    return preprocessing().transform(pd.DataFrame([ROW | values]))[0].tolist()


def test_a_row_becomes_numbers() -> None:
    """Numbers stay, categories become their places, booleans 0 and 1, in the fitted column order."""
    matrix = preprocessing().transform(pd.DataFrame([ROW]))
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[30.0, 2.0, 1.0]]
    assert preprocessing().feature_names == ("age", "city", "member")


def test_column_order_and_further_columns_do_not_matter() -> None:
    """A request may name its columns in any order and carry more than the model needs."""
    frame = pd.DataFrame([{"customer": "x", "member": True, "city": "Bonn", "buys": "yes", "age": 30}])
    assert preprocessing().transform(frame).tolist() == [[30.0, 2.0, 1.0]]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", " ", "?", " ?", "NA", "NaN"])
def test_missing_values_are_missing(missing: Any) -> None:
    """Every spelling of no value is NaN in every kind of column, alone and among many rows."""
    for name in ROW:
        place = list(ROW).index(name)
        assert np.isnan(one(**{name: missing})[place])
        many = preprocessing().transform(pd.DataFrame([ROW] * 100 + [ROW | {name: missing}]))
        assert np.isnan(many[-1, place])
        assert not np.isnan(many[:-1]).any()


@pytest.mark.parametrize(
    ("value", "number"),
    [("30", 30.0), (" 1e-3 ", 0.001), (True, 1.0), (np.int64(7), 7.0), (Decimal("1.5"), 1.5), ("-0", 0.0)],
)
def test_numbers_may_come_as_text(value: Any, number: float) -> None:
    """CSV clients send numbers as text."""
    assert one(age=value)[0] == np.float32(number)


@pytest.mark.parametrize(
    ("value", "place"),
    [("Bonn", 2.0), (" Köln ", 1.0), ("Ulm", None), ("bonn", None), (5, None), (True, None)],
)
def test_categories(value: Any, place: float | None) -> None:
    """Outer spaces are no part of a category, and one never seen in training is missing, not an error."""
    got = one(city=value)[1]
    assert np.isnan(got) if place is None else got == place


def test_no_value_is_not_the_category_none() -> None:
    """A table may have the category "None"; a missing value is still missing."""
    columns = (Column(name="alley", kind="category", categories=("None", "<NA>", "Gravel")),)
    model = Preprocessing.from_json(document(columns, target="y", classes=None))
    for rows in ([None, pd.NA, "None"], [None, pd.NA, "None"] * 50):
        matrix = model.transform(pd.DataFrame({"alley": rows}, dtype=object))
        assert np.isnan(matrix[:2, 0]).all()
        assert matrix[2, 0] == 0.0


def test_categories_that_look_like_numbers() -> None:
    """A JSON client may send the category "5" as the number 5."""
    columns = (Column(name="zone", kind="category", categories=("5", "A")),)
    model = Preprocessing.from_json(document(columns, target="y", classes=None))
    assert model.transform(pd.DataFrame({"zone": ["5", 5, 5.0, np.int64(5), "A"]})).ravel().tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("value", "truth"),
    [(True, 1.0), (np.False_, 0.0), ("TRUE", 1.0), ("false", 0.0), (1, 1.0), (0.0, 0.0), ("1", 1.0)],
)
def test_booleans(value: Any, truth: float) -> None:
    """Booleans come as booleans, as words and as 0 and 1."""
    assert one(member=value)[2] == truth


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"age": "old"}, "column 'age': a number is needed, got 'old'"),
        ({"age": "1_000"}, "column 'age': a number is needed, got '1_000'"),
        ({"age": [1]}, r"column 'age': a number is needed, got \[1\]"),
        ({"age": "inf"}, "column 'age': a finite 32-bit float is needed, got 'inf'"),
        ({"age": 1e39}, r"column 'age': a finite 32-bit float is needed, got 1e\+39"),
        ({"member": "maybe"}, "column 'member': true or false is needed, got 'maybe'"),
        ({"age": "x", "member": 2}, "column 'age': .*; column 'member': true or false is needed, got 2"),
    ],
)
def test_values_of_another_kind_are_refused(values: dict[str, Any], said: str) -> None:
    """A value no column of this kind can have is an error that names column and value, alone and among many."""
    for frame in (pd.DataFrame([ROW | values]), pd.DataFrame([ROW] * 100 + [ROW | values])):
        with pytest.raises(ValueError, match=said):
            preprocessing().transform(frame)


def test_missing_columns_are_refused_by_name() -> None:
    """All missing columns are named at once; columns of one name are ambiguous."""
    with pytest.raises(ValueError, match="missing: 'city', 'member'"):
        preprocessing().transform(pd.DataFrame([{"age": 1}]))
    with pytest.raises(ValueError, match="got twice: 'age'"):
        preprocessing().transform(pd.DataFrame([[1, 2, "Bonn", True]], columns=["age", "age", "city", "member"]))


def test_no_rows_are_no_rows() -> None:
    """An empty request is answered with an empty matrix."""
    assert preprocessing().transform(pd.DataFrame(columns=["age", "city", "member"])).shape == (0, 3)


@pytest.mark.parametrize("rows", [1, 10, 500])
def test_dtypes_do_not_matter(rows: int) -> None:
    """However a client's frame keeps its values, the matrix is the same."""
    frame = shop(600).drop(columns=["buys", "visits"]).head(rows)
    wanted = preprocessing().transform(frame)
    for same in (
        frame.astype(object),
        frame.convert_dtypes(),
        frame.astype({"city": "category"}),
        frame.assign(age=frame["age"].astype("float32"), member=frame["member"].astype("Int8")),
        frame.astype({"age": "double[pyarrow]", "city": "string[pyarrow]", "member": "bool[pyarrow]"}),
        frame.astype(str).replace("<NA>", ""),
    ):
        np.testing.assert_array_equal(preprocessing().transform(same), wanted)


def test_labels_go_and_come_back() -> None:
    """Labels become codes in the classes' order, and codes labels."""
    model = preprocessing()
    labels = pd.Series(["yes", "no", "yes"])
    codes = model.encode_labels(labels)
    assert codes.tolist() == [1.0, 0.0, 1.0]
    assert model.decode_labels(codes).tolist() == labels.tolist()
    assert model.decode_labels(np.array([1, 0])).tolist() == ["yes", "no"]
    with pytest.raises(ValueError, match="target 'buys' must be one of no, yes, got 'maybe'"):
        model.encode_labels(["yes", "maybe"])


def test_boolean_labels_are_their_names() -> None:
    """False and True are classes like others, whether they come as booleans or as words."""
    model = preprocessing(("False", "True"))
    for labels in (pd.Series([True, False]), ["True", "False"], np.array([True, False])):
        assert model.encode_labels(labels).tolist() == [1.0, 0.0]


def test_numeric_labels_stay() -> None:
    """Without classes the target is the number itself."""
    model = preprocessing(None)
    assert model.encode_labels(pd.Series([1.5, 2])).tolist() == [1.5, 2.0]
    assert model.decode_labels(np.array([1.5, 2])).tolist() == [1.5, 2.0]
    with pytest.raises(ValueError, match="must be a number, got nan"):
        model.encode_labels([1.0, np.nan])


def test_only_train_is_fitted() -> None:
    """What only validation and test hold changes nothing of the fit."""
    frame = shop()
    other = frame.copy()
    other.loc[140:, "city"] = "Ulm"
    other.loc[140:, "age"] = np.nan
    other.loc[140:, "buys"] = frame["buys"].iloc[140:].to_numpy()[::-1]
    assert prepared(other).preprocessing == prepared(frame).preprocessing
    assert prepared(other).columns == prepared(frame).columns


def test_the_fit_says_what_was_missing() -> None:
    """The schema notes in which columns training rows had gaps."""
    assert {column.name: column.has_missing for column in prepared(shop()).columns} == {
        "age": True,
        "city": True,
        "member": False,
        "visits": False,
    }


def test_categories_are_ordered_by_their_answers() -> None:
    """With two classes or a number, codes rise with the mean target; ties and rare values are settled safely."""
    city = ["a"] * 30 + ["b"] * 30 + ["c"] * 30 + ["rare"]
    buys = ["yes"] * 20 + ["no"] * 10 + ["no"] * 30 + ["yes"] * 10 + ["no"] * 20 + ["yes"]
    frame = pd.DataFrame({"city": city})
    (column,) = fit(frame, pd.Series(buys), ("no", "yes"))
    assert column.categories == ("b", "c", "rare", "a")  # one lucky row does not make a category the best
    (column,) = fit(frame, pd.Series([3.0] * 30 + [1.0] * 61), None)
    assert column.categories == ("b", "c", "rare", "a")


def test_categories_of_many_classes() -> None:
    """With three classes and more, categories that answer alike are neighbours."""
    city = [name for name in "abcdef" for _ in range(60)]
    kinds = {"a": "xxx", "d": "xxx", "b": "yyz", "e": "yyz", "c": "zzx", "f": "zzx"}
    labels = pd.Series([kinds[name][place % 3] for place, name in enumerate(city)])
    (column,) = fit(pd.DataFrame({"city": city}), labels, ("x", "y", "z"))
    places = {name: place for place, name in enumerate(column.categories)}
    assert all(abs(places[one] - places[other]) == 1 for one, other in ("ad", "be", "cf"))


def test_the_json_is_stable() -> None:
    """The same rows give the same text, which reads back to the same model."""
    first, again = prepared(shop()).preprocessing, prepared(shop()).preprocessing
    assert first == again
    assert json.loads(first)["format"] == transform.FORMAT
    assert "\n" not in first
    assert "Köln" in first
    with pytest.raises(ValueError, match="format must be 1, got 2"):
        Preprocessing.from_json(first.replace('"format":1', '"format":2'))


def test_every_class_has_its_code() -> None:
    """Text classes are coded by name, and booleans as False and True, whichever comes first."""
    assert prepared(shop()).classes == ("no", "yes")
    frame = shop().assign(buys=pd.array(shop()["buys"] == "yes", dtype="boolean"))
    result = prepared(frame)
    assert result.classes == ("False", "True")
    assert set(result.labels) == {"False", "True"}
    numbers = prepared(shop().assign(buys=np.arange(200.0)), split=SplitSpec())
    assert numbers.classes is None
    assert numbers.labels.dtype == "int64"


def test_the_module_travels_alone(tmp_path: Path) -> None:
    """A copy of transform.py works in an interpreter that has never heard of this project."""
    (tmp_path / "alone.py").write_text(Path(transform.__file__).read_text())
    (tmp_path / "fit.json").write_text(document(COLUMNS, target="buys", classes=("no", "yes")))
    program = (
        "import pandas, pathlib, sys, alone\n"
        "model = alone.Preprocessing.from_json(pathlib.Path('fit.json').read_text())\n"
        "print(model.transform(pandas.DataFrame({'age': ['4'], 'city': ['Köln'], 'member': [None]})).tolist())\n"
        "print(any(name.startswith('components') for name in sys.modules))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.splitlines() == ["[[4.0, 1.0, nan]]", "False"]
