"""The error tree in the docstring of components.errors is the one that the classes form."""

from __future__ import annotations

import pickle
import re

import pytest

from components import errors
from components.errors import RetuneError

ROW = re.compile(r"^ {4}(?P<branch>[│├└─ ]*)(?P<name>\w+) +(?P<code>\d+) +(?P<retryable>yes|no)\b", re.MULTILINE)
CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, RetuneError) and not name.startswith("_")
}


def drawn() -> dict[str, tuple[str, int, bool]]:
    """The docstring's table: name -> parent, exit code, retryable."""
    path: list[str] = ["RetuneError"]
    rows = {}
    for row in ROW.finditer(errors.__doc__ or ""):
        depth = len(row["branch"]) // 4
        path[depth:] = [row["name"]]
        rows[row["name"]] = (path[depth - 1], int(row["code"]), row["retryable"] == "yes")
    return rows


def test_the_drawing_has_every_class_and_no_other() -> None:
    """Who reads the docstring has seen the whole tree."""
    assert set(drawn()) == set(CLASSES) - {"RetuneError"}


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"RetuneError"}))
def test_a_class_is_what_the_drawing_says(name: str) -> None:
    """Parent, exit code and retryable of a class agree with its row."""
    kind = CLASSES[name]
    parent = next(base.__name__ for base in kind.__mro__[1:] if base.__name__ in CLASSES)

    assert drawn()[name] == (parent, kind.exit_code, kind.retryable)


def test_each_branch_has_an_exit_code_of_its_own() -> None:
    """A shell can tell the branches apart; what is only an InvalidInput exits as one."""
    branches = [kind for kind in CLASSES.values() if kind.__base__ is RetuneError]
    codes = [kind.exit_code for kind in branches]

    assert len(set(codes)) == len(codes)
    assert 0 not in codes
    assert 64 not in codes, "64 is the command line's own: a usage error"


@pytest.mark.parametrize("error", [errors.InvalidSpec("a.yaml", ["x: law, got 1", "y: law"]), errors.Busy("port 8080")])
def test_an_error_survives_another_process(error: RetuneError) -> None:
    """Prefect and process pools hand errors on by pickle: type and message arrive."""
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
