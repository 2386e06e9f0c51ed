"""The parity page is what its rows say, and every row stands on tests that exist or says what differs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.parity import document, outcomes
from tests.parity.__main__ import PAGE
from tests.parity.row import Row

REPO = Path(__file__).resolve().parents[3]
LEAST_ROWS = 60
COLLECT = """
import json, sys
from tests.parity import outcomes
marks = outcomes.collect(json.load(sys.stdin))
json.dump({name: sorted(found) for name, found in marks.items()}, sys.stdout)
"""
CASES = '''
import pytest

def test_passes():
    """Passes."""

def test_fails():
    """Fails."""
    raise AssertionError

def test_skips():
    """Skips."""
    pytest.skip("not here")

@pytest.mark.xfail(strict=False)
def test_expected():
    """Expected to fail."""
    raise AssertionError

@pytest.mark.parametrize("number", [1, 2])
def test_of_numbers(number):
    """One of two fails."""
    assert number == 1
'''


def test_the_page_is_what_the_rows_say() -> None:
    """docs/reference/amt-parity.md is what `python -m tests.parity` writes now."""
    assert PAGE.read_text(encoding="utf-8") == document.page(), "run: .venv/bin/python -m tests.parity"


def test_a_row_has_tests_or_says_what_differs() -> None:
    """No row claims to be the same without a test, and none is there twice."""
    rows = document.rows()
    assert len(rows) >= LEAST_ROWS
    assert [row.aws for row in rows if not row.tests and not row.differs] == []
    assert len({row.aws for row in rows}) == len(rows)


def test_every_named_test_exists_and_runs() -> None:
    """Each test of a row is collected, and carries no mark that would skip it or forgive its failure."""
    named = document.named_tests()
    marks = collected(named)
    assert [name for name in sorted(named) if not outcomes.of(name, marks)] == []
    forgiving = {"skip", "skipif", "xfail"}
    assert [name for name in sorted(named) for one in outcomes.of(name, marks) if forgiving & set(marks[one])] == []


def test_a_check_passes_only_when_every_test_has_passed(tmp_path: Path) -> None:
    """A test that fails, is skipped, expected to fail, missing, or fails for one parameter, fails the check."""
    (tmp_path / "test_cases.py").write_text(CASES)
    told = {
        name: checked(tmp_path, f"test_cases.py::test_{name}")
        for name in ("passes", "fails", "skips", "expected", "of_numbers", "missing")
    }
    assert {name for name, code in told.items() if code == 0} == {"passes"}


def test_a_row_shows_what_differs() -> None:
    """The page marks a row that differs, with its reason."""
    assert "**differs**: there is none" in document._here(Row(aws="x", differs="there is none"))
    assert document._here(Row(aws="x", tests=("tests/x.py::test_x",))) == "same"


def collected(named: set[str]) -> dict[str, list[str]]:
    """Tests of the named tests' files, with their marks."""
    out = python(COLLECT, cwd=REPO, given=sorted(named))
    return dict(json.loads(out.splitlines()[-1]))


def checked(folder: Path, name: str) -> int:
    """Exit code of the check of one test."""
    code = f"from tests.parity import outcomes; print(outcomes.check([{name!r}], ['-q', '-p', 'no:cacheprovider']))"
    return int(python(code, cwd=folder, given=[]).splitlines()[-1])


def python(code: str, *, cwd: Path, given: list[str]) -> str:
    """What a program prints that pytest runs in: it cannot run twice in one process."""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout
