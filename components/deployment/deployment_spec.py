"""The `deployment` part of a spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.spec_part import SpecPart

Port = Annotated[int, Field(ge=1, le=65535)]


class DeploymentSpec(SpecPart):
    """Where the champion answers.

    Attributes:
        target: `local` (a server on this machine) or `none`.
        port: TCP port, or `auto`: the model's recorded port, else the first free one from 8080.
    """

    target: Literal["local", "none"] = "local"
    port: Port | Literal["auto"] = "auto"
