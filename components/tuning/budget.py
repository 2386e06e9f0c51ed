"""The `budget` part of a spec, as limits AMT itself keeps."""

from __future__ import annotations

from pydantic import Field

from components.spec_part import SpecPart

LEAST_RUNTIME_S = 120  # AMT's


class Budget(SpecPart):
    """Limits of one retraining.

    Attributes:
        max_runtime_s: Seconds the whole tuning job may run; AMT's ResourceLimits.MaxRuntimeInSeconds, at least 120.
    """

    max_runtime_s: int = Field(default=3600, ge=LEAST_RUNTIME_S, le=15_768_000)
