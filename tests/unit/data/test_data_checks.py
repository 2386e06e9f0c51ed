"""What data is refused, and that it is refused all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from data_builders import ORDERED, prepared, shop, spec_of, table_of
from pydantic import ValidationError

from components.data.data_spec import DataSpec, SplitSpec
from components.data.prepare import prepare
from components.errors import InvalidData


def breaches(frame: pd.DataFrame, **fields: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidData) as caught:
        prepared(frame, **fields)
    return caught.value.breaches


def only(frame: pd.DataFrame, **fields: Any) -> str:
    (breach,) = breaches(frame, **fields)
    return breach


def test_sound_data_passes() -> None:
    """The table the other tests spoil is fine."""
    assert len(prepared(shop()).columns) == 4


def test_every_failure_is_told_at_once() -> None:
    """One run shows everything that has to be mended, whether in the table, the spec or the parts."""
    frame = shop().assign(same=1.0, empty=np.nan)
    frame.loc[3, "visits"] = np.inf
    frame.loc[130:, "buys"] = "yes"
    frame["answer"] = (frame["buys"] == "yes").astype(float)
    told = breaches(frame, drop=["agee"], keep=["citty"])
    assert len(told) == 7
    for said in ("data.drop", "data.keep", "visits", "same", "empty", "got none of no", "answer"):
        assert any(said in breach for breach in told), said


def test_an_unknown_target_names_the_nearest() -> None:
    """A typing error in the target is answered with the column it may have meant."""
    assert (
        only(shop(), target="buy")
        == "data.target: a column of the data must be named, got 'buy' (did you mean 'buys'?)"
    )
    assert "there are age, city, member, visits, buys" in only(shop(), target="zzz")


def test_an_unlike_name_lists_the_columns_and_not_all_of_many() -> None:
    """A suggestion that nobody could have meant says less than what there is."""
    wide = (
        shop().rename(columns={"visits": "notes"}).assign(**{f"wide{number}": range(0, 600, 3) for number in range(30)})
    )

    told = only(wide, drop=["nope"])

    assert told.startswith(
        "data.drop: a column of the data must be named, got 'nope' (there are age, city, member, notes"
    )
    assert told.endswith(" and 23 more)")


def test_a_table_read_without_its_header_is_recognised() -> None:
    """When a data line was taken for the header, the message says what to do."""
    frame = shop().rename(columns={"age": "0.455", "visits": "15"})
    assert "a file without one needs data.columns" in only(frame, target="Rings")


def test_a_target_without_values() -> None:
    """Rows whose target is missing are counted, never trained on."""
    frame = shop()
    frame.loc[[1, 2, 3], "buys"] = None
    assert only(frame) == "data.target: every row needs a value, got 3 of 200 rows without one"


@pytest.mark.parametrize("value", ["yes", 1.0, True])
def test_one_class(value: Any) -> None:
    """A target of one value only teaches nothing."""
    frame = shop()
    frame["buys"] = pd.array([value] * 200, dtype="boolean") if value is True else value
    assert any("at least two values are needed" in breach and "one class" in breach for breach in breaches(frame))


def test_a_class_that_is_not_in_a_part() -> None:
    """A class absent from train cannot be learnt, one absent from validation not be judged."""
    frame = shop().assign(buys=["rare"] * 20 + ["no", "yes"] * 60 + ["late"] * 60)
    told = " ".join(breaches(frame))
    assert "train: rows of every class are needed, got none of late" in told
    assert "validation: rows of every class are needed, got none of no, rare, yes" in told


def test_two_numbers_are_classes_too() -> None:
    """0 and 1 as numbers must both be there, as yes and no must."""
    frame = shop().assign(buys=[0.0, 1.0] * 70 + [0.0] * 60)
    assert only(frame) == "validation: rows of every class are needed, got none of 1: split otherwise"


def test_too_few_rows() -> None:
    """Each part has a least number of rows; a test part of no share needs none."""
    told = breaches(shop(24))
    assert any(breach.startswith("train: at least 20 rows are needed, got 16 of 24") for breach in told)
    assert any(breach.startswith("validation: at least 5 rows are needed, got 4 of 24") for breach in told)
    assert any(breach.startswith("test: at least 5 rows are needed, got 4 of 24") for breach in told)
    prepared(shop(30), split=SplitSpec(by="order", train=0.7, validation=0.3, test=0))


def test_infinite_and_too_large_numbers() -> None:
    """What does not fit a 32-bit float is counted by column, in features and target."""
    frame = shop()
    frame.loc[[3, 5], "visits"] = [np.inf, 1e39]
    assert only(frame) == "column 'visits': finite 32-bit floats are needed, got 2 infinite or beyond"
    frame = shop().assign(spend=np.arange(200.0))
    frame.loc[3, "spend"] = -np.inf
    assert only(frame, target="spend") == "data.target: finite numbers are needed, got 1 infinite"


def test_constant_columns_of_a_table() -> None:
    """Columns that never vary are named together, and may be dropped or insisted on; half empty ones do vary."""
    frame = shop().assign(a=1.0, b="x", half=[1.0, np.nan] * 100)
    assert only(frame) == "a, b: a feature must vary, got one value only: put in data.drop, or data.keep"
    assert "a: a feature must vary" in only(frame, drop=["b"])
    assert {column.name for column in prepared(frame, drop=["b"], keep=["a"]).columns} >= {"a", "half"}


def test_constant_columns_of_a_published_set() -> None:
    """A published set is trained on as it is, with a note."""
    frame = shop().assign(corner=0.0)
    result = prepare(table_of(frame, is_published=True), spec_of())
    assert result.notes == ("constant in train, kept: corner",)


def test_empty_columns() -> None:
    """A column without any value is refused, also when only the training part has none."""
    frame = shop().assign(never=np.nan, later=[np.nan] * 150 + [1.0, 2.0] * 25)
    told = breaches(frame)
    assert told[0] == "column 'never': a feature must have values, got none in 200 rows: put it in data.drop"
    assert told[1] == "later: a feature must have values in train, got none: put in data.drop"


def test_a_mostly_empty_column_is_noted() -> None:
    """A column that is nearly always empty is kept: its few values may matter."""
    frame = shop().assign(rare=[1.0, 2.0] + [np.nan] * 198)
    assert prepared(frame).notes == ("more than 95% missing in train, kept: rare",)


def test_texts_that_are_no_categories() -> None:
    """Free text and identifiers are refused by name; an identifier one means to keep is kept."""
    many = shop(3000).assign(comment=[f"text {place % 1001}" for place in range(3000)])
    assert only(many) == "column 'comment': at most 1000 categories are possible, got 1001: put it in data.drop"
    few = shop().assign(customer=[f"id-{place % 150}" for place in range(200)])
    assert "column 'customer': a category must repeat, got 150 different texts in 200 rows" in only(few)
    assert prepared(few, keep=["customer"]).columns[-1].name == "customer"


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f"])
@pytest.mark.parametrize("rows", [200, 1500])
def test_a_column_of_dates_is_told_from_categories(form: str, rows: int) -> None:
    """Text that looks like dates is called so, with the ways on, whether it is an identifier or too many categories."""
    days = pd.date_range("2020-01-01", periods=rows, freq="D").strftime(form)
    frame = pd.concat([shop()] * (rows // len(shop()) + 1), ignore_index=True).head(rows).assign(signed=days)

    told = only(frame)

    assert f"column 'signed': a category must repeat, got {rows} texts that look like dates ({days[0]}): " in told
    assert told.endswith("put it in data.drop, split by it, or make numbers of it in data.prepare")
    prepared(frame, drop=["signed"])


@pytest.mark.parametrize("text", ["order {}", "2026-01-01 call {}", "10.0.{}.1", "1-{}"])
def test_other_texts_are_not_taken_for_dates(text: str) -> None:
    """Identifiers, notes that begin with a date and addresses stay what they are."""
    told = only(shop().assign(note=[text.format(number) for number in range(len(shop()))]))

    assert "(an identifier?): put it in data.drop, or data.keep" in told


def test_dates_and_nested_values() -> None:
    """What a model cannot take is refused with its type, unless it is dropped or splits the rows."""
    frame = shop().assign(day=pd.date_range("2020-01-01", periods=200))
    assert only(frame).startswith("column 'day': numbers, booleans or text are needed, got dates")
    prepared(frame, split=SplitSpec(by="time", column="day"))
    with pytest.raises(InvalidData, match="column 'tags': numbers, booleans or text are needed, got list"):
        prepare(table_of(shop(), unusable={"tags": "list<item: string>"}), spec_of())
    prepare(table_of(shop(), unusable={"tags": "list<item: string>"}), spec_of(drop=["tags"]))


def test_nothing_to_learn_from() -> None:
    """Without features there is no model."""
    assert only(shop()[["buys"]]) == "at least one feature column is needed, got none beside the target"


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"by": "time", "column": "dya"}, "data.split.column: a column of the data must be named, got 'dya' (did you"),
        ({"by": "time", "column": "age"}, "every row needs a number or ISO 8601 time in 'age', got 12 rows without"),
        ({"by": "time", "column": "day"}, "every row needs a number or ISO 8601 time in 'day', got 200 rows without"),
        ({"by": "group", "column": "city"}, "every row needs a value in 'city', got 11 rows without"),
        ({"by": "group", "column": "buys"}, "a column other than the target is needed"),
    ],
)
def test_split_columns(split: dict[str, Any], said: str) -> None:
    """A split column that cannot split is refused before anything is trained."""
    frame = shop().assign(day="Tuesday")
    assert said in only(frame, split=SplitSpec(**split), keep=["day"])


def test_stratify_needs_classes() -> None:
    """A target of many numbers has no classes whose shares could be kept."""
    frame = shop().assign(spend=np.arange(200.0))
    assert "at most 100 target values are possible, got 200 numbers" in only(
        frame, target="spend", split=SplitSpec(stratify=True)
    )


def spoiled(kind: str) -> pd.DataFrame:
    frame = shop(400)
    yes = frame["buys"] == "yes"
    draw = np.random.default_rng(1)
    leaks: dict[str, Any] = {
        "copy of a class": frame["buys"].map({"yes": "Y", "no": "N"}),
        "boolean": pd.array(yes, dtype="boolean"),
        "score": yes + draw.uniform(-0.4, 0.4, 400),
        "reversed": -1e6 * yes + draw.normal(size=400),
        "filled in afterwards": np.where(yes, draw.normal(size=400), np.nan),
        "finer classes": np.where(yes, draw.choice(["card", "cash"], 400), draw.choice(["left", "looked"], 400)),
    }
    return frame.assign(leak=leaks[kind])


@pytest.mark.parametrize(
    "kind", ["copy of a class", "boolean", "score", "reversed", "filled in afterwards", "finer classes"]
)
def test_leaking_columns(kind: str) -> None:
    """A column that tells two classes apart alone is refused; data.keep insists on it."""
    breach = only(spoiled(kind))
    assert breach.startswith("column 'leak': a feature must not tell the target, got")
    assert prepared(spoiled(kind), keep=["leak"]).columns[-1].name == "leak"
    assert len(prepared(spoiled(kind), drop=["leak"]).columns) == 4


def test_leaks_of_many_classes_and_numbers() -> None:
    """Copies, multiples and codings of a target of many classes or of numbers are found."""
    draw = np.random.default_rng(0)
    kinds = draw.choice(["a", "b", "c"], 400).astype(object)
    spend = draw.normal(size=400)
    frame = shop(400).assign(kind=kinds, code=pd.Series(kinds).map({"a": 2.0, "b": 0.0, "c": 1.0}))
    assert "'code': a feature must not tell the target, got the class from its value in 100.00%" in only(
        frame, target="kind"
    )
    frame = shop(400).assign(spend=spend, copy=spend, cents=spend * -100 + 3 + draw.normal(size=400) * 0.01)
    told = breaches(frame, target="spend")
    assert "'copy': a feature must not tell the target, got the target itself" in told[0]
    assert "'cents': a feature must not tell the target, got correlation -1.0000" in told[1]


def test_strong_features_are_no_leaks() -> None:
    """A good column, even a very good one, is what models are made of."""
    frame = shop(400)
    yes = frame["buys"] == "yes"
    draw = np.random.default_rng(1)
    sound = frame.assign(
        strong=yes + draw.normal(0, 0.3, 400),
        wrong_twice_in_100=np.where(draw.random(400) < 0.02, ~yes, yes).astype(float),
        all_different=draw.normal(size=400),
    )
    assert len(prepared(sound).columns) == 7


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"drop": ["y"]}, "the target cannot be dropped"),
        ({"drop": ["a", "b"], "keep": ["b"]}, "got both: b"),
        ({"columns": ["a", "y", "a"]}, "got twice: a"),
    ],
)
def test_data_specs_that_contradict_themselves(fields: dict[str, Any], said: str) -> None:
    """A data spec that cannot be meant is refused without looking at data."""
    with pytest.raises(ValidationError, match=said):
        DataSpec(source="t.csv", target="y", split=ORDERED, **fields)
