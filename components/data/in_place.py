"""Existing objects trained on where they are: listed, not read; only a small held-out channel is ever fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from components.data.data_spec import ChannelSpec, ChannelsSpec
from components.data.prepare import document
from components.data.schema import Column, DataSnapshot, RawPart
from components.errors import InvalidData, NotFound
from components.storage.store import ObjectStore

# Part of every digest: raise it when the same listing is to count as other data.
_FORMAT = 1
# Scored in memory, twice: by the challenger and by the champion.
MOST_HELD_OUT_BYTES = 256 * 1000**2
_LABEL = "label"
_TOO_LARGE = (
    f"versions are compared on it in memory: at most {MOST_HELD_OUT_BYTES // 1000**2} MB are read, got {{got:,.0f}} MB "
    "in {uri}; leave data.target out to go by what trials report"
)


@dataclass(frozen=True, kw_only=True)
class InPlaceData:
    """Objects as they were listed.

    Attributes:
        digest: 64 hex digits over every object's URI, size and etag, and the channel it belongs to.
        spec: Channels and what is held out.
        objects: Number of them.
        size_bytes: All of them together.
    """

    digest: str
    spec: ChannelsSpec
    objects: int
    size_bytes: int

    @property
    def channels(self) -> Mapping[str, ChannelSpec]:
        """What trials get."""
        return self.spec.trained_on


def survey(spec: ChannelsSpec, store: ObjectStore) -> InPlaceData:
    """List every channel. Memory does not grow with the listing.

    Raises:
        NotFound: A channel has no object.
        InvalidData: The held-out channel is too large to be scored here.
        Unavailable, Refused: The store.
    """
    digest = hashlib.sha256(f"format {_FORMAT}".encode())
    objects = size_bytes = 0
    for name, channel in sorted(spec.channels.items()):
        before, before_bytes = objects, size_bytes
        for found in store.list(channel.uri):
            digest.update(f"\n{name} {found.uri} {found.size} {found.etag}".encode())
            objects, size_bytes = objects + 1, size_bytes + found.size
        if objects == before:
            raise NotFound(f"data.channels.{name}: an object must be there, got {channel.uri} (nothing there)")
        if channel is spec.held_out and size_bytes - before_bytes > MOST_HELD_OUT_BYTES:
            raise InvalidData(
                f"data.channels.{name}",
                [_TOO_LARGE.format(got=(size_bytes - before_bytes) / 1e6, uri=channel.uri)],
            )
    return InPlaceData(digest=digest.hexdigest(), spec=spec, objects=objects, size_bytes=size_bytes)


def described_by_number(columns: int, names: Sequence[str] | None) -> tuple[DataSnapshot, RawPart]:
    """A schema for a model that was trained on columns without names, and a made-up row of it.

    Args:
        columns: How many it takes.
        names: Those of the held-out channel's features, as many; None for `f0`, `f1`, ... as xgboost itself says.
    """
    features = tuple(
        Column(name=name, kind="number", has_missing=True)
        for name in (names if names is not None else [f"f{number}" for number in range(columns)])
    )
    snapshot = DataSnapshot(
        digest="",
        uri="",
        features=features,
        target=_LABEL,
        classes=None,
        rows={},
        preprocessing=document(features, target=_LABEL, classes=None),
    )
    made_up = pd.DataFrame([[0.0] * columns], columns=[column.name for column in features])
    return snapshot, RawPart(part="validation", features=made_up, labels=pd.Series([0.0]))
