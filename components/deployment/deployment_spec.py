"""The `deployment` part of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from components.spec_part import Items, SpecPart

Port = Annotated[int, Field(ge=1, le=65535)]
InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")]
AlarmName = Annotated[str, Field(min_length=1, max_length=255)]
_LEAST_FOR_CANARY = 2


class HostInstanceSpec(SpecPart):
    """The machines of an endpoint.

    Attributes:
        type: SageMaker instance type.
        count: Instances; with `autoscaling` those it starts with.
    """

    type: InstanceType = "ml.m5.large"
    count: int = Field(default=1, ge=1, le=100)


class ServerlessSpec(SpecPart):
    """An endpoint without machines of its own, paid by use.

    Attributes:
        memory_mb: Of a container; SageMaker has whole GB from 1 to 6.
        max_concurrency: Requests at a time; more are refused.
    """

    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: int = Field(default=1, ge=1, le=200)


class AutoscalingSpec(SpecPart):
    """Between which numbers of instances the endpoint scales, and by what.

    Attributes:
        min: Fewest instances.
        max: Most instances: what the endpoint is priced at.
        invocations_per_instance: Requests a minute that one instance is to have.
    """

    min: int = Field(default=1, ge=1, le=100)
    max: int = Field(ge=1, le=100)
    invocations_per_instance: float = Field(gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _is_a_range(self) -> AutoscalingSpec:
        if self.min > self.max:
            raise ValueError(f"min <= max must hold, got {self.min} > {self.max}")
        return self


class ShiftSpec(SpecPart):
    """How an update's traffic moves to the new machines (blue/green).

    Attributes:
        mode: `all_at_once`, or `canary`: first a part of it.
        canary_percent: That part, of the new machines.
        bake_s: Seconds the alarms are watched after a move, before the next one or before the old machines go.
    """

    mode: Literal["all_at_once", "canary"] = "all_at_once"
    canary_percent: int = Field(default=10, ge=1, le=50)
    bake_s: int = Field(default=300, ge=0, le=3600)


class DeploymentSpec(SpecPart):
    """Where the champion answers. All but `target` and `port` is the target sagemaker's.

    Attributes:
        target: `local` (a server on this machine), `sagemaker` (an endpoint), or `none`.
        port: TCP port of the local server, or `auto`: the model's recorded port, else the first free one from 8080.
        instance: The machines.
        serverless: In place of machines.
        autoscaling: None keeps `instance.count`.
        shift: How an update's traffic moves.
        alarms: CloudWatch alarms that take an update back; `auto` makes one on answers with a server error.
        smoke_test: Whether made-up rows must be answered as the registered model does, before the champion changes.
        max_endpoint_usd_per_month: What the endpoint may cost at the most, running all month, USD.
    """

    target: Literal["local", "sagemaker", "none"] = "local"
    port: Port | Literal["auto"] = "auto"
    instance: HostInstanceSpec = HostInstanceSpec()
    serverless: ServerlessSpec | None = None
    autoscaling: AutoscalingSpec | None = None
    shift: ShiftSpec = ShiftSpec()
    alarms: Literal["auto"] | Annotated[Items[AlarmName], Field(max_length=10)] = "auto"
    smoke_test: bool = True
    max_endpoint_usd_per_month: float = Field(default=100.0, gt=0, allow_inf_nan=False)

    @property
    def fewest_instances(self) -> int:
        """Instances there are at any time; 0 of a serverless endpoint."""
        if self.serverless is not None:
            return 0
        return self.instance.count if self.autoscaling is None else self.autoscaling.min

    @property
    def most_instances(self) -> int:
        """Instances there may be; 0 of a serverless endpoint."""
        if self.serverless is not None:
            return 0
        return self.instance.count if self.autoscaling is None else max(self.instance.count, self.autoscaling.max)

    @model_validator(mode="after")
    def _laws(self) -> DeploymentSpec:
        if self.serverless is not None and self.autoscaling is not None:
            raise ValueError("serverless and autoscaling exclude each other: a serverless endpoint scales by itself")
        if self.shift.mode == "canary" and self.fewest_instances < _LEAST_FOR_CANARY:
            raise ValueError(
                f"shift.mode canary needs {_LEAST_FOR_CANARY} instances at any time, for a part of them gets traffic "
                f"first, got {self.fewest_instances}; use all_at_once"
            )
        return self
