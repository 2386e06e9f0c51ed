"""A real Prefect server for the session, and `retune` as a user types it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.amt_endpoint import Serving, serving
from tests.command import REPO, Retune, environment_of
from tests.gate import SCRIPT, Gate

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

BUCKET = "ml-bucket"


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


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate for the scripts of one test."""
    opened = Gate()
    yield opened
    opened.close()


@pytest.fixture
def gated_spec(write_spec: Callable[..., Path], tmp_path: Path, gate: Gate) -> str:
    """A spec of six trials, two at a time, that wait at the gate."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(SCRIPT)
    spec = write_spec(
        training={
            "entry_point": "train.py",
            "source_dir": str(tmp_path / "code"),
            "hyperparameters": {"port": gate.port},
            "metrics": [{"name": "loss", "regex": "loss = ([0-9.]+)"}],
        },
        tuning={
            "objective": {"metric": "loss", "type": "minimize"},
            "max_jobs": 6,
            "max_parallel_jobs": 2,
            "space": {"rate": {"continuous": [0.1, 0.5]}},
        },
    )
    return str(spec)


@pytest.fixture(scope="module")
def s3_url(_moto: ThreadedMotoServer) -> str:
    """S3 on moto's server, with a bucket."""
    host, port = _moto.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
    return url


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, s3_url: str) -> Iterator[Serving]:
    """SageMaker's part of an account: `retune amt serve` before that bucket."""
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    with serving(tmp_path_factory.mktemp("cloud"), "s3", AWS_ENDPOINT_URL_S3=s3_url, **keys) as endpoint:
        yield endpoint


@pytest.fixture
def account(cloud: Serving, s3_url: str) -> dict[str, str]:
    """The environment of somebody with an account in this cloud."""
    return {
        **cloud.exports,
        "AWS_ENDPOINT_URL": s3_url,
        "RETUNE_BUCKET": BUCKET,
        "RETUNE_ROLE_ARN": "arn:aws:iam::111122223333:role/retune",
        "RETUNE_POLL_S": "0.3",
    }
