"""The `warm_start` part of a spec: which earlier searches a new one knows."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from components.spec_part import SpecPart
from components.tuning.attempts import MOST_PARENTS

_JOB = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")


class WarmStartSpec(SpecPart):
    """Parents of a search.

    Attributes:
        mode: `auto` finds them, `off` takes none, anything else names tuning jobs, comma separated.
        max_parents: At most; AMT takes 5.
        beyond_amt: Whether parents may be what AMT would refuse: more than 5, parents' parents, searches over other
            hyperparameters. Engine `local` only.
    """

    mode: str = "auto"
    max_parents: int = Field(default=5, ge=1, le=30)
    beyond_amt: bool = False

    @field_validator("mode")
    @classmethod
    def _names_jobs(cls, mode: str) -> str:
        wrong = [name for name in mode.split(",") if not _JOB.fullmatch(name.strip())]
        if wrong:
            raise ValueError(f"auto, off, or names of tuning jobs, comma separated, got {mode!r}")
        return ",".join(name.strip() for name in mode.split(","))

    @model_validator(mode="after")
    def _laws(self) -> WarmStartSpec:
        if self.max_parents > MOST_PARENTS and not self.beyond_amt:
            raise ValueError(
                f"max_parents <= {MOST_PARENTS} must hold, as AMT takes no more, got {self.max_parents}; "
                "beyond_amt: true allows 30 on engine local"
            )
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """Tuning jobs named by the user."""
        return () if self.mode in ("auto", "off") else tuple(self.mode.split(","))
