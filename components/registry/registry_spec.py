"""The `registry` and `promotion` parts of a spec."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from components.spec_part import SpecPart

# What MLflow and its search language can hold.
REGISTERED_MODEL = re.compile(r"[^/:'\"`%\\\x00-\x1f]{1,250}")


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

    @field_validator("model")
    @classmethod
    def _is_a_name(cls, model: str | None) -> str | None:
        if model is not None and not REGISTERED_MODEL.fullmatch(model):
            raise ValueError(f"a registered model's name has 1-250 characters without / : ' \" ` % \\, got {model!r}")
        return model

    @model_validator(mode="after")
    def _differ(self) -> RegistrySpec:
        if self.champion == self.challenger:
            raise ValueError(f"champion and challenger must be two aliases, got {self.champion!r} for both")
        return self

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
