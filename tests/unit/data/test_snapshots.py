"""Published once per content, verified, and read back as it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_builders import Watched, published, shop, spec_of, write_csv, write_text

from components.data.data_spec import SplitSpec
from components.data.parts import content_digest
from components.data.snapshot import DataSnapshot, raw_part
from components.data.transform import Preprocessing
from components.storage import ObjectStore

PARTS = ("train", "validation", "test")


def channel(snapshot: DataSnapshot, part: str, store: ObjectStore) -> np.ndarray:
    (found,) = store.list(snapshot.channel_uri(part))
    return np.loadtxt(io.BytesIO(store.get_bytes(found.uri)), delimiter=",", dtype=np.float32)


def test_a_snapshot_says_what_it_holds(folder: Path) -> None:
    """Name, schema, classes and rows of the data are on the snapshot."""
    snapshot = published(folder)
    assert len(snapshot.digest) == 64
    assert snapshot.uri == f"s3://retune-local/retune/snapshots/{snapshot.digest[:16]}"
    assert [(column.name, column.kind, column.has_missing) for column in snapshot.features] == [
        ("age", "number", True),
        ("city", "category", True),
        ("member", "boolean", False),
        ("visits", "number", False),
    ]
    assert sorted(snapshot.features[1].categories) == ["Bonn", "Köln", "Trier"]
    assert (snapshot.target, snapshot.classes) == ("buys", ("no", "yes"))
    assert snapshot.rows == {"train": 140, "validation": 30, "test": 30}


def test_channels_are_laid_out_for_sagemaker(folder: Path, store: Watched) -> None:
    """A channel is one CSV file under its prefix: no header, label first, `nan` for missing; test has none."""
    snapshot = published(folder, store=store)
    (found,) = store.list(snapshot.channel_uri("train"))
    assert found.uri == f"{snapshot.uri}/train/part-00000.csv"
    lines = store.get_bytes(found.uri).decode().splitlines()
    assert len(lines) == 140
    assert lines[0].startswith(("0,nan,", "1,nan,"))
    assert all(csv.Sniffer().sniff(line).delimiter == "," for line in lines)  # how the container finds it
    assert not list(store.list(f"{snapshot.uri}/test/"))


def test_raw_rows_are_what_came(folder: Path, store: Watched) -> None:
    """Raw parts hold the source's values and original labels, part by part in the split's order."""
    snapshot = published(folder, store=store)
    parts = [raw_part(snapshot, part, store) for part in PARTS]
    assert [part.part for part in parts] == list(PARTS)
    together = pd.concat([part.features.assign(buys=part.labels) for part in parts], ignore_index=True)
    wanted = shop().astype({"member": bool})
    pd.testing.assert_frame_equal(together, wanted)
    assert together["city"].iloc[5] is None


@pytest.mark.parametrize("target", ["buys", "member", "age"])
def test_raw_rows_through_the_preprocessing_are_the_channel(target: str, folder: Path, store: Watched) -> None:
    """What the deployed model makes of raw rows is, float for float, what it was trained on."""
    frame = shop().assign(
        age=lambda rows: rows["age"].fillna(40) / 7,
        tiny=lambda rows: rows["visits"] * 1e-30 / 3,
        sometimes=pd.array([True, None, False, False] * 50, dtype="boolean"),
    )
    write_csv(frame, folder / "shop.csv")
    snapshot = published(folder, spec_of(target=target), store)
    model = Preprocessing.from_json(snapshot.preprocessing)
    for part in ("train", "validation"):
        raw = raw_part(snapshot, part, store)
        rows = np.column_stack([model.encode_labels(raw.labels), model.transform(raw.features)])
        np.testing.assert_array_equal(channel(snapshot, part, store), rows)


def test_xgboost_itself_reads_the_channel(folder: Path, store: Watched) -> None:
    """XGBoost's own CSV reader, which SageMaker's container uses, sees the same numbers, gaps and width."""
    import xgboost

    frame = shop()
    # a last column that is empty throughout: as empty fields it would be lost
    frame.loc[140:169, "visits"] = np.nan
    write_csv(frame, folder / "shop.csv")
    snapshot = published(folder, store=store)
    model = Preprocessing.from_json(snapshot.preprocessing)
    for part in ("train", "validation"):
        raw = raw_part(snapshot, part, store)
        path = folder / f"{part}.csv"
        store.get(f"{snapshot.uri}/{part}/part-00000.csv", path)
        with xgboost.config_context(verbosity=0):
            read = xgboost.DMatrix(f"{path}?format=csv&label_column=0")
        matrix = model.transform(raw.features)
        assert (read.num_row(), read.num_col()) == matrix.shape
        assert read.num_nonmissing() == int((~np.isnan(matrix)).sum())
        assert read.get_label().tolist() == model.encode_labels(raw.labels).tolist()
        assert read.get_data().data.tolist() == matrix[~np.isnan(matrix)].tolist()


def test_the_same_content_has_the_same_digest(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Machine, folder, bucket, file name, format and cut of the source do not enter the digest."""
    digest = published(folder).digest
    other = tmp_path_factory.mktemp("other")
    shop().head(100).to_csv(other / "1.csv.gz", index=False, sep=";")
    shop().tail(100).to_csv(other / "2.csv.gz", index=False, sep=";")
    shop().to_parquet(other / "shop.parquet")
    assert published(other, spec_of("*.csv.gz")).digest == digest
    assert published(other, spec_of("shop.parquet")).digest == digest


