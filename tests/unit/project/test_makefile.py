"""The make targets: those the design names exist, and an environment is whole, or is made anew."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
STAMP = ".venv/.made-from-requirements"


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, without what an outer make (`make test`) has set."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the Makefile and a lock that asks for nothing."""
    shutil.copy(REPO / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    return tmp_path


def test_help_is_the_default_and_names_every_target(project: Path) -> None:
    """`make` alone says what there is to make."""
    said = make(project)

    assert said.returncode == 0
    for target in ("retrain", "test", "test-slow", "test-aws", "check", "up", "down", "bench", "clients", "clean"):
        assert f"make {target} " in said.stdout


def test_a_half_made_environment_is_made_anew_and_a_whole_one_kept(project: Path) -> None:
    """An environment counts once its stamp stands, written last; without it, or with a newer lock, it is made again."""
    half = project / ".venv" / "left-by-an-interrupted-bootstrap"
    half.parent.mkdir()
    half.touch()

    first = make(project, STAMP)
    assert first.returncode == 0, first.stderr
    assert not half.exists()
    assert (project / ".venv" / "bin" / "pip").exists()

    assert make(project, "--question", STAMP).returncode == 0, "a whole environment is kept"

    stamped = (project / STAMP).stat().st_mtime
    os.utime(project / "requirements.lock", (stamped + 10, stamped + 10))
    assert make(project, "--question", STAMP).returncode == 1, "a newer lock asks for another"


def test_a_failed_install_leaves_no_stamp(project: Path) -> None:
    """A lock that cannot be installed fails, tells pip's reason, and the next make starts over."""
    (project / "requirements.lock").write_text("no requirement at all\n")

    failed = make(project, STAMP)

    assert failed.returncode != 0
    assert "Invalid requirement" in failed.stderr
    assert not (project / STAMP).exists()


def test_the_clients_have_an_environment_of_their_own(project: Path) -> None:
    """Amazon's clients come from their own lock into their own folder; the line's environment is not touched."""
    (project / "requirements-clients.lock").write_text("# nothing\n")

    made = make(project, "clients")

    assert made.returncode == 0, made.stderr
    assert (project / ".venv-clients" / ".made-from-requirements-clients").exists()
    assert not (project / ".venv").exists()


def test_an_old_python_is_refused_by_name(project: Path) -> None:
    """A Python that is too old is named with the law, before anything is made."""
    old = project / "old-python"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 9, 2); exec(sys.argv[1])" "$2"\n')
    old.chmod(0o755)

    refused = make(project, STAMP, "PYTHON=./old-python")

    assert refused.returncode != 0
    assert "retune needs Python >= 3.11, ./old-python is 3.9" in refused.stderr
    assert not (project / ".venv").exists()
