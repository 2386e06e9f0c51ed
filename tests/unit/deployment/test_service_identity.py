"""How a service is told from every other process, and its record kept."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
from service_cases import Specify, has_ended

from components.deployment import detached_process
from components.deployment.service_record import read_record, write_record
from components.deployment.service_spec import ServiceSpec
from components.deployment.services import Services
from components.naming import model_service


@pytest.mark.parametrize("differs", ["nonce", "start_time_s"])
def test_a_reused_pid_is_left_alone(services: Services, tiny: Specify, differs: str) -> None:
    """A record whose pid was given to another process names no service, and that process is never ended."""
    services.ensure(tiny())
    services.stop("tiny")
    environment = {**services.environment, detached_process.NONCE: "f00d"}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=environment) as stranger:
        record = services.record("tiny")
        assert record is not None
        stale = replace(
            record,
            state="ready",
            pid=stranger.pid,
            start_time_s=psutil.Process(stranger.pid).create_time() - (60 if differs == "start_time_s" else 0),
            nonce="cafe" if differs == "nonce" else "f00d",
        )
        write_record(services.record_path("tiny"), stale)

        assert services.find("tiny") is None
        assert not services.stop("tiny")
        write_record(services.record_path("tiny"), stale)
        assert services.ensure(tiny()).pid != stranger.pid
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_a_foreign_server_on_the_recorded_port_is_no_proof(services: Services, tiny: Specify) -> None:
    """A foreign service must itself listen on its port; that somebody answers there is not enough."""
    services.ensure(tiny("--foreign"))
    other = services.ensure(replace(tiny("--foreign"), name="other"))
    record = services.record("tiny")
    assert record is not None
    write_record(services.record_path("tiny"), replace(record, url=other.url))

    assert services.find("tiny") is None


def test_only_the_owner_reads_the_nonce(services: Services, tiny: Specify) -> None:
    """The record is for its owner alone, and the nonce is on no command line."""
    service = services.ensure(tiny())
    path = services.record_path("tiny")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert service.nonce == json.loads(path.read_text())["nonce"]
    assert service.nonce not in " ".join(psutil.Process(service.pid).cmdline())
    assert service.nonce not in repr(service)


def test_a_service_gets_the_environment_it_is_handed(services: Services, tiny: Specify) -> None:
    """Its own variables are added, those it must not see are taken away."""
    handed = replace(services, environment={**services.environment, "TOKEN": "x", "COLOUR": "red"})
    service = handed.ensure(tiny(environment={"TOKEN": None, "COLOUR": "blue"}))
    environment = psutil.Process(service.pid).environ()

    assert "TOKEN" not in environment
    assert environment["COLOUR"] == "blue"


def test_a_record_that_makes_no_sense_is_none(services: Services, tiny: Specify) -> None:
    """A damaged record is replaced with its service, whose process is ended."""
    first = services.ensure(tiny())
    path = services.record_path("tiny")
    whole = path.read_text()
    for text in ("", "{}", "[1]", "\0", whole[:-20], whole.replace(f'"pid": {first.pid}', '"pid": "x"')):
        path.write_text(text)
        assert read_record(path) is None
    second = services.ensure(tiny())

    assert second.started
    assert has_ended(first.pid)


def test_every_model_has_a_service_name_of_its_own() -> None:
    """Names are plain file names, also of long and odd models, and no two are the same."""
    models = ["bank", "Bank", "my model", "my%20model", "..", "é" * 100, "é" * 101, "x" * 250, "x" * 249 + "y"]
    names = [model_service(model) for model in models]

    assert len(set(names)) == len(models)
    for name in names:
        assert ServiceSpec(name=name, command=lambda _: (), health_path="/").name == name
