"""Background services: one of each, found again, replaced when gone, and never a stranger's process ended."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from service_cases import TINY, Specify, has_ended

from components.deployment import detached_process
from components.deployment.service_record import write_record
from components.deployment.services import Services
from components.errors import Busy, CannotWrite, InvalidInput, Unavailable


@pytest.mark.parametrize("option", [(), ("--foreign",)], ids=["ours", "foreign"])
def test_a_service_is_started_once_and_found_again(services: Services, tiny: Specify, option: tuple[str, ...]) -> None:
    """The second call, and `find`, give the service the first one started."""
    first = services.ensure(tiny(*option))
    second = services.ensure(tiny(*option))
    found = services.find("tiny")

    assert (first.started, second.started) == (True, False)
    assert found is not None
    assert first.pid == second.pid == found.pid
    assert [one.url for one in services.running()] == [first.url]


def test_a_service_outlives_its_starter_in_a_session_of_its_own(services: Services) -> None:
    """The command that started it ends; the service does not."""
    code = (
        "import os, sys; from pathlib import Path;"
        "from components.deployment.services import Services;"
        "from components.deployment.service_spec import ServiceSpec;"
        "folder, tiny = Path(sys.argv[1]), sys.argv[2];"
        "services = Services(folder=folder, environment=dict(os.environ));"
        "command = lambda port: (sys.executable, '-S', tiny, str(port), str(services.record_path('tiny')));"
        "print(services.ensure(ServiceSpec(name='tiny', command=command, health_path='/', identifies_itself=True)).pid)"
    )
    starter = subprocess.run(
        [sys.executable, "-c", code, str(services.folder), str(TINY)], capture_output=True, text=True, check=True
    )
    found = services.find("tiny")

    assert found is not None
    assert found.pid == int(starter.stdout) == os.getsid(found.pid) == os.getpgid(found.pid)
    assert starter.stderr == ""


def test_commands_at_once_start_one(services: Services, tiny: Specify) -> None:
    """Of four callers one starts the service and the others get it."""
    with ThreadPoolExecutor(4) as callers:
        got = list(callers.map(lambda _: services.ensure(tiny()), range(4)))

    assert len({one.pid for one in got}) == 1
    assert sum(one.started for one in got) == 1


def test_a_killed_service_is_replaced_on_its_port(services: Services, tiny: Specify) -> None:
    """Kill -9, then ensure: another process at the same URL."""
    first = services.ensure(tiny())
    psutil.Process(first.pid).kill()
    second = services.ensure(tiny())

    assert second.started
    assert second.pid != first.pid
    assert second.url == first.url


def test_a_service_stopped_comes_back_on_its_port(services: Services, tiny: Specify) -> None:
    """A stop ends the process and keeps the port; stopping what is stopped says so."""
    first = services.ensure(tiny())

    assert services.stop("tiny")
    assert has_ended(first.pid)
    assert services.running() == ()
    assert not services.stop("tiny")
    assert services.ensure(tiny()).url == first.url


def test_a_service_that_ends_at_its_start_says_why(services: Services, tiny: Specify) -> None:
    """The error is retryable, one line, and has the end of the log."""
    with pytest.raises(Unavailable, match=r"^tiny: ended while it started; .*tiny\.log says: the lock is rusty$"):
        services.ensure(tiny("--die"))
    assert services.running() == ()


def test_a_program_that_is_not_there_says_so(services: Services, tiny: Specify) -> None:
    """A command that cannot be run is named."""
    with pytest.raises(Unavailable, match=r"/nowhere/python: No such file or directory"):
        services.ensure(tiny(python="/nowhere/python"))


def test_a_service_that_never_gets_well_is_ended(services: Services, tiny: Specify) -> None:
    """After its time the start fails and leaves no process."""
    with pytest.raises(Unavailable, match=r"not well after 0\.5 s"):
        services.ensure(tiny("--deaf", start_timeout_s=0.5))
    assert services.running() == ()


def test_a_busy_port_names_its_holder(services: Services, tiny: Specify) -> None:
    """An explicit port that is taken is an error with pid and program; a service that runs goes on."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(Busy, match=rf"port {port} must be free, held by pid {os.getpid()} \(.+\)"):
            services.ensure(tiny(port=port))
        before = services.ensure(tiny())
        with pytest.raises(Busy, match=f"port {port} must be free"):
            services.ensure(tiny(port=port))
    assert services.find("tiny") == replace(before, started=False)


