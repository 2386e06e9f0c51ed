"""A home's services and a spec of the tiny one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_cases import TINY, Specify

from components.deployment.service_spec import ServiceSpec
from components.deployment.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The services of a home that the test alone has; whatever it starts is ended."""
    environment = dict(os.environ)
    services = Services(folder=tmp_path / "home" / "services", environment=environment, stop_grace_s=1.0)
    yield services
    services.stop_all()


@pytest.fixture
def tiny(services: Services) -> Specify:
    """A spec of the tiny service: options of its own, and fields of the spec by keyword."""

    def specify(*options: str, python: str = sys.executable, **fields: object) -> ServiceSpec:
        record = str(services.record_path("tiny"))
        given = {
            "name": "tiny",
            "command": lambda port: (python, "-S", str(TINY), str(port), record, *options),
            "health_path": "/health",
            "identifies_itself": "--foreign" not in options,
            **fields,
        }
        return ServiceSpec(**given)  # type: ignore[arg-type]

    return specify
