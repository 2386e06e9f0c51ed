"""A batch's output: one file, whole or not at all."""

from __future__ import annotations

import fcntl
import gzip
from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from components.deployment.batch.kept_integers import from_csv
from components.deployment.batch.output_file import GROUP_ROWS, OutputFile, check_output, writing
from components.errors import CannotWrite, Damaged, InvalidInput
from components.storage.local import FolderStore

FIRST = pa.table({"id": ["a, b", ""], "prediction": [0.25, None], "late": pa.nulls(2)})
SECOND = pa.table({"id": ['"'], "prediction": [3.0], "late": ["text"]})
BOTH = {"id": ["a, b", "", '"'], "prediction": [0.25, None, 3.0], "late": [None, None, "text"]}


def output_to(output: str, folder: Path) -> AbstractContextManager[OutputFile]:
    about = {"retune.model": "m", "retune.version": "7"}
    store = FolderStore(folder / "store")
    return writing(output, base_dir=folder, store=store, scratch=folder / "scratch", about=about)


@pytest.mark.parametrize("name", ["new/folder/out.parquet", "out.csv", "out.csv.gz"])
def test_chunks_become_one_file(name: str, tmp_path: Path) -> None:
    """Rows in order under the types of the first; nothing else is left in the folder."""
    with output_to(name, tmp_path) as output:
        output.write(FIRST)
        output.write(SECOND)
        assert not (tmp_path / name).exists()
    place = tmp_path / name

    assert (output.rows, output.columns) == (3, ("id", "prediction", "late"))
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    if name.endswith("parquet"):
        table = pq.read_table(place)
        assert table.to_pydict() == BOTH
        assert table.schema.metadata[b"retune.version"] == b"7"
    else:
        content = place.read_bytes()
        text = gzip.decompress(content).decode() if name.endswith("gz") else content.decode()
        assert text == '"id","prediction","late"\n"a, b",0.25,\n"",,\n"""",3,"text"\n'


def test_a_store_gets_the_whole_file(tmp_path: Path) -> None:
    """An `s3://` output is put once, at the end."""
    store = FolderStore(tmp_path / "store")
    with output_to("s3://out/day/answers.csv", tmp_path) as output:
        output.write(FIRST)
        assert not store.exists("s3://out/day/answers.csv")

    assert pacsv.read_csv(pa.BufferReader(store.get_bytes("s3://out/day/answers.csv"))).num_rows == 2
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    """The old file stays as it was, the new one is gone."""
    (tmp_path / "out.csv").write_text("old")
    other = pa.table({"other": [1]})
    with pytest.raises(Damaged, match="must have the columns"), output_to("out.csv", tmp_path) as output:
        list(map(output.write, (FIRST, other)))

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "old")]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    """A part that nobody holds goes; that of a running writer, or to another place, stays."""
    left, held, other = (tmp_path / f".{name}.part" for name in ("out.csv.1", "out.csv.2", "another.csv.3"))
    for path in (left, held, other):
        path.write_text("half")
    with held.open("rb") as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        with output_to("out.csv", tmp_path) as output:
            output.write(FIRST)

    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", held.name, other.name}


def test_types_that_change_are_told(tmp_path: Path) -> None:
    """A kept column that turns from numbers to text, and answers of other columns."""
    with output_to("out.parquet", tmp_path) as output:
        output.write(pa.table({"id": [1]}))
        with pytest.raises(InvalidInput, match="must keep the type of its first rows"):
            output.write(pa.table({"id": ["x"]}))
        with pytest.raises(Damaged, match="must have the columns id, got other"):
            output.write(pa.table({"other": [1]}))


def from_csv_file(**columns: list[str]) -> pa.Table:
    """Kept columns of a CSV file."""
    return pa.table(columns, schema=pa.schema([from_csv(name) for name in columns]))


def test_integers_of_a_csv_file_stay_integers(tmp_path: Path) -> None:
    """An id is a number in Parquet and an empty field none; 007 and 1.50 stay as they stand, and so does CSV."""
    rows = from_csv_file(id=["1", "", "-20"], code=["007", "1", "2"], price=["1.50", "2", ""], none=["", "", ""])
    for name in ("out.parquet", "out.csv"):
        with output_to(name, tmp_path) as output:
            output.write(rows)
            output.write(pa.table({"id": [7], "code": ["x"], "price": ["y"], "none": ["z"]}))

    table = pq.read_table(tmp_path / "out.parquet")
    assert [str(field.type) for field in table.schema] == ["int64", "string", "string", "string"]
    assert table.to_pydict() == {
        "id": [1, None, -20, 7],
        "code": ["007", "1", "2", "x"],
        "price": ["1.50", "2", "", "y"],
        "none": ["", "", "", "z"],
    }
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == [
        '"1","007","1.50",""',
        '"","1","2",""',
        '"-20","2","",""',
        '"7","x","y","z"',
    ]


@pytest.mark.parametrize("flushed", [True, False])
def test_an_id_that_turns_to_text_late_is_text_from_the_first_row_on(tmp_path: Path, *, flushed: bool) -> None:
    """Also when groups have been written: nothing of them is lost, and the metadata stays."""
    count = GROUP_ROWS if flushed else 3
    ids = ["" if number == 1 else str(number) for number in range(count)]
    with output_to("out.parquet", tmp_path) as output:
        output.write(from_csv_file(id=ids, other=ids))
        output.write(from_csv_file(id=["1"], other=["2"]))
        output.write(from_csv_file(id=["A-1"], other=["3"]))

    table = pq.read_table(tmp_path / "out.parquet")
    assert table["id"].to_pylist() == [*ids, "1", "A-1"]
    assert table["other"].to_pylist() == [int(text) if text else None for text in [*ids, "2", "3"]]
    assert table.schema.metadata[b"retune.version"] == b"7"
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize("output", ["out", "out.xlsx", ".csv", "https://x/out.csv", "s3:///out.csv", "folder.csv"])
def test_what_cannot_be_written_is_refused_at_once(output: str, tmp_path: Path) -> None:
    """No format, no file, no such scheme."""
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidInput):
        check_output(output, tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file in the way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match=r"cannot write file/out.csv"), output_to("file/out.csv", tmp_path):
        pass
