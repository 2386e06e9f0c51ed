"""The `warm_start` part of a spec: which earlier searches a new one knows."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from components.spec_part import SpecPart

_JOB = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")


class WarmStartSpec(SpecPart):
    """Parents of a search.

    Attributes:
        mode: `auto` finds them, `off` takes none, anything else names tuning jobs, comma separated.
        max_parents: At most; AMT takes 5.
    """

    mode: str = "auto"
    max_parents: int = Field(default=5, ge=1, le=5)

    @field_validator("mode")
    @classmethod
    def _names_jobs(cls, mode: str) -> str:
        wrong = [name for name in mode.split(",") if not _JOB.fullmatch(name.strip())]
        if wrong:
            raise ValueError(f"auto, off, or names of tuning jobs, comma separated, got {mode!r}")
        return ",".join(name.strip() for name in mode.split(","))

    @property
    def named(self) -> tuple[str, ...]:
        """Tuning jobs named by the user."""
        return () if self.mode in ("auto", "off") else tuple(self.mode.split(","))
