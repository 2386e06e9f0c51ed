"""The line in two halves on what the stacks of `infra/` made: their outputs, and each AWS call held against a role."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.amt_endpoint import Serving
from tests.command import Retune
from tests.iam_policies import decision
from tests.recorded_calls import Request, iam_requests, recorded
from tests.stacks import Stacks

if TYPE_CHECKING:
    from tests.front import Asked

ACCOUNT = "123456789012"
PREFIX = "team/retune"
GITHUB = {
    "GitHubProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    "GitHubRepository": "acme/churn",
}


@pytest.fixture(scope="module")
def stacks(s3_url: str) -> Stacks:
    """The account behind the cloud."""
    return Stacks(s3_url)


@pytest.fixture(scope="module")
def outputs(stacks: Stacks) -> dict[str, str]:
    """Bucket and execution role by the names their outputs have, and a role for each half."""
    bucket = stacks.deploy("bucket", "bucket.yaml", BucketName="team-models", Prefix=PREFIX)
    here = {"BucketName": bucket["RetuneBucket"], "Prefix": PREFIX}
    execution = stacks.deploy("execution", "execution-role.yaml", **here)
    halves = {}
    for work in ("submit", "collect"):
        made = stacks.deploy(
            work,
            "caller-role.yaml",
            **here,
            **GITHUB,
            Work=work,
            ExecutionRoleArn=execution["RetuneRoleArn"],
            Models="stacked",
            GitHubEnvironment=f"retune-{work}",
        )
        halves[work] = made["RoleArn"]
    return {**bucket, **execution, **halves}


@pytest.fixture
def project(tmp_path: Path, outputs: dict[str, str]) -> Path:
    """A project folder whose ledger is shared, in the bucket."""
    folder = tmp_path / "project"
    folder.mkdir()
    ledger = f"s3://{outputs['RetuneBucket']}/{PREFIX}/ledger.json"
    (folder / "retune.toml").write_text(f'[budget]\nledger = "{ledger}"\nmax_cost_usd_per_month = 100\n')
    return folder


@pytest.fixture
def calls() -> list[Asked]:
    """What went to AWS."""
    return []


@pytest.fixture
def runner(cloud: Serving, s3_url: str, outputs: dict[str, str], calls: list[Asked]) -> Iterator[dict[str, str]]:
    """The environment of a runner in that account, whose calls are written down."""
    with recorded(cloud.url, calls) as sagemaker, recorded(s3_url, calls) as others:
        yield {
            **cloud.exports,
            "AWS_ENDPOINT_URL_SAGEMAKER": sagemaker,
            "AWS_ENDPOINT_URL": others,
            "RETUNE_BUCKET": outputs["RetuneBucket"],
            "RETUNE_ROLE_ARN": outputs["RetuneRoleArn"],
            "RETUNE_PREFIX": PREFIX,
            "RETUNE_POLL_S": "0.3",
        }


def refused(stacks: Stacks, role: str, calls: list[Asked]) -> list[Request]:
    """Requests of these calls that the role is not allowed, each once."""
    statements = stacks.statements(role)
    asked = {str(each): each for each in iam_requests(calls, account=ACCOUNT, region="us-east-1")}
    return [each for each in asked.values() if decision(statements, *each) != "allowed"]


@pytest.mark.slow
def test_both_halves_run_on_the_stacks_and_within_their_roles(
    retune: Retune,
    write_spec: Callable[..., Path],
    stacks: Stacks,
    outputs: dict[str, str],
    runner: dict[str, str],
    calls: list[Asked],
    project: Path,
) -> None:
    """Submitted and collected by the stacks' outputs; each AWS call of either half is one its GitHub role may make."""
    spec = project / "spec.yaml"
    shutil.copy(write_spec(name="stacked"), spec)
    here = Retune(home=retune.home, cwd=project, environment=retune.environment)
    job = here.ok("submit", str(spec), "--no-deploy", **runner)["tuning_job"]
    submitting = calls.copy()
    calls.clear()
    result = here.ok("collect", job, **runner)
    collecting = calls.copy()

    assert result["trials"] == {"completed": 4, "stopped": 0, "failed": 0}
    assert refused(stacks, outputs["submit"], submitting) == []
    assert refused(stacks, outputs["collect"], collecting) == []
    ledger = ("s3:PutObject", f"arn:aws:s3:::team-models/{PREFIX}/ledger.json", {})
    for half in (submitting, collecting):
        assert ledger in iam_requests(half, account=ACCOUNT, region="us-east-1")
    starting = {each[0] for each in refused(stacks, outputs["collect"], submitting)}
    assert {"sagemaker:CreateHyperParameterTuningJob", "sagemaker:AddTags", "iam:PassRole"} <= starting
