"""Runs or collects named tests through pytest itself, and says which of them do not stand."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pytest


class _Outcomes:
    """A pytest plugin: how each test ended, also when workers ran it."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """One phase of one test."""
        if report.when == "call" or report.outcome != "passed":
            outcome = "expected to fail" if hasattr(report, "wasxfail") else report.outcome
            self.seen.setdefault(report.nodeid, set()).add(outcome)


class _Collected:
    """A pytest plugin: what would run, and with which marks."""

    def __init__(self) -> None:
        self.marks: dict[str, set[str]] = {}

    def pytest_collection_finish(self, session: Any) -> None:
        """All items, after collection."""
        for item in session.items:
            self.marks[item.nodeid] = {mark.name for mark in item.iter_markers()}


def of(named: str, found: Iterable[str]) -> list[str]:
    """The tests a name stands for: itself, or all its parameters."""
    return [nodeid for nodeid in found if nodeid == named or nodeid.startswith(f"{named}[")]


def check(named: Collection[str], arguments: Sequence[str]) -> int:
    """Run the tests; 0 when each of them passed."""
    outcomes = _Outcomes()
    code = int(pytest.main([*arguments, *_least(named)], plugins=[outcomes]))
    for name in sorted(named):
        ended = {outcome for nodeid in of(name, outcomes.seen) for outcome in outcomes.seen[nodeid]}
        if ended != {"passed"}:
            said = ", ".join(sorted(ended)) or "not run"
            sys.stdout.write(f"parity: {name} must pass: {said}\n")
            code = code or 1
    return code


def collect(named: Collection[str]) -> dict[str, set[str]]:
    """Collect the files of the tests; each test found, with the names of its marks."""
    collected = _Collected()
    files = sorted({name.partition("::")[0] for name in named})
    code = pytest.main(["--collect-only", "-qqq", *files], plugins=[collected])
    assert code == pytest.ExitCode.OK, code
    return collected.marks


def _least(named: Collection[str]) -> list[str]:
    """Each once: a test named with and without its parameters would run twice."""
    return sorted(name for name in named if name.partition("[")[0] == name or name.partition("[")[0] not in named)
