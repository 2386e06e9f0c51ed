"""Every deployment target keeps the same contract; a new file in components/deployment/targets is tested unasked."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import components.deployment.targets
from components.deployment.services import Services
from components.deployment.target import Target
from components.deployment.targets.local_server import LocalServer
from components.errors import Damaged, DeploymentFailed
from tests.e2e.tiny_models import ask
from tests.endpoint_rig import client_of, endpoint_target
from tests.hosted_versions import MODEL, ROW, HostedVersions, register_versions
from tests.sagemaker_hosting import hosting_on

BODY = json.dumps({"dataframe_records": [ROW]}).encode()


def discovered() -> list[str]:
    names = []
    for module in pkgutil.iter_modules(components.deployment.targets.__path__, "components.deployment.targets."):
        for name, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if member.__module__ == module.name and hasattr(member, "deploy"):
                names.append(name)
    return sorted(names)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> HostedVersions:
    return register_versions(tmp_path_factory.mktemp("versions"))


@dataclass(frozen=True, kw_only=True)
class Served:
    """A fresh target, and how an answer is asked for at a deployment's address."""

    target: Target
    question: Callable[[str], dict[str, Any]]


@pytest.fixture(params=discovered())
def served(request: pytest.FixtureRequest, versions: HostedVersions, tmp_path: Path) -> Iterator[Served]:
    def local() -> Iterator[Served]:
        services = Services(folder=tmp_path / "home" / "services", environment=dict(os.environ))

        def question(url: str) -> dict[str, Any]:
            status, answer, _ = ask(url, BODY)
            assert status == 200, answer
            return dict(answer)

        target = LocalServer(services=services, tracking_uri=versions.registry.tracking_uri, alias="challenger")
        yield Served(target=target, question=question)
        services.stop_all()

    def sagemaker() -> Iterator[Served]:
        with hosting_on(request.getfixturevalue("aws_endpoint")) as hosting:

            def question(url: str) -> dict[str, Any]:
                name = url.removeprefix(f"{hosting.url}/endpoints/").removesuffix("/invocations")
                runtime = client_of(hosting, "sagemaker-runtime")
                answer = runtime.invoke_endpoint(EndpointName=name, Body=BODY, ContentType="application/json")
                return dict(json.loads(answer["Body"].read()))

            yield Served(target=endpoint_target(hosting, versions.registry, tmp_path), question=question)

    makers: dict[str, Callable[[], Iterator[Served]]] = {"LocalServer": local, "SageMakerEndpoint": sagemaker}
    yield from makers[request.param]()


class TestTarget:
    def test_a_version_is_served_replaced_kept_and_ended(self, served: Served, versions: HostedVersions) -> None:
        """Raw rows are answered as registered; the next version replaces it, a broken one never; the end is the end."""
        target, (first, second) = served.target, versions.good
        assert target.find(MODEL) is None
        answered = []
        for number in (first, second):
            versions.registry.challenge(number)
            deployed = target.deploy(MODEL, str(number))
            assert deployed.version == str(number)
            assert target.deploy(MODEL, str(number)) == deployed
            assert target.find(MODEL) == deployed
            answer = served.question(deployed.url)
            assert answer["model_version"] == str(number)
            answered.append(answer["predictions"][0]["probability"])
        assert answered == pytest.approx([expected(versions, number) for number in (first, second)], abs=1e-6)
        assert answered[0] != answered[1]

        versions.registry.challenge(versions.broken)
        with pytest.raises((Damaged, DeploymentFailed)):
            target.deploy(MODEL, str(versions.broken))
        kept = target.find(MODEL)
        assert kept is not None
        assert (kept.version, served.question(kept.url)["model_version"]) == (str(second), str(second))

        assert target.stop(MODEL)
        assert target.find(MODEL) is None
        assert not target.stop(MODEL)


def expected(versions: HostedVersions, number: int) -> float:
    """What the registered model itself says."""
    model = versions.registry.load(versions.registry.version(number), Path("unused"))
    return float(model.predict(pd.DataFrame([ROW]))["probability"].iloc[0])
