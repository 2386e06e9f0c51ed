"""A batch's input: files to numbered chunks of rows."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.deployment.batch.input_files import Inputs, find_inputs
from components.deployment.batch.input_rows import CHUNK_CELLS, CHUNK_ROWS, Rows, Wanted, chunks, rows_at_once
from components.errors import Busy, Damaged, InvalidData, InvalidInput, NotFound
from components.storage.local import FolderStore

ALL = Wanted(features=None, required=(), keep=())


def inputs_of(source: str, folder: Path) -> Inputs:
    store = FolderStore(folder / "store")
    return find_inputs(source, base_dir=folder, store=store, scratch=folder / "scratch")


def read(source: str, folder: Path, wanted: Wanted = ALL) -> list[dict[str, Any]]:
    return [row for rows in chunks(inputs_of(source, folder), wanted) for row in rows.batch.to_pylist()]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_csv_is_text_as_it_stands(delimiter: str, packed: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Delimiter, gzip, byte order mark, blank lines and quoted line ends are no matter; values stay as written."""
    text = f'\ufeff\r\n\r\na{delimiter}b\r\n 1 {delimiter}"x\r\ny"\r\n\r\n{delimiter}NA'.encode()
    (tmp_path / "rows").write_bytes(gzip.compress(text) if packed else text)

    assert read("rows", tmp_path) == [{"a": " 1 ", "b": "x\r\ny"}, {"a": "", "b": "NA"}]


def test_files_come_by_name_and_empty_ones_are_passed_over(tmp_path: Path) -> None:
    """A glob's files in order, also CSV beside Parquet; row numbers begin anew in each."""
    (tmp_path / "part-2.csv").write_text("a\n3\n4\n")
    (tmp_path / "part-0.csv").write_text("")
    (tmp_path / "part-1.csv").write_text("a\n")
    pq.write_table(pa.table({"a": [5]}), tmp_path / "part-3.parquet")
    found = list(chunks(inputs_of("part-*", tmp_path), ALL))

    assert [(rows.file, rows.first, rows.is_text, rows.batch.to_pydict()) for rows in found] == [
        ("part-2.csv", 1, True, {"a": ["3", "4"]}),
        ("part-3.parquet", 1, False, {"a": [5]}),
    ]


def test_objects_of_a_store_are_read(tmp_path: Path) -> None:
    """An `s3://` prefix is every object below it, without the marks other programs leave."""
    store = FolderStore(tmp_path / "store")
    for name, text in (("b.csv", "a\n2\n"), ("a.csv", "a\n1\n"), ("_SUCCESS", "done")):
        store.put_bytes(text.encode(), f"s3://in/day/{name}")

    assert read("s3://in/day/", tmp_path) == [{"a": "1"}, {"a": "2"}]


def test_chunks_are_bounded_and_numbered(tmp_path: Path) -> None:
    """No chunk has more than its rows, wide tables have fewer, and the numbers run on."""
    rows = 2 * CHUNK_ROWS + 5
    pq.write_table(pa.table({"a": range(rows)}), tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text("a\n" + "\n".join(map(str, range(rows))) + "\n")

    for name in ("rows.parquet", "rows.csv"):
        found = list(chunks(inputs_of(name, tmp_path), ALL))
        assert max(each.batch.num_rows for each in found) <= CHUNK_ROWS
        assert [int(each.batch.column("a")[0].as_py()) for each in found] == [each.first - 1 for each in found]
        assert sum(each.batch.num_rows for each in found) == rows
    assert rows_at_once(1000) * 1000 <= CHUNK_CELLS
    assert rows_at_once(10 * CHUNK_CELLS) == 1


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    """Features and kept columns, once each; a feature that need not be there may be missing."""
    (tmp_path / "rows.csv").write_text("id,x,other\n7,1,2\n")
    wanted = Wanted(features=("x", "optional"), required=("x",), keep=("id", "x"))

    assert read("rows.csv", tmp_path, wanted) == [{"x": "1", "id": "7"}]


def test_missing_columns_are_named_before_a_row_is_read(tmp_path: Path) -> None:
    """Each by name, with the one that may have been meant."""
    (tmp_path / "rows.csv").write_text("Age,x\nthis,row,is,ragged\n")
    wanted = Wanted(features=("age", "x"), required=("age", "x"), keep=("customer",))

    with pytest.raises(
        InvalidData,
        match=r"'age' must be there \(did you mean 'Age'\?\); .*'customer' must be there \(there are Age, x\)",
    ):
        read("rows.csv", tmp_path, wanted)


BROKEN = {
    "ragged": (b"a,b\n1,2\n1,2,3\n4\n5,6\n", InvalidData, "row 2: 2 fields are needed, got 3; row 3: .* got 1"),
    "ragged late": (b"a,b\n" + b"1,2\n" * 70_000 + b"1\n", InvalidData, "row 70,001: 2 fields are needed, got 1"),
    "quote": (b'a,b\n1,2\n3,"4\n5,6\n', InvalidData, "a quote must close"),
    "quote in a long file": (
        b"a,b\n" + b"3,4\n" * 100 + b'1,"2\n' + b"3,4\n" * 3_000_000,
        InvalidData,
        "a quote must close",
    ),
    "bytes": (b"a,b\n1,2\n1,\xff\n", InvalidData, "row 2: it must be UTF-8"),
    "NUL": (b"a,b\n1,\0\n", InvalidData, "NUL"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), InvalidData, "UTF-16"),
    "nameless": (b"a,\n1,2\n", InvalidData, "every column needs a name"),
    "twice": (b"a,a\n1,2\n", InvalidData, "got twice: a"),
    "zip": (b"PK\x03\x04rest", InvalidData, "zip or Excel"),
    "cut gzip": (gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 9000)[:-40], Damaged, "cut off or broken"),
    "cut Parquet": (b"PAR1 and nothing", Damaged, "cut off or broken"),
    "no rows": (b"a,b\n", InvalidData, "at least one row"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_told_by_row(kind: str, tmp_path: Path) -> None:
    """What the training data would be refused for is refused here, by file and row."""
    content, error, law = BROKEN[kind]
    (tmp_path / "rows").write_bytes(content)

    with pytest.raises(error, match=f"rows: .*{law}"):
        read("rows", tmp_path)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """A path with a typo, a folder, another scheme."""
    (tmp_path / "rows.csv").write_text("a\n1\n")
    with pytest.raises(NotFound, match=r"--input: .*got row.csv \(did you mean rows.csv"):
        inputs_of("row.csv", tmp_path)
    with pytest.raises(InvalidData, match="--input: a file or a glob is needed, got the folder"):
        inputs_of(".", tmp_path)
    with pytest.raises(NotFound, match="--input: an object must match"):
        inputs_of("s3://in/none/", tmp_path)
    with pytest.raises(InvalidInput, match="an s3:// URI of CSV"):
        inputs_of("https://example.org/a.csv", tmp_path)


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    """Answers to rows of two states are not given out as one."""
    place = tmp_path / "rows.csv"
    place.write_text("a\n1\n")
    found: Iterator[Rows] = chunks(inputs_of("rows.csv", tmp_path), ALL)
    next(found)
    place.write_text("a\n1\n2\n")

    with pytest.raises(Busy, match="changed while it was read"), suppress(StopIteration):
        next(found)
