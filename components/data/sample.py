"""Some rows of a source without fetching all of it, and small channels of prepared rows: to try things out on."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.data.data_spec import ChannelSpec, DataSpec
from components.data.files import Content, stored_objects
from components.data.parts import channel_csv
from components.data.prepare import Prepared
from components.data.schema import channel_path
from components.data.source import anything, locate
from components.data.split import Places
from components.data.table import GZIP, PARQUET, Table, table_of_files
from components.data.transform import Preprocessing
from components.errors import Damaged, NotFound
from components.storage.store import ObjectInfo, ObjectStore

MOST_BYTES = 16 * 1024**2
_MOST_OBJECTS = 100
_TABLES = ("csv", "libsvm", "parquet")
_SEED = 0
_STEP, _UNITS = 1000, ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The first rows of a source.

    Attributes:
        contents: Files to parse; empty where the source is read whole.
        objects: Number of objects of the source; 0 where it is no stored one.
        size: Their bytes.
        is_whole: Whether it is all of the source.
    """

    contents: tuple[Content, ...]
    objects: int
    size: int
    is_whole: bool

    @property
    def words(self) -> str:
        """What there is of a stored source, for a reader."""
        size, unit = float(self.size), 0
        while size >= _STEP and unit < len(_UNITS) - 1:
            size, unit = size / _STEP, unit + 1
        return f"{self.objects} object{'' if self.objects == 1 else 's'} of {size:.3g} {_UNITS[unit]}"


def fetch(spec: DataSpec, store: ObjectStore, most_bytes: int = MOST_BYTES) -> Sample:
    """The first bytes of an `s3://` source, as files that can be parsed; nothing of a source on this machine.

    Args:
        spec: The data spec.
        store: Where `s3://` sources are.
        most_bytes: Fetched at most; of Parquet one row group more, and its index.

    Raises:
        NotFound: Nothing matches.
        Damaged: A file is cut off or broken.
        Unavailable: The store does not answer.
    """
    if spec.source is None or not spec.source.startswith("s3://"):
        return Sample(contents=(), objects=0, size=0, is_whole=True)
    objects = stored_objects(spec.source, store)
    if not objects:
        raise NotFound(f"data.source: an object must match, got {spec.source} (nothing there)")
    size = sum(each.size for each in objects)
    contents: list[Content] = []
    left = most_bytes
    for each in objects:
        if each.size > left:
            break
        contents.append(Content(name=each.uri, content=store.get_bytes(each.uri)))
        left -= each.size
    is_whole = len(contents) == len(objects)
    if not contents:
        contents.append(_start(objects[0], store, most_bytes))
    return Sample(contents=tuple(contents), objects=len(objects), size=size, is_whole=is_whole)


def parse(
    sample: Sample,
    spec: DataSpec,
    *,
    base_dir: Path,
    store: ObjectStore,
    scratch: Path,
    allow: Callable[[str], None] = anything,
) -> Table:
    """The sample's rows. Raises as `locate` and `table_of_files`."""
    if not sample.contents or spec.source is None:
        return locate(spec, base_dir=base_dir, store=store, scratch=scratch, allow=allow).read()
    return table_of_files(spec.source, sample.contents, spec.columns)


def of_channel(channel: ChannelSpec, store: ObjectStore, most_bytes: int = MOST_BYTES) -> tuple[Content, ...]:
    """The first objects of a channel used in place; of a large table its first rows, of anything else nothing.

    Args:
        channel: Which.
        store: Where it is.
        most_bytes: Fetched at most; of Parquet one row group more, and its index.

    Raises:
        Damaged: A table is cut off or broken.
        NotFound, Unavailable: The store.
    """
    contents: list[Content] = []
    left = most_bytes
    for each in islice(store.list(channel.uri), _MOST_OBJECTS):
        if each.size <= left:
            contents.append(Content(name=each.uri, content=store.get_bytes(each.uri)))
            left -= each.size
        elif not contents and any(kind in channel.content_type for kind in _TABLES):
            return (_start(each, store, most_bytes),)
    return tuple(contents)


def small_channels(prepared: Prepared, rows: int) -> dict[str, bytes]:
    """Channel files of at most so many rows a part, by path below a snapshot; each label has some where it can."""
    model = Preprocessing.from_json(prepared.preprocessing)
    files = {}
    parts: tuple[Literal["train", "validation"], ...] = ("train", "validation")
    for part in parts:
        places = _some(prepared.places[part], prepared.labels, rows)
        features = prepared.features.iloc[places].reset_index(drop=True)
        labels = prepared.labels.iloc[places].reset_index(drop=True)
        files[channel_path(part)] = channel_csv(model.encode_labels(labels), model.transform(features))
    return files


def _some(places: Places, labels: pd.Series[Any], rows: int) -> Places:
    """Rows of a part, the first ones of each label before further ones, in their own order."""
    if len(places) <= rows:
        return places
    drawn = np.random.RandomState(_SEED).permutation(places)
    turn = labels.iloc[drawn].groupby(labels.iloc[drawn].to_numpy()).cumcount().to_numpy()
    few = min(rows // 10, 5)
    # A handful of each label, however rare; then as they were drawn.
    order = np.argsort(np.where(turn < few, 0, 1), kind="stable")
    return np.sort(drawn[order][:rows])


def _start(info: ObjectInfo, store: ObjectStore, most_bytes: int) -> Content:
    """The beginning of an object, cut where a row ends."""
    head = store.get_range(info.uri, 0, len(PARQUET))
    if head == PARQUET:
        return Content(name=info.uri, content=_first_row_groups(info, store, most_bytes))
    content = store.get_range(info.uri, 0, most_bytes)
    if content.startswith(GZIP):
        try:
            content = zlib.decompressobj(wbits=31).decompress(content, most_bytes)
        except zlib.error as error:
            raise Damaged(f"{info.uri}: the gzip file is broken ({error}): fetch it again") from error
    return Content(name=info.uri.removesuffix(".gz"), content=content[: content.rfind(b"\n") + 1] or content)


def _first_row_groups(info: ObjectInfo, store: ObjectStore, most_bytes: int) -> bytes:
    try:
        file = pq.ParquetFile(pa.PythonFile(_Stored(info, store), mode="r"))
        groups, left = [0], most_bytes
        for number in range(file.metadata.num_row_groups):
            left -= file.metadata.row_group(number).total_byte_size
            if left < 0:
                break
            groups = list(range(number + 1))
        table = file.read_row_groups(groups)
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"{info.uri}: the Parquet file is cut off or broken ({error}): fetch it again") from error
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


class _Stored(io.RawIOBase):
    """An object as a file that can be read anywhere; each read is a request."""

    def __init__(self, info: ObjectInfo, store: ObjectStore) -> None:
        super().__init__()
        self._info, self._store, self._at = info, store, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._info.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._info.size - self._at if size is None or size < 0 else size
        content = self._store.get_range(self._info.uri, self._at, wanted) if wanted else b""
        self._at += len(content)
        return content
