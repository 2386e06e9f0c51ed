"""A batch in parts: rows to the requests of a hosted model, and its answers back to rows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from components.deployment.batch.input_rows import Rows
from components.deployment.batch.transform_requests import MAX_PAYLOAD_MB
from components.errors import Damaged

# Below the limit by what JSON lines and headers may add.
PART_BYTES = (MAX_PAYLOAD_MB - 1) * 1024 * 1024


def parts_of(rows: Rows, features: Sequence[str] | None) -> Iterator[tuple[Rows, bytes]]:
    """The rows cut so that each piece is one request.

    Args:
        rows: A chunk.
        features: The model's columns; None is all.
    """
    body = _body(rows, features)
    count = rows.batch.num_rows
    if len(body) <= PART_BYTES or count == 1:
        yield rows, body
        return
    half = count // 2
    yield from parts_of(replace(rows, batch=rows.batch.slice(0, half)), features)
    yield from parts_of(replace(rows, first=rows.first + half, batch=rows.batch.slice(half)), features)


def read_answers(content: bytes, *, name: str, rows: int) -> Mapping[str, list[Any]]:
    """Columns of a part's answers.

    Args:
        content: What the hosted model answered.
        name: For messages.
        rows: How many it was asked.

    Raises:
        Damaged: It is no answer to each of the rows.
    """
    try:
        records = json.loads(content)["predictions"]
        columns = {name: [record[name] for record in records] for name in records[0]}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Damaged(f'{name}: the answer must be {{"predictions": [...]}} of records, got {error!r}') from error
    if len(records) != rows:
        raise Damaged(f"{name}: every row must be answered, got {len(records)} answers to {rows} rows")
    return columns


def _body(rows: Rows, features: Sequence[str] | None) -> bytes:
    names = [name for name in rows.batch.schema.names if features is None or name in features]
    columns = [_cells(rows.batch.column(name).to_pylist(), is_text=rows.is_text) for name in names]
    document = {"columns": names, "data": list(map(list, zip(*columns, strict=True)))}
    return json.dumps({"dataframe_split": document}, allow_nan=False, default=str, separators=(",", ":")).encode()


def _cells(values: list[Any], *, is_text: bool) -> list[Any]:
    """Values as JSON has them: what is missing is null."""
    if is_text:
        return [value or None for value in values]
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        value = float(value)
    return None if isinstance(value, float) and math.isnan(value) else value
