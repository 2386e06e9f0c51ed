"""The import laws of pyproject.toml are kept by the code, and a skeleton with one wrong import per law breaks each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[3]
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
MODULES = (
    "flows.retrain",
    "components.spec",
    "components.decision",
    "components.reporting.report",
    "components.deployment.targets.local_server",
    "components.deployment.targets.sagemaker_endpoint",
    "components.deployment.inference",
    "components.registry.asking",
    "components.registry.promotion",
    "components.tuning.request",
    "components.tuning.engines.local",
    "components.tuning.engines.sagemaker",
    "components.data.snapshot",
    "components.data.transform",
    "components.amt.client",
    "components.amt.samplers.bayesian",
    "components.amt.samplers.random",
    "components.trainers.xgboost",
    "components.storage.store",
    "components.storage.local",
    "components.storage.s3",
    "components.aws",
    "components.settings",
    "components.naming",
    "components.spec_part",
    "components.errors",
)
# law, importer, what it must not import
WRONG = (
    ("line", "components.data.snapshot", "components.tuning.request"),
    ("line", "components.data.snapshot", "components.amt.client"),
    ("line", "components.registry.promotion", "components.deployment.targets.local_server"),
    ("line", "components.errors", "components.settings"),
    ("line", "components.aws", "components.storage.s3"),
    ("prefect", "components.decision", "prefect"),
    ("prefect", "components.spec", "flows.retrain"),
    ("boto3", "components.storage.s3", "boto3"),
    ("boto3", "flows.retrain", "boto3"),
    ("amt", "components.amt.client", "components.settings"),
    ("trainers", "components.trainers.xgboost", "components.errors"),
    ("transform", "components.data.transform", "components.data.snapshot"),
    ("transform", "components.registry.asking", "components.data.transform"),
    ("transform", "components.deployment.inference", "components.registry.asking"),
    ("engines", "components.tuning.engines.sagemaker", "components.tuning.engines.local"),
    ("targets", "components.deployment.targets.local_server", "components.deployment.targets.sagemaker_endpoint"),
    ("stores", "components.storage.local", "components.storage.s3"),
    ("samplers", "components.amt.samplers.random", "components.amt.samplers.bayesian"),
)


def lint(folder: Path) -> str:
    """What import-linter says about a folder."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    wide = {**os.environ, "COLUMNS": "400"}  # it wraps what it prints
    return subprocess.run(
        command, cwd=folder, env=wide, capture_output=True, text=True, check=False, timeout=120
    ).stdout


def skeleton(folder: Path) -> None:
    """A tree with a module in every room, under the project's own laws."""
    for module in MODULES:
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for package in {path.parent for path in folder.rglob("*.py")} | {folder / "components"}:
        for ancestor in (package, *package.parents):
            if ancestor == folder:
                break
            (ancestor / "__init__.py").touch()
    (folder / "pyproject.toml").write_text((REPO / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For each law, what import-linter says about a skeleton that breaks them all."""
    folder = tmp_path_factory.mktemp("broken")
    skeleton(folder)
    for _, importer, imported in WRONG:
        with folder.joinpath(*importer.split(".")).with_suffix(".py").open("a") as file:
            file.write(f"import {imported}\n")
    (folder / "components" / "stray.py").write_text("")
    _, details = lint(folder).split("Broken contracts", maxsplit=1)
    headings = "|".join(re.escape(name) for name in CONTRACTS.values())
    _, *parts = re.split(rf"^({headings})$", details, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_skeleton_keeps_every_law(tmp_path: Path) -> None:
    """Without a wrong import all contracts hold, so what breaks below breaks by the import alone."""
    skeleton(tmp_path)

    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in lint(tmp_path)


def test_the_code_keeps_every_law() -> None:
    """The repository's own imports obey every contract."""
    said = lint(REPO)

    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in said, said


def test_every_law_has_a_wrong_import() -> None:
    """A contract added to pyproject.toml comes with an import that shows it at work."""
    assert {law for law, _, _ in WRONG} == set(CONTRACTS)


@pytest.mark.parametrize(("law", "importer", "imported"), WRONG)
def test_a_wrong_import_breaks_its_law(broken: dict[str, str], law: str, importer: str, imported: str) -> None:
    """import-linter names the import under the law that it breaks."""
    assert f"{importer} -> {imported}" in broken[CONTRACTS[law]]


def test_a_module_without_a_place_in_the_line_breaks_the_law(broken: dict[str, str]) -> None:
    """A new module directly under components must be given its layer."""
    assert "stray" in broken[CONTRACTS["line"]]
