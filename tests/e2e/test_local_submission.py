"""The line in two halves on this machine: who runs a submitted search, and when that ends."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import psutil
import pytest

from tests.command import Retune
from tests.gate import Gate

pytestmark = pytest.mark.slow


def server(retune: Retune) -> psutil.Process:
    """The process that this home's submitted searches run in."""
    record: dict[str, Any] = json.loads((retune.home / "services" / "amt.json").read_text())
    return psutil.Process(record["pid"])


def test_a_search_submitted_on_this_machine_goes_on_without_its_command(
    retune: Retune, gated_spec: str, gate: Gate
) -> None:
    """One server runs it, whatever is submitted again or killed in between; when the search has ended, so does it."""
    command = ("submit", gated_spec, "--engine", "local", "--no-deploy")
    started = retune.ok(*command)
    first = server(retune)
    gate.let_one_through()
    while retune.ok("status", started["tuning_job"])["trials"]["completed"] < 1:
        pass  # asking takes its time
    assert (retune.ok(*command), server(retune)) == (started, first)

    os.kill(first.pid, signal.SIGKILL)
    assert retune.ok(*command) == started
    second = server(retune)
    assert second != first
    with retune.running("collect", started["tuning_job"], "--json") as collecting:
        for _ in range(5):
            gate.let_one_through()
        out, err = collecting.communicate(timeout=200)
    assert collecting.returncode == 0, err
    result = json.loads(out)
    assert (result["tuning_job"], result["model_version"]) == (started["tuning_job"], "1")
    assert result["trials"] == {"completed": 6, "stopped": 0, "failed": 0}
    assert sorted(gate.passed) == sorted(set(gate.passed))
    assert [job["name"] for job in retune.ok("jobs")["jobs"]] == [started["tuning_job"]]
    assert psutil.wait_procs([second], timeout=60)[1] == []
    assert retune.ok("submit", gated_spec, "--engine", "local", "--no-deploy")["mode"] == "skip"
    assert retune.ok("down") == {"services": []}

    refit = retune.ok("submit", gated_spec, "--engine", "local", "--no-deploy", "--mode", "refit")
    assert (refit["mode"], refit["tuning_job"]) == ("refit", None)
    gate.let_one_through(of=refit["training_job"])
    refitted = retune.ok("collect", refit["training_job"])
    assert (refitted["refit_of"]["version"], refitted["model_version"]) == ("1", "2")
