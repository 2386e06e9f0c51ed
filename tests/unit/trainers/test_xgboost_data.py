"""What a channel may hold, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from container_folder import Container, Rows, csv_text
from pyarrow import parquet
from scipy import sparse

from components.trainers.failure import CustomerError
from components.trainers.xgboost_data import content_type, read_channel

NUMBERS = [[1.0, 0.5, np.nan, 3.0], [0.0, np.nan, -2.5, 1e-7]]


def read(folder: Path, kind: str, content: str | bytes, *, csv_weights: bool = False) -> list[list[float]]:
    """Label and features of a channel with one file."""
    folder.mkdir(exist_ok=True)
    (folder / "part-0").write_bytes(content.encode() if isinstance(content, str) else content)
    table = read_channel(folder, kind, csv_weights=csv_weights)
    features = table.features.toarray() if isinstance(table.features, sparse.csr_matrix) else table.features
    return np.column_stack([table.labels, features]).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "1,0.5,,3\n0,,-2.5,1e-7\n",
        "1,0.5,,3\r\n0,,-2.5,1e-7",
        '"1","0.5",,"3"\n"0",,"-2.5","1e-7"\n',
        "1;0.5;;3\n0;;-2.5;1e-7\n",
        "1\t0.5\tnan\t3\n0\t\t-2.5\t1e-7\n\n",
        "1 0.5 nan 3\n0 nan -2.5 1e-7\n",
    ],
    ids=["comma", "crlf", "quoted", "semicolon", "tab", "space"],
)
def test_csv_in_every_dress(tmp_path: Path, text: str) -> None:
    """The delimiter comes from the first line; an empty field is missing, wherever in the row it stands."""
    np.testing.assert_allclose(read(tmp_path / "train", "csv", text), np.float32(NUMBERS))


def test_empty_fields_at_both_ends(tmp_path: Path) -> None:
    """Runs of empty fields, and those that end a line or the file, are missing values."""
    assert np.isnan(read(tmp_path / "train", "csv", "1,,,,\n0,1,,,")).sum() == 7


def test_csv_weights_are_column_one(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """With csv_weights=1 a row of weight 0 has no part in training."""
    features, labels = two_classes[0]
    weights = (labels == 1).astype(float)
    weighted = (np.column_stack([weights, features]), labels)
    run = container.train({"objective": "binary:logistic", "csv_weights": "1", "num_round": "20"}, weighted)

    # only positive rows count: all predictions go to yes, with 5 features and not 6
    assert run.model().num_features() == 5
    assert run.rounds[-1]["train-logloss"] < 0.01


def test_libsvm(tmp_path: Path) -> None:
    """Absent values are missing, which a sparse matrix stores as nothing."""
    assert read(tmp_path / "train", "libsvm", "1 0:0.5 3:2\n0 1:-1\n\n") == [[1, 0.5, 0, 0, 2], [0, 0, -1, 0, 0]]


def test_libsvm_weights_and_groups(tmp_path: Path) -> None:
    """`label:weight` and `qid:group` are read, for all rows or none."""
    (tmp_path / "part").write_text("1:0.5 qid:1 0:1\n0:2 qid:1 0:2\n1:1 qid:7 0:3\n")
    table = read_channel(tmp_path, "libsvm")

    assert table.weights is not None
    assert table.groups is not None
    assert (table.weights.tolist(), table.groups.tolist()) == ([0.5, 2, 1], [1, 1, 7])


def test_libsvm_channels_may_know_different_columns(container: Container) -> None:
    """A feature that only one channel has is missing in the other."""
    container.put("train", "a", "1 0:1 5:2\n0 0:2 1:1\n" * 20)
    container.put("validation", "a", "1 0:1\n0 7:2\n")
    container.configure({"num_round": "2", "objective": "binary:logistic"}, train=None, validation="text/libsvm")
    run = container.run()

    assert run.code == 0
    assert run.model().num_features() == 8


def test_parquet(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """Column 0 is the label, nulls are missing, and training on it is training on the same CSV."""
    features, labels = two_classes[0]
    columns = [pa.array(labels.astype(int)), *(pa.array(column, from_pandas=True) for column in features.T)]
    parquet.write_table(pa.table(columns, names=["y", *"abcde"]), container.base / "rows.parquet")
    as_csv = container.train({"objective": "binary:logistic"}, two_classes[0])
    container.put("train", "rows", (container.base / "rows.parquet").read_bytes())
    (container.base / "input" / "data" / "train" / "part-0.csv").unlink()
    container.configure(
        {"objective": "binary:logistic", "num_round": "5", "nthread": "1"}, train="application/x-parquet"
    )

    assert container.run().lines == as_csv.lines


def test_hidden_and_empty_files_are_skipped_and_the_rest_is_read_in_order(tmp_path: Path) -> None:
    """Names that start with `.` or `_` are not data, in no folder; several files are one channel."""
    for name, text in (
        ("b.csv", "2,2\n"),
        ("a.csv", "1,1\n"),
        ("sub/c.csv", "3,3\n"),
        (".crc", "x"),
        ("_SUCCESS", "x"),
        ("_temporary/d.csv", "x"),
        ("empty.csv", ""),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert read_channel(tmp_path, "csv").labels.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "content", "law"),
    [
        ("csv", "", "No data in train channel path"),
        ("csv", "y,x\n1,2\n", "Failed to load csv data of part-0 (no header, numbers only, the label first)"),
        ("csv", "1,2\n1,2,3\n", "Failed to load csv data of part-0"),
        ("csv", "1\n2\n", "Could not determine delimiter on line 1 of file part-0"),
        ("csv", ",1\n1,2\n", "every row needs a label"),
        ("csv", "1,2\n,2\n", "every row needs a label"),
        ("csv", "\x00\xff,\x80\n", "Failed to load csv data"),
        ("libsvm", "1,2,3\n", "is not 'LIBSVM' format"),
        ("libsvm", "1 a:2\n", "is not 'LIBSVM' format"),
        ("libsvm", "1 -4:2\n", "is not 'LIBSVM' format"),
        ("libsvm", "1 99999999999999:2\n", "is not 'LIBSVM' format"),
        ("libsvm", "1:1 0:2\n1 0:2\n", "Either every libsvm line has a weight"),
        ("parquet", "1,2\n", "Failed to load parquet data of part-0"),
    ],
)
def test_data_that_are_not_what_they_are_said_to_be(tmp_path: Path, kind: str, content: str, law: str) -> None:
    """The customer is told which file is wrong and how."""
    with pytest.raises(CustomerError) as caught:
        read(tmp_path / "train", kind, content)

    assert law in str(caught.value)


@pytest.mark.parametrize(
    ("content_type", "content", "law"),
    [
        ("csv", "1,inf\n0,2\n", "contains `inf`"),
        ("libsvm", "1 qid:2 0:1\n0 qid:1 0:2\n", "qid"),
    ],
)
def test_data_that_xgboost_refuses(container: Container, content_type: str, content: str, law: str) -> None:
    """What only xgboost notices is the customer's error as well, in one line."""
    container.put("train", "a", content)
    container.configure({"num_round": "2"}, train=content_type)
    run = container.run()

    assert run.code == 1
    assert run.failure.startswith("ClientError: ")
    assert law in run.failure
    assert "Stack trace" not in run.failure


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (None, "libsvm"),
        ("text/csv", "csv"),
        ("CSV", "csv"),
        ("text/csv; label_size=1; charset=utf-8", "csv"),
        ("text/x-libsvm ;charset=utf8", "libsvm"),
        ("application/x-parquet", "parquet"),
    ],
)
def test_content_types(text: str | None, kind: str) -> None:
    """Case and parameters do not matter; no content type means libsvm."""
    assert content_type(text) == kind


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("text/csv;label_size=2", "Optional parameter label_size must be equal to 1"),
        ("application/json", "application/json is not an accepted ContentType"),
        ("application/x-recordio-protobuf", "RecordIO-protobuf is not read by this trainer"),
    ],
)
def test_content_types_that_are_refused(text: str, law: str) -> None:
    """What is not read is refused by name."""
    with pytest.raises(CustomerError) as caught:
        content_type(text)

    assert law in str(caught.value)


@pytest.mark.parametrize(
    ("channels", "law"),
    [
        ({"validation": "text/csv"}, "Missing required channel: train"),
        ({"train": "text/csv", "test": "text/csv"}, "Extraneous channel found: test"),
        ({"train": "text/csv", "validation": "text/csv"}, "No data in validation channel path"),
    ],
)
def test_channels_are_strict(
    container: Container, two_classes: tuple[Rows, Rows], channels: dict[str, str | None], law: str
) -> None:
    """Train is required, others than validation and code are unknown, and one that is named has data."""
    container.put("train", "part-0.csv", csv_text(two_classes[0]))
    container.configure({"num_round": "2"}, **channels)
    run = container.run()

    assert run.code == 1
    assert run.failure.startswith("ClientError: ")
    assert law in run.failure
