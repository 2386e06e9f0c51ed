"""The base of every stage's own part of the spec."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict


class SpecPart(BaseModel):
    """A frozen piece of the RetrainSpec that refuses unknown keys and takes YAML's types as they are.

    Strict: `max_jobs: "50"` and `max_jobs: true` are errors, not 50 and 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


T = TypeVar("T")
# YAML knows lists only; frozen parts hold tuples.
Items = Annotated[tuple[T, ...], BeforeValidator(_as_tuple)]
Pair = Annotated[tuple[T, T], BeforeValidator(_as_tuple)]