def test_the_digest_is_pinned(folder: Path) -> None:
    """The name of known data never changes: a new one would retrain every model there is."""
    lines = (f"{place % 7 / 3},{'abc'[place % 3]},{place % 2 == 0},{'yn'[place % 5 % 2]}" for place in range(100))
    write_text("number,text,truth,buys\n1,,,y\n" + "\n".join(lines), folder / "shop.csv")
    assert published(folder).digest[:16] == "0f28905f596f3468"


@pytest.mark.parametrize(
    "fields",
    [
        {"drop": ["visits"]},
        {"target": "member"},
        {"split": SplitSpec(by="order", train=0.6, validation=0.2, test=0.2)},
        {"split": SplitSpec(by="random", seed=1)},
    ],
)
def test_another_data_spec_is_another_snapshot(fields: dict[str, object], folder: Path) -> None:
    """What the spec does to the data enters the digest."""
    assert published(folder, spec_of(**fields)).digest != published(folder).digest


@pytest.mark.parametrize("part_row", [0, 150, 199])
def test_one_changed_value_is_another_snapshot(part_row: int, folder: Path) -> None:
    """A change in any part, also in test, is seen."""
    before = published(folder).digest
    frame = shop()
    frame.loc[part_row, "visits"] += 1
    write_csv(frame, folder / "shop.csv")
    assert published(folder).digest != before


def test_content_digests_tell_values_apart() -> None:
    """Columns, kinds, order and gaps all count; how pandas keeps them does not."""
    labels = pd.Series(["x", "y"])
    frames = [
        pd.DataFrame({"a": ["1", "2"]}, dtype=object),
        pd.DataFrame({"a": [1.0, 2.0]}),
        pd.DataFrame({"a": [2.0, 1.0]}),
        pd.DataFrame({"b": [1.0, 2.0]}),
        pd.DataFrame({"a": [1.0, np.nan]}),
        pd.DataFrame({"a": pd.array([True, False], dtype="boolean")}),
        pd.DataFrame({"a": ["True", "False"]}, dtype=object),
        pd.DataFrame({"a": ["1", None]}, dtype=object),
        pd.DataFrame({"a": ["1", "1"]}, dtype=object),
    ]
    assert len({content_digest(frame, labels) for frame in frames}) == len(frames)
    assert content_digest(frames[1], labels) == content_digest(frames[1].iloc[:].copy(), labels.copy())
    assert content_digest(frames[1], pd.Series([0, 1])) != content_digest(frames[1], pd.Series([1, 0]))
