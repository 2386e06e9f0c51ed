"""The `tuning` part of a spec: what is searched, for what, for how long."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from components.spec_part import SpecPart
from components.tuning.search_space import HyperparameterRange


class ObjectiveSpec(SpecPart):
    """The objective metric and which way is better."""

    metric: str = Field(min_length=1, max_length=255)
    type: Literal["maximize", "minimize"]


class StopWhen(SpecPart):
    """When a search ends before its limits.

    Attributes:
        target: Objective value that is good enough.
        not_improving: Training jobs in a row without a gain of 1 %; AMT's least is 3.
    """

    target: Annotated[float, Field(allow_inf_nan=False)] | None = None
    not_improving: int | None = Field(default=None, ge=3, le=10_000)


class TuningSpec(SpecPart):
    """A tuning job's search.

    Attributes:
        objective: Metric and direction.
        strategy: AMT's strategy, in lower case.
        max_jobs: Training jobs in all; for a grid the number of its combinations, which is its default.
        max_parallel_jobs: Training jobs at a time.
        early_stopping: Whether training jobs behind the median of the others are stopped (`auto`); AMT's median rule.
        stop_when: When the search ends before its limits.
        seed: RandomSeed; null lets the engine choose.
        space: Hyperparameter name to range; at most 30 (AMT's limit).
    """

    objective: ObjectiveSpec
    strategy: Literal["bayesian", "random", "grid", "hyperband"] = "bayesian"
    max_jobs: int = Field(default=50, ge=1, le=750)
    max_parallel_jobs: int = Field(default=3, ge=1, le=100)
    early_stopping: Literal["off", "auto"] = "off"
    stop_when: StopWhen = StopWhen()
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    space: dict[str, HyperparameterRange] = Field(min_length=1, max_length=30)

    @model_validator(mode="before")
    @classmethod
    def _grid_counts_itself(cls, given: Any) -> Any:
        """A grid without `max_jobs` has as many as it has combinations, and no more of them in parallel."""
        if not isinstance(given, dict) or given.get("strategy") != "grid" or not isinstance(given.get("space"), dict):
            return given
        sizes = [len(part.get("categorical") or ()) for part in given["space"].values() if isinstance(part, dict)]
        jobs = math.prod(sizes)
        if jobs < 1:
            return given  # not a grid; the laws say so
        parallel = {"max_parallel_jobs": min(cls.model_fields["max_parallel_jobs"].default, jobs)}
        return {"max_jobs": jobs, **parallel, **given}

    @model_validator(mode="after")
    def _laws(self) -> TuningSpec:
        if self.strategy == "grid":
            numeric = sorted(name for name, part in self.space.items() if part.categorical is None)
            if numeric:
                raise ValueError(f"strategy grid takes categorical ranges only, got {', '.join(numeric)}")
            size = math.prod(len(part.categorical or ()) for part in self.space.values())
            if self.max_jobs != size:
                raise ValueError(f"a grid trains all {size} combinations: leave max_jobs out, got {self.max_jobs}")
        if self.strategy == "hyperband" and self.early_stopping == "auto":
            raise ValueError("strategy hyperband stops training jobs itself: early_stopping must be off, got auto")
        if self.max_parallel_jobs > self.max_jobs:
            raise ValueError(f"max_parallel_jobs <= max_jobs must hold, got {self.max_parallel_jobs} > {self.max_jobs}")
        return self
