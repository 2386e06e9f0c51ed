"""The `training` part of a spec: one training job, without its tuned values."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from components.spec_part import Items, SpecPart

Scalar = str | int | Annotated[float, Field(allow_inf_nan=False)] | bool


InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")]
# AWS ends a Spot training job that keeps no checkpoint after an hour of waiting and running (amt.md 1.4).
MOST_WAIT_WITHOUT_CHECKPOINT_S = 3600
# What the line itself decides about a training job; `training.sagemaker` may set anything else.
_OWNED = (
    "AlgorithmSpecification",
    "CheckpointConfig",
    "EnableManagedSpotTraining",
    "HyperParameterRanges",
    "HyperParameterTuningResourceConfig",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",  # what a training job costs: `instance` says it, and the cap counts with it
    "RoleArn",
    "StaticHyperParameters",
    "StoppingCondition",
    "TuningObjective",
)


class MetricSpec(SpecPart):
    """A metric read from the script's output.

    Attributes:
        name: Metric name, at most 255 characters.
        regex: Python regex; its first group is the value. At most 500 characters (AMT's limit).
    """

    name: str = Field(min_length=1, max_length=255)
    regex: str = Field(min_length=1, max_length=500)

    @field_validator("regex")
    @classmethod
    def _compiles(cls, regex: str) -> str:
        try:
            groups = re.compile(regex).groups
        except re.error as error:
            raise ValueError(f"a Python regex is needed, got {regex!r} ({error})") from None
        if groups < 1:
            raise ValueError(f"the first group is the value, got {regex!r} with no group")
        return regex


class InstanceSpec(SpecPart):
    """The machine of one training job.

    Attributes:
        type: SageMaker instance type, such as `ml.m5.large`, or up to six, tried in order.
        count: Instances of a training job.
        volume_gb: Storage, GB.
    """

    type: InstanceType | Annotated[Items[InstanceType], Field(min_length=1, max_length=6)] = "ml.m5.large"
    count: int = Field(default=1, ge=1, le=100)
    volume_gb: int = Field(default=5, ge=1, le=16384)

    @property
    def types(self) -> tuple[str, ...]:
        """Instance types in the order they are tried."""
        return (self.type,) if isinstance(self.type, str) else self.type


class TrainingSpec(SpecPart):
    """What is trained: SageMaker's built-in algorithm, or one's own script.

    Attributes:
        algorithm: Built-in algorithm; `xgboost` unless `entry_point` is given.
        entry_point: One's own script, relative to `source_dir`.
        source_dir: Folder of the script, relative to the project's root.
        image: Training image; by default the built-in's, or SageMaker's scikit-learn image for a script.
        hyperparameters: Static ones, as the algorithm names them.
        metrics: Only for one's own script.
        instance: The machine.
        spot: Whether to train on Spot instances; `prefer` goes on on demand when none can be had.
        checkpoint: `auto` keeps `/opt/ml/checkpoints` of each training job, so that an interrupted one goes on; `none`.
        max_runtime_s: Seconds one training job may run.
        max_wait_s: Seconds one may wait for Spot and run, together.
        spot_patience_s: With `spot: prefer`, seconds to wait for the first training job to start.
        sagemaker: Merged into the request's TrainingJobDefinition: VpcConfig, Environment, RetryStrategy, ...
    """

    algorithm: str | None = None
    entry_point: str | None = None
    source_dir: str | None = None
    image: str | None = Field(default=None, max_length=255)
    hyperparameters: dict[str, Scalar] = Field(default_factory=dict)
    metrics: Items[MetricSpec] = ()
    instance: InstanceSpec = InstanceSpec()
    spot: bool | Literal["prefer"] = True
    checkpoint: Literal["auto", "none"] = "auto"
    max_runtime_s: int = Field(default=600, ge=1, le=2_419_200)
    max_wait_s: int = Field(default=1800, ge=1, le=2_419_200)
    spot_patience_s: int = Field(default=900, ge=60, le=86_400)
    sagemaker: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _waits_as_long_as_it_runs(cls, given: Any) -> Any:
        """A longer `max_runtime_s` alone raises the default of `max_wait_s`."""
        if not isinstance(given, dict) or "max_wait_s" in given or not isinstance(given.get("max_runtime_s"), int):
            return given
        return {**given, "max_wait_s": max(cls.model_fields["max_wait_s"].default, given["max_runtime_s"])}

    @model_validator(mode="after")
    def _spot_laws(self) -> TrainingSpec:
        if not self.spot:
            return self
        if self.max_wait_s < self.max_runtime_s:
            raise ValueError(f"max_wait_s >= max_runtime_s must hold, got {self.max_wait_s} < {self.max_runtime_s}")
        if self.checkpoint == "none" and self.max_wait_s > MOST_WAIT_WITHOUT_CHECKPOINT_S:
            raise ValueError(
                f"spot without a checkpoint needs max_wait_s <= {MOST_WAIT_WITHOUT_CHECKPOINT_S}, "
                f"got {self.max_wait_s}; set checkpoint: auto, or spot: false"
            )
        return self

    @model_validator(mode="after")
    def _owns_its_part(self) -> TrainingSpec:
        owned = sorted(set(self.sagemaker) & set(_OWNED))
        if owned:
            raise ValueError(f"sagemaker sets what no other field does, got {', '.join(owned)}")
        return self

    @model_validator(mode="after")
    def _laws(self) -> TrainingSpec:
        if self.entry_point is None:
            if self.algorithm not in (None, "xgboost"):
                raise ValueError(f"algorithm must be xgboost, or entry_point be given, got algorithm: {self.algorithm}")
            if self.source_dir is not None:
                raise ValueError(f"source_dir goes with entry_point, got source_dir: {self.source_dir} alone")
            if self.metrics:
                raise ValueError("metrics go with entry_point: a built-in algorithm brings its own")
        else:
            if self.algorithm is not None:
                raise ValueError("algorithm and entry_point exclude each other, got both")
            if self.source_dir is None:
                raise ValueError("entry_point needs source_dir, got none")
            if not self.metrics:
                raise ValueError("entry_point needs metrics: [{name, regex}], got none")
        return self

    @property
    def is_script(self) -> bool:
        """Whether one's own script is trained, not the built-in algorithm."""
        return self.entry_point is not None
