"""The `tuning` part of a spec: what is searched, for what, for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from components.spec_part import SpecPart
from components.tuning.search_space import HyperparameterRange


class ObjectiveSpec(SpecPart):
    """The objective metric and which way is better."""

    metric: str = Field(min_length=1, max_length=255)
    type: Literal["maximize", "minimize"]


class TuningSpec(SpecPart):
    """A tuning job's search.

    Attributes:
        objective: Metric and direction.
        strategy: AMT's strategy, in lower case.
        max_jobs: Training jobs in all.
        max_parallel_jobs: Training jobs at a time.
        seed: RandomSeed; null lets the engine choose.
        space: Hyperparameter name to range; at most 30 (AMT's limit).
    """

    objective: ObjectiveSpec
    strategy: Literal["bayesian", "random"] = "bayesian"
    max_jobs: int = Field(default=50, ge=1, le=750)
    max_parallel_jobs: int = Field(default=3, ge=1, le=100)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    space: dict[str, HyperparameterRange] = Field(min_length=1, max_length=30)

    @model_validator(mode="after")
    def _laws(self) -> TuningSpec:
        if self.max_parallel_jobs > self.max_jobs:
            raise ValueError(f"max_parallel_jobs <= max_jobs must hold, got {self.max_parallel_jobs} > {self.max_jobs}")
        return self
