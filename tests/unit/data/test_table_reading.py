"""From files to rows."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_builders import read, shop, write_csv, write_text

from components.errors import Damaged, InvalidData, NotFound
from components.storage.local import FolderStore

ROWS = "a;b\r\n1;x\r\n2;y\r\n"


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    """Comma, semicolon, tab and bar are told apart, also when values hold the others."""
    text = f'a b{delimiter}"c{delimiter}d"{delimiter}e\n1{delimiter}"x, y; z | w"{delimiter}3\n'
    write_text(text, tmp_path / "t.csv")
    frame = read("t.csv", tmp_path).frame
    assert list(frame.columns) == ["a b", f"c{delimiter}d", "e"]
    assert frame.iloc[0].tolist() == [1.0, "x, y; z | w", 3.0]


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    """A file of one column is read with commas."""
    write_text("a\n1\n2\n", tmp_path / "t.csv")
    assert read("t.csv", tmp_path).frame["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.data", "t.data.csv.gz"])
def test_packed_or_not_is_seen_from_the_bytes(name: str, tmp_path: Path) -> None:
    """Gzip, Windows line ends, a byte order mark, blank lines and missing last line end are no matter."""
    write_text(b"\xef\xbb\xbf\r\n" + ROWS.encode() + b"\r\n3;z", tmp_path / name)
    frame = read(name, tmp_path).frame
    assert frame.to_dict("list") == {"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"]}


def test_missing_values_have_several_spellings(tmp_path: Path) -> None:
    """Empty, NA, NaN and ? mean no value, with spaces around or not; "unknown" and "None" are values."""
    cells = ["", " ", "NA", "NaN", "nan", "?", " ?", "? "]
    lines = "".join(f"{cell},{cell},1\n" for cell in cells)
    write_text(f"n,t,k\n{lines}1, unknown ,1\n2,None,1\n", tmp_path / "t.csv")
    frame = read("t.csv", tmp_path).frame
    assert kinds(frame) == {"n": "float64", "t": "object", "k": "float64"}
    assert frame["n"].isna().sum() == frame["t"].isna().sum() == len(cells)
    assert frame["t"].tolist()[-2:] == ["unknown", "None"]


def test_a_columns_kind_is_decided_on_all_rows(tmp_path: Path) -> None:
    """One word in the last row makes a column text, however many numbers came before."""
    numbers = "".join(f"{place},true,{place}.5\n" for place in range(3000))
    write_text(f"id,flag,x\n{numbers}last,FALSE,-1e-3\n", tmp_path / "t.csv")
    frame = read("t.csv", tmp_path).frame
    assert kinds(frame) == {"id": "object", "flag": "boolean", "x": "float64"}
    assert frame["id"].iloc[[0, -1]].tolist() == ["0", "last"]
    assert frame["x"].iloc[-1] == -0.001


@pytest.mark.parametrize("text", ["1_000", "0x10", "1,5", "12:30", "1e", "--1", "true"])
def test_what_only_looks_like_a_number_is_text(text: str, tmp_path: Path) -> None:
    """A number is what every reader of CSV takes for one."""
    write_text(f"a;b\n{text};1\n2;1\n", tmp_path / "t.csv")
    assert read("t.csv", tmp_path).frame["a"].tolist() == [text, "2"]


def test_quoted_values_may_hold_line_ends(tmp_path: Path) -> None:
    """Quotes, doubled quotes and line ends inside quotes belong to the value."""
    write_text('a,b\n"one\ntwo",1\n"say ""hi""",2\n', tmp_path / "t.csv")
    assert read("t.csv", tmp_path).frame["a"].tolist() == ["one\ntwo", 'say "hi"']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got an empty file"),
        (" \n\n", "got an empty file"),
        ("a,b\n", "got none"),
        ("a,b\n1,2\n3\n", "line 3: 2 fields are needed, got 1"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: 2 fields are needed, got 3"),
        ('a,b\n"x\ny",2\n3,4,5\n1\n', "line 4: 2 fields are needed, got 3; line 5: 2 fields are needed, got 1"),
        ("a,b,a,c,c\n1,2,3,4,5\n", "got twice: a, c"),
        ("a,,c\n1,2,3\n", "got none for column 2"),
        (b"a,b\n1,x\n2,caf\xe9\n", "must be UTF-8, got byte 0xe9 in line 3"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a,b\n1,2\n3,\0\n", "NUL, got one in line 3"),
        (b"PK\x03\x04rest", "zip or Excel"),
    ],
)
def test_broken_csv_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    """What is wrong with a file is said with its name and line."""
    write_text(text, tmp_path / "t.csv")
    with pytest.raises(InvalidData) as caught:
        read("t.csv", tmp_path)
    assert said in str(caught.value)
    assert str(caught.value).startswith("t.csv: ")


