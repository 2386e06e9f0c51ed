"""Rules about the tests themselves: each says its requirement, none stands on a mock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
FILES = sorted(TESTS.rglob("*.py"))
MOCKS = {"unittest.mock", "mock", "pytest_mock"}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every syntax node of every test file, with its place."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            yield f"{path.relative_to(TESTS)}:{getattr(node, 'lineno', 0)}", node


def test_every_test_states_its_requirement() -> None:
    """A test's docstring is the requirement, in one paragraph."""
    missing = [
        f"{place} {node.name}"
        for place, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len((ast.get_docstring(node) or "\n\n").split("\n\n")) != 1
    ]

    assert missing == []


def test_no_test_stands_on_a_mock() -> None:
    """The seams are real (the local engine, moto's server, real processes): nothing imports a mock."""
    found = []
    for place, node in nodes():
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.arg):
            names = ["mock" if node.arg == "mock" + "er" else ""]
        found += [place for name in names if name in MOCKS]

    assert found == []


def test_no_test_patches_code() -> None:
    """Tests set the environment and the folder; they do not replace parts of what they test."""
    found = [
        place
        for place, node in nodes()
        if isinstance(node, ast.Attribute)
        and node.attr in {"setattr", "delattr"}
        and isinstance(node.value, ast.Name)
        and "patch" in node.value.id
    ]

    assert found == []


def test_test_files_have_names_of_their_own() -> None:
    """Two test files of one name would be one module to pytest, which imports them by name alone."""
    names = [path.name for path in FILES if path.name.startswith("test_")]

    assert sorted(names) == sorted(set(names))
