"""The `registry` and `promotion` parts of a spec."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from components.spec_part import SpecPart

# What MLflow and its search language can hold.
REGISTERED_MODEL = re.compile(r"[^/:'\"`%\\\x00-\x1f]{1,250}")

# What a version is beside its scores; less is better.
MEASURES = ("training_seconds", "model_size_bytes", "prediction_ms")


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


class GuardSpec(SpecPart):
    """What must not get worse for the sake of the promotion's metric.

    Attributes:
        metric: Any that `promotion.metric` takes, or a measure: training_seconds, model_size_bytes, prediction_ms.
        by: How much worse is tolerated, in the metric's units.
        slice: A feature column: the guard then holds for the rows of each of its values.
        at_most: The challenger's own value may not be above it, whatever the champion's is.
        at_least: Nor below this.
    """

    metric: str = Field(min_length=1)
    by: float = Field(default=0.0, ge=0)
    slice: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_measure(self) -> bool:
        """Whether it needs no rows."""
        return self.metric in MEASURES

    @property
    def is_limit(self) -> bool:
        """Whether it is about the challenger alone."""
        return self.at_most is not None or self.at_least is not None

    @model_validator(mode="after")
    def _laws(self) -> GuardSpec:
        if self.is_limit and self.by:
            raise ValueError(f"by is a difference from the champion, at_most and at_least are not: got by {self.by:g}")
        if self.is_measure and self.slice is not None:
            raise ValueError(f"{self.metric} is of the whole model, got slice {self.slice}")
        return self


def _as_guards(value: Any) -> Any:
    return (
        tuple({"metric": each} if isinstance(each, str) else each for each in value)
        if isinstance(value, list)
        else value
    )


class PromotionSpec(SpecPart):
    """When a challenger becomes champion.

    Attributes:
        metric: Score both are compared by; the objective's when null. One of ours, a scikit-learn scorer, or
            `module:function` of one's own project.
        min_improvement: How much better, in the metric's units, a challenger must be.
        confidence: The gain's two-sided interval must lie above `min_improvement`; null goes by the scores alone.
        must_not_worsen: Metrics, or `{metric, by, slice}` and `{metric, at_most, at_least}`.
        approval: `auto`, or `manual`: a version that would be promoted waits for `retune promote`.
    """

    metric: str | None = None
    min_improvement: float = Field(default=0.0, ge=0)
    confidence: float | None = Field(default=0.9, ge=0.5, lt=1)
    must_not_worsen: Annotated[tuple[GuardSpec, ...], BeforeValidator(_as_guards)] = ()
    approval: Literal["auto", "manual"] = "auto"
