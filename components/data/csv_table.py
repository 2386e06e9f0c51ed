"""CSV text to columns of text: delimiter found, header read, ragged rows named by line."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv as pacsv

from components.errors import InvalidData

DELIMITERS = (",", ";", "\t", "|")
SNIFFED_RECORDS = 20
SHOWN_FAULTS = 3
WITHOUT_HEADER = "a file without a header line needs data.columns"


def parse_csv(name: str, content: bytes, columns: Sequence[str]) -> pa.Table:
    """A CSV file's columns as text, spaces and all.

    Args:
        name: File name for messages.
        content: The file, unpacked.
        columns: Column names when the file has no header line.

    Returns:
        A table of string columns; an empty field is "".

    Raises:
        InvalidData: Empty, not UTF-8, no usable header, or rows of unequal length.
    """
    text = _text(name, content)
    delimiter = delimiter_of(name, text)
    _check_quotes(name, text, delimiter)
    header = list(columns) or header_of(name, text, delimiter)
    faults: list[int] = []

    def on_fault(row: pacsv.InvalidRow) -> str:
        faults.append(row.actual_columns)
        return "skip"

    try:
        table = pacsv.read_csv(
            io.BytesIO(text.lstrip("\r\n").encode()),
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=header, skip_rows_after_names=0 if columns else 1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=on_fault
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise InvalidData(name, _ragged(name, text, delimiter, len(header)) or [f"it must be CSV: {error}"]) from error
    if faults:
        told = _ragged(name, text, delimiter, len(header))
        raise InvalidData(name, told or [f"{len(header)} fields are needed in every line, got {min(faults)}"])
    if table.num_rows == 0:
        raise InvalidData(name, ["at least one row must follow the header, got none"])
    return table


def _text(name: str, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidData(name, ["text must be UTF-8, got UTF-16: save it as UTF-8"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InvalidData(name, [f"text must be UTF-8, got byte 0x{content[error.start]:02x} in line {line}"]) from None
    if "\0" in text:
        line = text.partition("\0")[0].count("\n") + 1
        raise InvalidData(name, [f"text holds no NUL, got one in line {line}: is it a text file?"])
    if not text.strip():
        raise InvalidData(name, ["a header line and rows are needed, got an empty file"])
    return text


def _records(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records that are not empty, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 0
    try:
        for row in reader:
            line = reader.line_num
            if row:
                yield line, row
    except csv.Error as error:
        raise InvalidData(name, [f"line {line + 1}: it must be CSV: {error} (a quote that does not close?)"]) from None


def delimiter_of(name: str, text: str) -> str:
    """The sign that cuts the first records into equally many fields, and into the most."""
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        first = [row for _, row in itertools.islice(_records(name, text, delimiter), SNIFFED_RECORDS)]
        fields = len(first[0]) if first else 1
        if fields > 1:
            alike = sum(len(row) == fields for row in first) / len(first)
            best, best_score = max((best, best_score), (delimiter, (alike, fields)), key=lambda entry: entry[1])
    return best


def _check_quotes(name: str, text: str, delimiter: str) -> None:
    """Refuse a quote that never closes: the reader would take the rest of the file for one value."""
    if text.count('"') % 2 == 0:
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 0
    try:
        for _ in reader:
            line = reader.line_num
    except csv.Error as error:
        if "unexpected end" in str(error) or "field limit" in str(error):
            raise InvalidData(name, [f"line {line + 1}: a quote must close, got one that does not"]) from None


def header_of(name: str, text: str, delimiter: str) -> list[str]:
    """Column names in the first record. Raises InvalidData when one is empty or there twice."""
    header = [cell.strip() for cell in next(_records(name, text, delimiter))[1]]
    breaches = [
        f"line 1: every column needs a name, got none for column {place}: {WITHOUT_HEADER}"
        for place, cell in enumerate(header, start=1)
        if not cell
    ]
    twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
    if twice:
        breaches.append(f"line 1: column names must differ, got twice: {', '.join(twice)}: {WITHOUT_HEADER}")
    if breaches:
        raise InvalidData(name, breaches)
    return header


def _ragged(name: str, text: str, delimiter: str, width: int) -> list[str]:
    """The first rows of another length, by line; looked for only when there are some."""
    faults = ((line, len(row)) for line, row in _records(name, text, delimiter) if len(row) != width)
    return [
        f"line {line}: {width} fields are needed, got {fields}"
        for line, fields in itertools.islice(faults, SHOWN_FAULTS)
    ]