def test_a_deleted_home_leaves_nobody_behind(services: Services, tiny: Specify) -> None:
    """Without its record a service is found by its environment: replaced by `ensure`, ended by `stop_all`."""
    first = services.ensure(tiny())
    shutil.rmtree(services.folder.parent)
    second = services.ensure(tiny())
    assert has_ended(first.pid)

    shutil.rmtree(services.folder.parent)
    assert services.stop_all() == ("tiny",)
    assert has_ended(second.pid)
    assert not services.folder.exists()


def test_a_stop_ends_what_the_service_started(services: Services, tiny: Specify) -> None:
    """A child that ignores SIGTERM, in a group of its own, ends with its service."""
    services.ensure(tiny("--child"))
    child = int((services.folder / "child.pid").read_text())
    assert not has_ended(child)

    services.stop("tiny")
    assert has_ended(child)


def test_another_command_replaces_another_interpreter_does_not(services: Services, tiny: Specify) -> None:
    """A service is used again by every environment of the same home, and only for the same command and details."""
    first = services.ensure(tiny())
    assert services.ensure(tiny(python="/another/python")).pid == first.pid

    second = services.ensure(tiny("--more"))
    third = services.ensure(tiny("--more", details={"model": "bank"}))
    assert len({first.pid, second.pid, third.pid}) == 3
    assert [one.details for one in services.running()] == [{"model": "bank"}]


def test_a_start_cut_off_is_taken_up(services: Services, tiny: Specify) -> None:
    """A starter that died while it waited left a record; the next call waits for that service."""
    first = services.ensure(tiny())
    record = services.record("tiny")
    assert record is not None
    write_record(services.record_path("tiny"), replace(record, state="starting"))
    second = services.ensure(tiny())
    after = services.record("tiny")

    assert (second.pid, second.started) == (first.pid, False)
    assert after is not None
    assert after.state == "ready"


def test_a_process_whose_starter_dies_at_the_gate_never_runs(tmp_path: Path) -> None:
    """Until it is recorded a process runs nothing, and ends with its starter."""
    ran = tmp_path / "ran"
    environment = dict(os.environ)
    gated = detached_process.launch(
        [sys.executable, "-c", f"open({str(ran)!r}, 'w')"],
        environment=environment,
        folder=tmp_path,
        log=tmp_path / "log",
    )
    process = psutil.Process(gated.pid)
    assert gated.wait(0) == "running"
    gated.close()
    _, alive = psutil.wait_procs([process], timeout=30)

    assert alive == []
    assert not ran.exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, tiny: Specify) -> None:
    """The error says which folder."""
    (tmp_path / "file").touch()
    services = Services(folder=tmp_path / "file" / "services", environment={})

    with pytest.raises(CannotWrite, match=str(tmp_path / "file")):
        services.ensure(tiny())


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 300])
def test_a_name_is_a_plain_file_name(name: str, tiny: Specify) -> None:
    """Names that lead elsewhere are refused."""
    with pytest.raises(InvalidInput, match="plain file name"):
        tiny(name=name)


def test_a_service_about_to_end_keeps_others_from_counting_on_it(services: Services, tiny: Specify) -> None:
    """While one holds its own name nobody else can; a command that wants the service waits and starts another."""
    first = services.ensure(tiny())
    held = services.hold("tiny")
    assert held is not None
    assert services.hold("tiny") is None

    with ThreadPoolExecutor() as pool:
        coming = pool.submit(services.ensure, tiny())
        psutil.Process(first.pid).kill()
        held.close()
        assert coming.result(timeout=60).pid != first.pid
