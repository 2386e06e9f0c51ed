"""The held-out channel of data in place: the only part of it that retune reads, within what memory takes."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.data_spec import ChannelSpec, ChannelsSpec
from components.data.files import Content
from components.data.in_place import MOST_HELD_OUT_BYTES
from components.data.prepare import labels_of
from components.data.schema import RawPart
from components.data.table import GZIP, PARQUET, table_of_files
from components.errors import Damaged, InvalidData, NotFound
from components.storage.store import ObjectStore

_CELL_BYTES = 8
_HEAD_BYTES = 1 << 16
_SMALL = f"versions are compared on it in memory: at most {MOST_HELD_OUT_BYTES // 1000**2} MB of values"


def held_out_part(spec: ChannelsSpec, store: ObjectStore) -> tuple[RawPart, tuple[str, ...] | None]:
    """The held-out channel's rows, and its classes in code order; None for a numeric target.

    Raises:
        InvalidData: It is neither CSV nor Parquet, is too large, or has no such target.
        NotFound: It is gone.
        Damaged: A file is cut off or broken.
    """
    channel = spec.held_out
    assert channel is not None  # noqa: S101  asked for where there is one
    frame = table_of_files(channel.uri, list(_contents(channel, store)), spec.columns).frame
    if spec.target not in frame or frame[spec.target].isna().any():
        raise InvalidData(channel.uri, [f"every row needs a value of {spec.target} (data.target), got none in some"])
    labels, classes = labels_of(frame[spec.target])
    part = RawPart(part="test", features=frame.drop(columns=[spec.target]), labels=labels)
    return part, classes


def check_columns(spec: ChannelsSpec, held_out: RawPart, store: ObjectStore) -> None:
    """Refuse a held-out channel that has not as many features as the built-in's CSV channel, whose label comes first.

    Raises:
        InvalidData: So it is; found out from the channel's first line.
    """
    channel = spec.trained_on["train"]
    first = next(iter(store.list(channel.uri)), None)
    if first is None or "csv" not in channel.content_type:
        return
    head = store.get_range(first.uri, 0, _HEAD_BYTES)
    if head.startswith((GZIP, PARQUET)) or not head:
        return
    line = head.decode("utf-8", errors="replace").splitlines()[0]
    found, wanted = len(next(csv.reader([line]))) - 1, held_out.features.shape[1]
    if found != wanted:
        raise InvalidData(
            channel.uri,
            [f"channel train must have the held-out channel's {wanted} features after its label, got {found}"],
        )


def _contents(channel: ChannelSpec, store: ObjectStore) -> Iterator[Content]:
    left = MOST_HELD_OUT_BYTES
    empty = True
    for each in store.list(channel.uri):
        if each.uri.rpartition("/")[2].startswith((".", "_")) or not each.size:
            continue  # the marks other programs leave beside data
        empty = False
        left -= each.size
        if left < 0:
            raise InvalidData(channel.uri, [f"{_SMALL}, got more"])
        content = store.get_bytes(each.uri)
        left -= _unpacked_bytes(each.uri, content, left) - each.size
        if left < 0:
            raise InvalidData(channel.uri, [f"{_SMALL}, got more"])
        yield Content(name=each.uri, content=content)
    if empty:
        raise NotFound(f"data.channels: an object must be there, got {channel.uri} (nothing there)")


def _unpacked_bytes(name: str, content: bytes, most: int) -> int:
    """How much a file is in memory; of a packed one more than `most` means at least that."""
    try:
        if content.startswith(GZIP):
            return len(zlib.decompressobj(wbits=31).decompress(content, most + len(content) + 1))
        if content.startswith(PARQUET):
            facts = pq.read_metadata(pa.BufferReader(content))
            return int(facts.num_rows * facts.num_columns * _CELL_BYTES)
    except (zlib.error, pa.ArrowException, OSError) as error:
        raise Damaged(f"{name} is cut off or broken ({error}): fetch it again") from error
    return len(content)
