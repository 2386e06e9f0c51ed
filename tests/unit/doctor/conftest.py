"""The doctor in this process: an environment, a spec, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest

from flows.doctor import examine_run
from flows.line import RunOptions
from tests.aws_account import Account, account_at

SPEC = {
    "name": "wine",
    "data": {"source": "sklearn://wine", "target": "target", "split": {"by": "random", "stratify": True}},
    "training": {"hyperparameters": {"objective": "multi:softprob", "num_class": 3, "num_round": 5}},
    "tuning": {
        "objective": {"metric": "validation:mlogloss", "type": "minimize"},
        "strategy": "random",
        "max_jobs": 4,
        "max_parallel_jobs": 3,
        "space": {"eta": {"continuous": [0.1, 0.5]}, "max_depth": {"integer": [1, 6]}},
    },
}
LOADER = botocore.loaders.create_loader()
Examined = dict[str, dict[str, Any]]


def new_session() -> None:
    """Forget boto3's first credentials, which it keeps for a whole process; the models it has read stay read."""
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    boto3.setup_default_session(botocore_session=session)


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., str]:
    """Write the spec; keywords replace its parts."""

    def write(**parts: Any) -> str:
        from ruamel.yaml import YAML

        path = tmp_path / "spec.yaml"
        with path.open("w") as file:
            YAML(typ="safe").dump({**SPEC, **parts}, file)
        return str(path)

    return write


@pytest.fixture
def examined(
    home: Path, monkeypatch: pytest.MonkeyPatch, write_spec: Callable[..., str]
) -> Iterator[Callable[..., tuple[Examined, int]]]:
    """Findings by check, and the exit code; nothing may be left in the home."""
    for name in ("GITHUB_ACTIONS", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(home.parent / "no-profile"))

    def examine(
        engine: str = "local",
        *,
        spec: str | None = None,
        environment: dict[str, str] | None = None,
        overrides: tuple[str, ...] = (),
        smoke: bool = False,
        **parts: Any,
    ) -> tuple[Examined, int]:
        for name, value in (environment or {}).items():
            monkeypatch.setenv(name, value)
        new_session()
        options = RunOptions(spec=spec or write_spec(**parts), engine=engine, overrides=overrides)
        told: list[str] = []
        document = examine_run(options, try_it=smoke, tell=lambda finding: told.append(finding.check))
        assert told == [check["check"] for check in document["checks"]]
        assert not home.exists()
        return {check["check"]: check for check in document["checks"]}, document["exit_code"]

    yield examine
    new_session()


@pytest.fixture
def account(aws_endpoint: str) -> Iterator[Account]:
    """An account of this test's own, empty."""
    with account_at(aws_endpoint) as made:
        yield made
