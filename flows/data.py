"""A run's data: a snapshot of rows, or channels used where they are; what the stages need to know of either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.data.data_spec import ChannelSpec, ChannelsSpec, DataSpec
from components.data.held_out import check_columns, held_out_part
from components.data.identifiers import warnings_of
from components.data.in_place import InPlaceData, survey
from components.data.row_sample import Read
from components.data.schema import Column
from components.data.snapshot import DataSnapshot, load, preview, publish, reader
from components.errors import InvalidSpec
from components.registry.registry_spec import PromotionSpec
from components.tuning.definition import Channel
from flows.line import Line

RunData = DataSnapshot | InPlaceData
_GUARDS = "promotion.must_not_worsen"


def take_data(line: Line) -> RunData:
    """The data as they are now: published as a snapshot, or listed. Raises what either does."""
    spec, settings = line.spec.data, line.settings
    if isinstance(spec, ChannelsSpec):
        return survey(spec, line.store)
    data = publish(
        spec,
        base_dir=line.root,
        store=line.store,
        base_uri=settings.base_uri,
        scratch=settings.scratch,
        allow=line.project.allow.check_source,
    )
    refuse_slices(line.spec.promotion, data.features)
    return data


def refuse_slices(promotion: PromotionSpec, columns: Sequence[Column]) -> None:
    """Raise InvalidSpec where a guard's slice is no feature column."""
    breaches = slice_breaches(promotion, columns)
    if breaches:
        raise InvalidSpec(_GUARDS, breaches)


def slice_breaches(promotion: PromotionSpec, columns: Sequence[Column]) -> list[str]:
    """A law for each guard's slice that is no feature column."""
    names = [column.name for column in columns]
    slices = dict.fromkeys(guard.slice for guard in promotion.must_not_worsen if guard.slice is not None)
    law = f"slice is one of the feature columns {', '.join(names)}"
    return [f"{law}, got {name}" for name in slices if name not in names]


def look_at_data(line: Line) -> tuple[RunData, Read | None]:
    """What `take_data` would give, and how its files are read; writes nothing but what one's own preparation does."""
    spec, settings = line.spec.data, line.settings
    if isinstance(spec, ChannelsSpec):
        return survey(spec, line.store), None
    return preview(
        spec,
        base_dir=line.root,
        store=line.store,
        base_uri=settings.base_uri,
        scratch=settings.scratch,
        allow=line.project.allow.check_source,
    )


def reader_of(line: Line, data: RunData) -> Read | None:
    """Reads the files of data that have been taken; None of data in place, which nobody reads."""
    return None if isinstance(data, InPlaceData) else reader(data, line.store)


def refuse_bad_data(line: Line) -> None:
    """Raise what `take_data` would, before anything else begins; one's own preparation is not run for it."""
    spec = line.spec.data
    if isinstance(spec, ChannelsSpec):
        survey(spec, line.store)
        refuse_bad_channels(line)
    elif spec.prepare is None:
        take_data(line)


def refuse_bad_channels(line: Line) -> None:
    """Raise what is wrong with the held-out rows of data in place."""
    spec = line.spec.data
    if isinstance(spec, ChannelsSpec) and spec.held_out is not None:
        part, _ = held_out_part(spec, line.store)
        if not line.spec.training.is_script:
            check_columns(spec, part, line.store)


def has_rows(spec: DataSpec | ChannelsSpec) -> bool:
    """Whether versions can be compared on rows, and not only by what their trials reported."""
    return not isinstance(spec, ChannelsSpec) or spec.held_out is not None


def drafted_channels(line: Line) -> dict[str, Channel]:
    """Input channels before the data's digest is known."""
    spec = line.spec.data
    if isinstance(spec, ChannelsSpec):
        return _as_channels(spec.trained_on)
    return {part: Channel(uri=f"{line.settings.base_uri}/snapshots/0/{part}/") for part in ("train", "validation")}


def channels_of(data: RunData) -> dict[str, Channel]:
    """Input channels of every trial."""
    if isinstance(data, InPlaceData):
        return _as_channels(data.channels)
    return {"train": Channel(uri=data.channel_uri("train")), "validation": Channel(uri=data.channel_uri("validation"))}


def described(data: RunData) -> str:
    """The data in one line for the run's log."""
    if isinstance(data, InPlaceData):
        names = ", ".join(data.channels)
        held_out = "" if data.spec.held_out is None else f"; {data.spec.held_out.uri} held out"
        size = f"{data.objects:,} objects, {data.size_bytes / 1e9:,.3g} GB"
        return f"{size} in place as {names}{held_out}, listing {data.digest[:12]}"
    rows = ", ".join(f"{count:,} {part}" for part, count in data.rows.items() if count)
    return f"{rows} rows, {len(data.features)} columns, snapshot {data.digest[:12]}"


def warnings_about(line: Line, data: RunData) -> list[str]:
    """What a reader should know before these data are trained on; nothing of data in place, which nobody reads."""
    if isinstance(data, InPlaceData) or isinstance(line.spec.data, ChannelsSpec):
        return []
    return warnings_of(data.identifiers, line.spec.data.keep)


def rows_of(data: RunData) -> Mapping[str, int]:
    """Rows of each part; empty where nobody has counted them."""
    return {} if isinstance(data, InPlaceData) else data.rows


def kept_of(data: RunData) -> dict[str, Any]:
    """What brings the data of a submitted run back, by `data_of`."""
    if isinstance(data, InPlaceData):
        return {"listing": {"digest": data.digest, "objects": data.objects, "size_bytes": data.size_bytes}}
    return {"snapshot_uri": data.uri}


def data_of(line: Line, kept: Mapping[str, Any]) -> RunData:
    """The data of a submitted run: a snapshot fetched and checked, a listing as it was.

    Raises:
        LookupError, TypeError: What was kept is not what `kept_of` gave.
        NotFound, Damaged: The snapshot is not what was published.
    """
    spec = line.spec.data
    if isinstance(spec, ChannelsSpec):
        return InPlaceData(spec=spec, **kept["listing"])
    return load(kept["snapshot_uri"], line.store)


def _as_channels(channels: Mapping[str, ChannelSpec]) -> dict[str, Channel]:
    return {
        name: Channel(uri=channel.uri, content_type=channel.content_type, input_mode=channel.input_mode)
        for name, channel in channels.items()
    }
