"""A channel's files as a DMatrix: CSV, libsvm and Parquet, as SageMaker's XGBoost reads them.

CSV has no header and the label in column 0; Parquet has the label in column 0; libsvm lines are
`label[:weight] [qid:group] index:value ...` with absent values missing. Numbers are read with numpy alone: 28,000 rows
of 50 columns take 0.2 s (measured), and neither pandas nor pyarrow is loaded (pyarrow starts a thread when imported,
which a process that is forked from must not have); only Parquet imports pyarrow, in the training process itself.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from scipy import sparse

from components.trainers.failure import CustomerError

CONTENT_TYPES: Mapping[str, str] = {
    "csv": "csv",
    "text/csv": "csv",
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "parquet",
    "application/x-parquet": "parquet",
}
_RECORDIO = ("recordio-protobuf", "application/x-recordio-protobuf")
_DELIMITERS = (",", "\t", ";", "|", " ")
_SHOWN_CHARACTERS = 50
_INDEX_DIGITS = 9  # xgboost counts columns with 32 bits

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of one channel; `features` has shape (n, d), NaN or absent = missing, the others (n,)."""

    features: Numbers | sparse.csr_matrix
    labels: Numbers
    weights: Numbers | None = None
    groups: npt.NDArray[np.int64] | None = None

    @property
    def columns(self) -> int:
        """Number of features."""
        return int(self.features.shape[1])


def content_type(text: str | None) -> str:
    """`csv`, `libsvm` or `parquet` of a channel's ContentType; libsvm when there is none.

    Raises:
        CustomerError: A type SageMaker's XGBoost does not take, or one not read here.
    """
    kind, *parameters = [part.strip() for part in (text or "libsvm").lower().split(";")]
    if kind in _RECORDIO:
        raise CustomerError(f"{text}: RecordIO-protobuf is not read by this trainer; use csv, libsvm or parquet.")
    if kind not in CONTENT_TYPES:
        raise CustomerError(f"{text} is not an accepted ContentType: {', '.join(CONTENT_TYPES)}.")
    if CONTENT_TYPES[kind] == "csv":
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "label_size" and value.strip() != "1":
                raise CustomerError(
                    f"{text} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
                )
    return CONTENT_TYPES[kind]


def data_files(folder: Path) -> list[Path]:
    """The files of a channel in the order of their paths, without empty ones and names that start with `.` or `_`."""
    files = (path for path in folder.rglob("*") if path.is_file())
    shown = [path for path in files if not any(step[0] in "._" for step in path.relative_to(folder).parts)]
    return sorted(path for path in shown if path.stat().st_size > 0)


def read_channel(folder: Path, kind: str, *, csv_weights: bool = False) -> Table:
    """All rows of a channel.

    Args:
        folder: `input/data/<channel>`.
        kind: As `content_type` gives it.
        csv_weights: Whether CSV has instance weights in column 1.

    Raises:
        CustomerError: No data, or data that are not what the content type says.
    """
    files = data_files(folder)
    if not files:
        raise CustomerError(f"No data in {folder.name} channel path {folder}")
    if kind == "libsvm":
        table = _libsvm(files)
    else:
        parts = [_csv(path) if kind == "csv" else _parquet(path) for path in files]
        if len({part.shape[1] for part in parts}) > 1:
            raise CustomerError(f"All files of channel {folder.name} must have the same number of columns.")
        rows = np.concatenate(parts)
        first = 2 if csv_weights and kind == "csv" else 1
        if rows.shape[1] <= first:
            raise CustomerError(f"Channel {folder.name} needs a label and at least one feature, got one column.")
        table = Table(features=rows[:, first:], labels=rows[:, 0], weights=rows[:, 1] if first > 1 else None)
    if not np.all(np.isfinite(table.labels)):
        raise CustomerError(f"Channel {folder.name}: every row needs a label, got missing or infinite ones.")
    return table


def matrix(table: Table, *, objective: str, nthread: int, columns: int | None = None) -> xgb.DMatrix:
    """A table in the form xgboost trains on.

    Args:
        table: Rows of a channel.
        objective: For `survival:aft` every label is taken as uncensored (lower bound = upper bound = label).
        nthread: Threads to build it with.
        columns: Number of features when the model knows more of them than this sparse table.
    """
    features = table.features
    if columns is not None and isinstance(features, sparse.csr_matrix) and columns > table.columns:
        features = sparse.csr_matrix((features.data, features.indices, features.indptr), (features.shape[0], columns))
    bounds = table.labels if objective == "survival:aft" else None
    return xgb.DMatrix(
        features,
        label=table.labels,
        weight=table.weights,
        qid=table.groups,
        label_lower_bound=bounds,
        label_upper_bound=bounds,
        nthread=nthread,
    )


