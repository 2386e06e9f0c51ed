"""Rules about every source file that a linter does not know."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
FOLDERS = ("flows", "components", "infra", "tests", ".github", ".ci", "benchmarks", "docs", "data", "examples")
PYTHON = sorted(
    path
    for folder in ("flows", "components", "benchmarks", "examples", "tests")
    for path in (REPO / folder).rglob("*.py")
    if not {"vendor", "fixtures"} & set(path.relative_to(REPO).parts)  # not written here
)
TEXT = sorted(
    path
    for path in (*REPO.iterdir(), *(path for folder in FOLDERS for path in (REPO / folder).rglob("*")))
    if path.is_file() and path.suffix in {"", ".in", ".py", ".md", ".yaml", ".yml", ".toml", ".lock", ".html", ".js"}
)
NAMELESS = re.compile(r"(utils?|helpers?|common|misc)\.py")
# In pieces, so that this file does not hold what it looks for.
REGISTRIES = re.compile("|".join(("py" + "pi", "python" + "hosted", r"registry\." + "npmjs", "conda" + r"\.anaconda")))
DOWNLOAD = re.compile(r"https?://[^ \"]*(\.whl|\.tgz|\.deb|/simple)([/#\"? ]|$)", re.MULTILINE)


def name_of(path: Path) -> str:
    """A path as a test's name shows it."""
    return str(path.relative_to(REPO))


def test_files_are_found() -> None:
    """The rules below look at something."""
    assert REPO / "components" / "errors.py" in PYTHON
    assert {REPO / "Makefile", REPO / "requirements.lock", REPO / ".ci" / "run"} <= set(TEXT)


def test_no_file_is_over_300_lines() -> None:
    """A file is one subject: 40 to 250 lines, and never over 300."""
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in PYTHON}

    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}


def test_no_module_is_named_for_nothing() -> None:
    """A module is named for what it does."""
    assert [name_of(path) for path in PYTHON if NAMELESS.fullmatch(path.name)] == []


@pytest.mark.parametrize("path", [path for path in PYTHON if "tests" not in path.parts], ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """The docstring is the module's first statement, so that `__doc__` has it (a future-import before it hides it)."""
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("room", ["flows", "components"])
def test_every_folder_with_code_is_a_package(room: str) -> None:
    """Each folder of code has an `__init__.py`, but for the specs' scripts, which run alone."""
    folders = {path.parent for path in (REPO / room).rglob("*.py") if REPO / "flows" / "specs" not in path.parents}

    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_tracked_file_names_a_registry_or_a_download() -> None:
    """Files name packages, not hosts: where packages come from is the machine's own business."""
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in TEXT
        for text in [path.read_text(errors="replace")]
        for match in (*REGISTRIES.finditer(text), *DOWNLOAD.finditer(text))
    ]

    assert found == []


def test_a_download_address_would_be_found() -> None:
    """The patterns match what they are for."""
    assert DOWNLOAD.search("see https://host/a/b" + ".whl for")
    assert REGISTRIES.search("https://" + "py" + "pi.org/x")
