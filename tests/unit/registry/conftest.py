"""One real SQLite MLflow for this folder (its schema takes seconds) and a trained model of each kind of target."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import registry_cases
from mlflow import MlflowClient
from registry_cases import Case

from components.registry.connection import connect
from components.registry.contest import Terms, contest, settle
from components.registry.experiments import ensure_experiment
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.registry.promotion import PromotionDecision
from components.registry.registry_spec import PromotionSpec
from components.registry.verification import TrialModel

# Where neither `components` nor `flows` can be imported: a model's folder, then requests as MLflow's server reads them.
ELSEWHERE = """
import json, sys
sys.modules["components"] = sys.modules["flows"] = None
import mlflow.pyfunc
from mlflow.pyfunc.scoring_server import infer_and_parse_data
model = mlflow.pyfunc.load_model(sys.stdin.readline().strip())
schema = model.metadata.get_input_schema()
for line in sys.stdin:
    print(model.predict(infer_and_parse_data(json.loads(line), schema)).to_json(orient="records"))
"""


@pytest.fixture(scope="session", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A process without this project, in an empty folder (its last argument); imports while other tests run."""
    folder = tmp_path_factory.mktemp("elsewhere")
    kept = ("PATH", "TEST_SESSION_OF_RETUNE", "OMP_NUM_THREADS", "MLFLOW_DISABLE_TELEMETRY")
    process = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, str(folder)],
        env={name: os.environ[name] for name in kept if name in os.environ},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="session")
def registry_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="session")
def registry_uri(registry_home: Path) -> str:
    return f"sqlite:///{registry_home / 'mlflow.db'}"


@pytest.fixture(scope="session")
def mlflow_client(registry_uri: str) -> MlflowClient:
    return connect(registry_uri)


@pytest.fixture(scope="session")
def experiment_id(mlflow_client: MlflowClient, registry_home: Path) -> str:
    return ensure_experiment(mlflow_client, "bank", str(registry_home / "artifacts"))


@pytest.fixture
def run_id(mlflow_client: MlflowClient, experiment_id: str) -> str:
    return str(mlflow_client.create_run(experiment_id).info.run_id)


@pytest.fixture
def registry(registry_uri: str) -> Registry:
    """A registered model that no other test has."""
    return Registry(tracking_uri=registry_uri, model=f"bank-{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def binary() -> Case:
    return registry_cases.case("binary")


@pytest.fixture(scope="session")
def trial(binary: Case, tmp_path_factory: pytest.TempPathFactory) -> TrialModel:
    """A built-in model of the binary case, tuned on f1_binary."""
    return registry_cases.trial(binary, tmp_path_factory.mktemp("binary"), metric="validation:f1_binary")


@pytest.fixture(scope="session")
def weak_trial(binary: Case, tmp_path_factory: pytest.TempPathFactory) -> TrialModel:
    """A worse model: one round of stumps."""
    folder = tmp_path_factory.mktemp("weak")
    return registry_cases.trial(binary, folder, metric="validation:f1_binary", num_round="1", max_depth="1")


@pytest.fixture
def register(registry: Registry, binary: Case, run_id: str, tmp_path: Path) -> Callable[..., ModelVersion]:
    """Register a trial of the binary case under a run key."""
    return registry_cases.registrar(registry, binary, run_id, tmp_path)


@pytest.fixture
def compete(registry: Registry, binary: Case, tmp_path: Path) -> Callable[..., PromotionDecision]:
    """Decide about a version and carry it out."""

    def decide_and_settle(version: ModelVersion, **changes: Any) -> PromotionDecision:
        arguments: dict[str, Any] = {
            "metric": "validation:f1_binary",
            "classes": binary.snapshot.classes,
            "base_dir": tmp_path,
            "promotion": PromotionSpec(confidence=None),
        }
        rows = changes.pop("rows", binary.test)
        terms = Terms(**{**arguments, **changes})
        decision = contest(registry=registry, challenger=version, rows=rows, terms=terms, scratch=tmp_path / "scratch")
        settle(
            registry=registry,
            challenger=version,
            decision=decision,
            by="ci",
            now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        )
        return decision

    return decide_and_settle