def _csv(path: Path) -> Numbers:
    raw = path.read_bytes().replace(b"\r\n", b"\n")
    line = raw[: raw.find(b"\n")] if b"\n" in raw else raw
    delimiter = max(_DELIMITERS, key=lambda mark: line.count(mark.encode()))
    mark = delimiter.encode()
    if mark not in line:
        shown = line[:_SHOWN_CHARACTERS].decode(errors="replace")
        raise CustomerError(f"Could not determine delimiter on line {shown} of file {path.name}")
    # numpy has no word for an empty field: give it one. Twice, because matches do not overlap.
    if delimiter != " ":
        for _ in range(2):
            raw = raw.replace(mark + mark, mark + b"nan" + mark)
        raw = raw.replace(mark + b"\n", mark + b"nan\n").replace(b"\n" + mark, b"\nnan" + mark)
        raw = (b"nan" if raw.startswith(mark) else b"") + raw + (b"nan" if raw.endswith(mark) else b"")
    try:
        return np.loadtxt(
            io.BytesIO(raw),
            delimiter=None if delimiter == " " else delimiter,
            dtype=np.float32,
            comments=None,
            quotechar='"',
            ndmin=2,
        )
    except (ValueError, OverflowError) as error:
        raise CustomerError(
            f"Failed to load csv data of {path.name} (no header, numbers only, the label first): {error}"
        ) from None


def _parquet(path: Path) -> Numbers:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # One file, not a dataset: a folder's name must not become a column.
        table = parquet.ParquetFile(path).read(use_threads=False)
        columns = [column.cast(pa.float64(), safe=False).to_numpy() for column in table.columns]
    except (pa.ArrowException, OSError) as error:
        raise CustomerError(f"Failed to load parquet data of {path.name}: {error}") from None
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.empty((0, 0), np.float32)


def _libsvm(files: Sequence[Path]) -> Table:
    rows: dict[str, list[Any]] = {"label": [], "weight": [], "group": [], "index": [], "value": [], "end": [0]}
    for path in files:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.strip():
                    _libsvm_line(line.split(), rows, path.name)
    if not rows["value"]:
        raise CustomerError("Failed to load libsvm data: no row has a feature.")
    labels = np.asarray(rows["label"], dtype=np.float32)
    if rows["weight"] and len(rows["weight"]) != len(labels):
        raise CustomerError("Either every libsvm line has a weight (label:weight) or none, got some.")
    if rows["group"] and len(rows["group"]) != len(labels):
        raise CustomerError("Either every libsvm line has a qid or none, got some.")
    data = np.asarray(rows["value"], dtype=np.float32)
    return Table(
        features=sparse.csr_matrix((data, rows["index"], rows["end"]), (len(labels), max(rows["index"]) + 1)),
        labels=labels,
        weights=np.asarray(rows["weight"], dtype=np.float32) if rows["weight"] else None,
        groups=np.asarray(rows["group"], dtype=np.int64) if rows["group"] else None,
    )


def _index(text: str) -> int:
    if not text.isdecimal() or len(text) > _INDEX_DIGITS:
        raise ValueError(text)
    return int(text)


def _libsvm_line(fields: Sequence[str], rows: Mapping[str, list[Any]], file_name: str) -> None:
    try:
        label, colon, weight = fields[0].partition(":")
        rows["label"].append(float(label))
        if colon:
            rows["weight"].append(float(weight))
        for field in fields[1:]:
            index, _, value = field.partition(":")
            if index == "qid":
                rows["group"].append(int(value))
            else:
                rows["index"].append(_index(index))
                rows["value"].append(float(value))
    except ValueError:
        shown = " ".join(fields)[:_SHOWN_CHARACTERS]
        raise CustomerError(
            f"First line '{shown}...' of file '{file_name}' is not 'LIBSVM' format. "
            "Please ensure the file is in 'LIBSVM' format."
        ) from None
    rows["end"].append(len(rows["index"]))
