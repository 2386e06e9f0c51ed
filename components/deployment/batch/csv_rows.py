"""CSV(.gz) as a stream of text columns, refused for what the training data would be refused for."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from components.data.csv_table import delimiter_of, header_of
from components.data.table import GZIP
from components.errors import Damaged, InvalidData

# What the delimiter and the header are found in; a header line is shorter.
HEAD_BYTES = 1 << 18
BLOCK_BYTES = 4 << 20
SHOWN_FAULTS = 3
_Readable = gzip.GzipFile | io.BufferedReader
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def csv_header(name: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """Delimiter and column names; no columns of an empty file.

    Raises:
        InvalidData: It is no UTF-8 text with a usable header line.
        Damaged: The gzip file is cut off or broken.
    """
    with _unpacked(name, path) as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(_UTF16_MARKS):
        raise InvalidData(name, ["text must be UTF-8, got UTF-16: save it as UTF-8"])
    whole = len(head) < HEAD_BYTES
    text = _without_mark(head if whole else head[: head.rfind(b"\n") + 1]).decode(errors="replace")
    if not text.strip():
        if not whole:
            raise InvalidData(name, [f"a header line must end within {HEAD_BYTES:,} bytes, got none"])
        return ",", ()
    delimiter = delimiter_of(name, text)
    return delimiter, tuple(header_of(name, text, delimiter))


def csv_batches(
    name: str, path: Path, *, delimiter: str, header: Sequence[str], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Batches of string columns; an empty field is "".

    Args:
        name: For messages.
        path: The file.
        delimiter: From `csv_header`.
        header: The same.
        columns: Those wanted, at least one.

    Raises:
        InvalidData: A row of another length, bytes that are not UTF-8, a quote that does not close.
        Damaged: The gzip file is cut off or broken.
    """
    ragged: list[tuple[int, int]] = []

    def on_ragged(row: pacsv.InvalidRow) -> str:
        ragged.append((row.number - 1, row.actual_columns))  # the header is row 1
        return "skip"

    with _unpacked(name, path) as file:
        watched = _Watched(name, file)
        try:
            reader = pacsv.open_csv(
                watched,
                read_options=pacsv.ReadOptions(
                    use_threads=False, block_size=BLOCK_BYTES, column_names=list(header), skip_rows=1
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=on_ragged
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.string()),
                    include_columns=list(columns),
                    strings_can_be_null=False,
                ),
            )
            for batch in reader:
                _refuse_ragged(name, ragged, len(header))
                yield batch
        except pa.ArrowInvalid as error:
            raise InvalidData(name, [_told(str(error))]) from error
        _refuse_ragged(name, ragged, len(header))
        watched.check_quotes()


def _refuse_ragged(name: str, ragged: Sequence[tuple[int, int]], width: int) -> None:
    if ragged:
        shown = [f"row {number:,}: {width} fields are needed, got {fields}" for number, fields in ragged[:SHOWN_FAULTS]]
        raise InvalidData(name, shown)


def _told(error: str) -> str:
    if "straddling" in error or "block boundaries" in error:
        return f"a quote must close within {BLOCK_BYTES >> 20} MB, got one that does not"
    place, found, rest = error.partition("Row #")
    number, _, law = rest.partition(": ")
    if found and number.isdigit():
        return f"row {int(number) - 1:,}: it must be UTF-8 CSV: {law} ({place.strip(' :')})"
    return f"it must be UTF-8 CSV: {error}"


def _unpacked(name: str, path: Path) -> _Readable:
    file = path.open("rb")
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    return _Unpacking(name, file) if packed else file


def _without_mark(start: bytes) -> bytes:
    """Text as the reader takes it: a mark and empty lines before the header would be taken for it."""
    return start.removeprefix(_UTF8_MARK).lstrip(b"\r\n")


class _Unpacking(gzip.GzipFile):
    """A gzip file whose faults name it."""

    def __init__(self, name: str, file: io.BufferedReader) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._called = name
        self._file = file

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            law = f"{self._called}: the gzip file is cut off or broken ({error}): fetch it again"
            raise Damaged(law) from error

    def close(self) -> None:
        super().close()
        self._file.close()


class _Watched(io.RawIOBase):
    """A stream without its mark, that counts quotes: one that never closes would hide the rest of the file."""

    def __init__(self, name: str, file: _Readable) -> None:
        super().__init__()
        self._called = name
        self._file = file
        self._quotes = 0
        self._begun = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        if not self._begun:
            content = _begin(content, lambda: self._file.read(size))
            self._begun = True
        if b"\0" in content:
            raise InvalidData(self._called, ["text holds no NUL, got one: is it a text file?"])
        self._quotes += content.count(b'"')
        return content

    def check_quotes(self) -> None:
        if self._quotes % 2:
            raise InvalidData(self._called, ["a quote must close, got one that does not"])


def _begin(content: bytes, more: Callable[[], bytes]) -> bytes:
    """The first bytes after mark and empty lines; nothing only at the end of the file."""
    kept = _without_mark(content)
    while content and not kept:
        content = more()
        kept = content.lstrip(b"\r\n")
    return kept
