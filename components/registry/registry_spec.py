"""The `registry` and `promotion` parts of a spec."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from components.spec_part import SpecPart


class RegistrySpec(SpecPart):
    """Names in MLflow.

    Attributes:
        model: Registered model; the spec's `name` when null.
        experiment: Experiment; the spec's `name` when null.
        champion: Alias of the version that serves.
        challenger: Alias of the newest candidate.
        input_example: `synthetic` rows (types and categories, no real row) or `none`.
    """

    model: str | None = None
    experiment: str | None = None
    champion: str = Field(default="champion", pattern=r"^[a-zA-Z][\w-]{0,62}$")
    challenger: str = Field(default="challenger", pattern=r"^[a-zA-Z][\w-]{0,62}$")
    input_example: Literal["synthetic", "none"] = "synthetic"

    @field_validator("champion", "challenger")
    @classmethod
    def _not_reserved(cls, alias: str) -> str:
        if alias.lower() == "latest" or (alias[0] in "vV" and alias[1:].isdigit()):
            raise ValueError(f"MLflow reserves latest and v1, v2, ... as aliases, got {alias!r}")
        return alias


class PromotionSpec(SpecPart):
    """When a challenger becomes champion.

    Attributes:
        metric: Score both are compared by; the objective's when null.
        min_improvement: How much better, in the metric's units, a challenger must be.
    """

    metric: str | None = None
    min_improvement: float = Field(default=0.0, ge=0)
