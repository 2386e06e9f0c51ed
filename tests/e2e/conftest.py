"""A real Prefect server for the session, and `retune` as a user types it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import REPO, Retune, environment_of


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One real Prefect server for all runs of the session."""
    home = tmp_path_factory.mktemp("prefect-server")
    retune = Retune(home=home, cwd=REPO, environment=environment_of(home))
    code = (
        "from components.settings import read_settings; from flows.local_services import ensure_prefect; "
        "print(ensure_prefect(read_settings()))"
    )
    started = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPO,
        env=dict(retune.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr
    yield started.stdout.split()[-1]
    assert retune("down").code == 0


@pytest.fixture
def retune(tmp_path: Path, prefect_api: str) -> Iterator[Retune]:
    """`retune` in the repository, on a home that the test alone has; what it started is stopped."""
    home = tmp_path / "home"
    command = Retune(home=home, cwd=REPO, environment=environment_of(home, PREFECT_API_URL=prefect_api))
    yield command
    command("down")


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., Path]:
    """Write a small spec; keywords replace its parts."""

    def write(**parts: Any) -> Path:
        from ruamel.yaml import YAML

        document = {
            "name": "wine",
            "data": {
                "source": "sklearn://wine",
                "target": "target",
                "split": {"by": "random", "stratify": True, "train": 0.6, "validation": 0.2, "test": 0.2},
            },
            "training": {"hyperparameters": {"objective": "multi:softprob", "num_class": 3, "num_round": 8}},
            "tuning": {
                "objective": {"metric": "validation:accuracy", "type": "maximize"},
                "strategy": "random",
                "seed": 1,
                "max_jobs": 4,
                "max_parallel_jobs": 2,
                "space": {"eta": {"continuous": [0.1, 0.5]}, "max_depth": {"integer": [1, 6]}},
            },
            **parts,
        }
        path = tmp_path / "spec.yaml"
        with path.open("w") as file:
            YAML(typ="safe").dump(document, file)
        return path

    return write