def test_a_quote_that_is_not_closed(tmp_path: Path) -> None:
    """A lost quote swallows the rest of the file; it is refused, in a small file and in a large one."""
    for rows in (3, 50_000):
        lines = [f"{place},word" for place in range(rows)]
        lines[1] = '1,"word'
        write_text("a,b\n" + "\n".join(lines), tmp_path / "t.csv")
        with pytest.raises(InvalidData, match=r"^t\.csv: line 3: .*quote"):
            read("t.csv", tmp_path)
    write_text('a,b\n5" pipe,1\n6,2\n', tmp_path / "t.csv")
    assert read("t.csv", tmp_path).frame["a"].tolist() == ['5" pipe', "6"]


def test_a_row_of_another_length_deep_inside(tmp_path: Path) -> None:
    """A short row is found by line in a file of many blocks, and is never padded."""
    lines = [f"{place},{'x' * 40}" for place in range(60_000)]
    lines[50_000] = "short"
    write_text("a,b\n" + "\n".join(lines), tmp_path / "t.csv")
    with pytest.raises(InvalidData, match="line 50002: 2 fields are needed, got 1"):
        read("t.csv", tmp_path)


@pytest.mark.parametrize("keep", [2, 12, 40, -9])
def test_a_cut_off_gzip_is_damaged(keep: int, tmp_path: Path) -> None:
    """A download that broke off is no shorter table."""
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    (tmp_path / "t.csv.gz").write_bytes(packed[:keep])
    with pytest.raises(Damaged, match=r"t.csv.gz.*cut off or broken.*fetch it again"):
        read("t.csv.gz", tmp_path)


def test_a_flipped_byte_in_a_gzip_is_damage(tmp_path: Path) -> None:
    """A gzip whose checksum does not hold is not read."""
    packed = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 5000))
    packed[len(packed) // 2] ^= 0xFF
    (tmp_path / "t.csv.gz").write_bytes(packed)
    with pytest.raises(Damaged, match=r"t.csv.gz"):
        read("t.csv.gz", tmp_path)


def test_broken_parquet_is_damaged(tmp_path: Path) -> None:
    """A Parquet file that is cut off, or none at all, is said so."""
    shop().to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for content in (whole[: len(whole) // 2], b"PAR1", b"not parquet", b""):
        (tmp_path / "t.parquet").write_bytes(content)
        with pytest.raises(Damaged, match=r"t.parquet.*cut off or broken"):
            read("t.parquet", tmp_path)


def test_csv_and_parquet_of_the_same_rows_are_the_same(tmp_path: Path) -> None:
    """How rows were kept does not change them."""
    frame = shop()
    write_csv(frame, tmp_path / "t.csv")
    frame.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read("t.csv", tmp_path).frame, read("t.parquet", tmp_path).frame)


def test_parquet_types(tmp_path: Path) -> None:
    """Integers, decimals, dictionaries, dates, nulls and nested values each have their place, or a name to drop."""
    table = pa.table(
        {
            "integer": pa.array([1, None, 3], pa.int16()),
            "decimal": pa.array([Decimal("1.25"), Decimal(2), Decimal(3)]),
            "coded": pa.array(["x", None, " ?"]).dictionary_encode(),
            "zip": pa.array(["01234", "5", "6"]),
            "flag": pa.array([True, None, False]),
            "day": pa.array([0, 1, None], pa.int32()).cast(pa.date32()),
            "null": pa.nulls(3),
            "list": pa.array([[1], [2], []]),
            "__index_level_0__": pa.array([7, 8, 9]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    got = read("t.parquet", tmp_path)
    assert kinds(got.frame) == {
        "integer": "float64",
        "decimal": "float64",
        "coded": "object",
        "zip": "object",
        "flag": "boolean",
        "day": "datetime64[ns]",
        "null": "float64",
    }
    assert got.frame["coded"].tolist() == ["x", None, None]
    assert got.frame["zip"].tolist() == ["01234", "5", "6"]
    assert got.unusable == {"list": "list<element: int64>"}
    assert "__index_level_0__" in got.notes[0]


def test_a_glob_is_all_its_files_by_name(tmp_path: Path) -> None:
    """Files of a glob come one after the other, by name, with columns in the first one's order."""
    write_text("a,b\n3,z\n", tmp_path / "part-2.csv")
    write_text("b;a\nx;1\ny;2\n", tmp_path / "part-1.csv.gz")
    assert read("part-*", tmp_path).frame.to_dict("list") == {"b": ["x", "y", "z"], "a": [1.0, 2.0, 3.0]}


def test_files_of_a_glob_must_agree(tmp_path: Path) -> None:
    """A file with other columns is named with what differs."""
    write_text("a,b\n1,2\n", tmp_path / "1.csv")
    write_text("a,c\n1,2\n", tmp_path / "2.csv")
    with pytest.raises(InvalidData, match=r"2.csv: all files must have the columns of 1.csv, got different b, c"):
        read("*.csv", tmp_path)


def test_a_kind_is_decided_over_all_files(tmp_path: Path) -> None:
    """The same rows in one file or in two have the same kinds."""
    write_text("a,b\n1,2\n", tmp_path / "1.csv")
    write_text("a,b\nx,3\n", tmp_path / "2.csv")
    assert read("*.csv", tmp_path).frame["a"].tolist() == ["1", "x"]


def test_a_file_without_header(tmp_path: Path) -> None:
    """data.columns names the columns of a file whose first line is data."""
    write_text("M,0.5,15\nF,0.25,7\n", tmp_path / "t.csv")
    frame = read("t.csv", tmp_path, columns=["sex", "size", "buys"]).frame
    assert frame.to_dict("list") == {"sex": ["M", "F"], "size": [0.5, 0.25], "buys": [15.0, 7.0]}
    with pytest.raises(InvalidData, match="line 1: 2 fields are needed, got 3"):
        read("t.csv", tmp_path, columns=["sex", "buys"])


def test_columns_are_for_csv_only(tmp_path: Path) -> None:
    """Parquet and published sets bring their names; giving others is refused, not ignored."""
    shop().to_parquet(tmp_path / "t.parquet")
    for source in ("t.parquet", "sklearn://iris"):
        with pytest.raises(InvalidData, match=r"data.columns"):
            read(source, tmp_path, columns=["a", "buys"])


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    """A typing error in a path is answered with the file it may have meant."""
    write_text(ROWS, tmp_path / "customers.csv")
    with pytest.raises(NotFound, match=r"got costumers.csv \(did you mean customers.csv\?\)"):
        read("costumers.csv", tmp_path)
    with pytest.raises(NotFound, match=r"got 2.parquet \(looked in"):
        read("2.parquet", tmp_path)
    with pytest.raises(NotFound, match=r"got raw/x.csv \(no folder .*raw\)"):
        read("raw/x.csv", tmp_path)
    with pytest.raises(NotFound, match=r"\*.tsv"):
        read("*.tsv", tmp_path)
    with pytest.raises(InvalidData, match=r"got the folder \.: write"):
        read(".", tmp_path)


def test_sources_in_a_store(tmp_path: Path) -> None:
    """An s3:// source is one object, all below a prefix, or a glob; marker files do not count."""
    store = FolderStore(tmp_path / "store")
    for key, text in {
        "in/1.csv": "a,b\n1,x\n",
        "in/2.csv": "a,b\n2,y\n",
        "in/_SUCCESS": "",
        "in.csv": "a,b\n9,z\n",
    }.items():
        store.put_bytes(text.encode(), f"s3://box/{key}")
    for source, found in {"s3://box/in.csv": [9], "s3://box/in/": [1, 2], "s3://box/in/*.csv": [1, 2]}.items():
        assert read(source, tmp_path, store).frame["a"].tolist() == found
    with pytest.raises(NotFound, match=r"s3://box/away\.csv"):
        read("s3://box/away.csv", tmp_path, store)


@pytest.mark.parametrize("source", ["http://host/t.csv", "file:///etc/passwd", "gs://box/t.csv"])
def test_other_schemes_are_refused(source: str, tmp_path: Path) -> None:
    """A source of a scheme nobody reads is refused with those that are."""
    with pytest.raises(InvalidData, match="sklearn://NAME"):
        read(source, tmp_path)


def test_numbers_read_are_numbers_written(tmp_path: Path) -> None:
    """Reading loses no bit of a double."""
    values = np.random.default_rng(0).normal(size=100) * 10.0 ** np.arange(-50, 50)
    write_text("x,b\n" + "".join(f"{value!r},1\n" for value in values.tolist()), tmp_path / "t.csv")
    assert read("t.csv", tmp_path).frame["x"].tolist() == values.tolist()
