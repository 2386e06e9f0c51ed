"""What the scenario for SageMaker itself may cost, and that nothing begins without its owner's word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import OverBudget
from components.tuning.prices import Price
from tests.aws import cost
from tests.aws.refused_calls import all_creates
from tests.aws.requests import FIRST, STOPPED, WARM, Places, tuning_job
from tests.command import REPO, environment_of

PLACES = Places(
    base_uri="s3://ml-bucket", role_arn="arn:aws:iam::111122223333:role/retune", region="us-east-1", tags={"team": "a"}
)


def at(usd_per_hour: float) -> Price:
    """A price."""
    return Price(instance_type="ml.m5.large", usd_per_hour=usd_per_hour, source="test")


def record(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.aws record` where no AWS is."""
    dead = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    known = {"RETUNE_BUCKET": "ml-bucket", "RETUNE_ROLE_ARN": PLACES.role_arn, "AWS_DEFAULT_REGION": "us-east-1"}
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "tests.aws", "record", str(home / "record"), *arguments],
        cwd=home,
        env={**environment_of(home), "AWS_CONFIG_FILE": os.devnull, **dead, **known, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_worst_case_is_that_of_every_job_it_may_start() -> None:
    """3,000 s of the five training jobs, and of each that AWS is to refuse, since it may take it, 120 or 240 s."""
    several = {"refused-too-few-combinations", "refused-jobs-over-quota"}  # bounded by the search's time and its grace
    refused = all_creates(PLACES).keys() - several
    assert cost.worst_case_usd(PLACES, at(3600.0)) == 3000 + 120 * len(refused) + 240 * len(several)
    assert cost.check_cap(PLACES, at(0.115)) < cost.CAP_USD
    with pytest.raises(OverBudget, match=r"within 1\.00 USD, got 1\.67 USD on ml\.m5\.large at 1\.000 USD an hour"):
        cost.check_cap(PLACES, at(1.0))


def test_every_job_has_a_name_of_its_own_and_limits_of_its_own() -> None:
    """No job of the scenario is without AMT's own limits, and no name is too long or used twice."""
    requests = [*(tuning_job(PLACES, job) for job in (FIRST, STOPPED, WARM)), *all_creates(PLACES).values()]
    names = [request["HyperParameterTuningJobName"] for request in requests]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 32
    for request in requests:
        assert request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] <= 3600
        assert request["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"] <= 600
        assert {"Key": "team", "Value": "a"} in request["Tags"]


def test_nothing_begins_without_the_owners_word(tmp_path: Path) -> None:
    """Without RETUNE_TEST_AWS=yes it is refused, with what it would cost, before anybody is asked anything."""
    for variables in ({}, {"RETUNE_TEST_AWS": "1"}):
        refused = record(tmp_path / "home", **variables)
        assert refused.returncode == 77, refused.stderr
        assert "at the worst 0.19 USD (ml.m5.large at 0.115 USD an hour" in refused.stderr
        assert "set RETUNE_TEST_AWS=yes" in refused.stderr
        assert not (tmp_path / "home" / "record").exists()


def test_nothing_begins_above_the_cap(tmp_path: Path) -> None:
    """An instance type whose worst case is over 1 USD is refused with the numbers, whatever the owner says."""
    refused = record(tmp_path / "home", "--instance-type", "ml.p3.16xlarge", RETUNE_TEST_AWS="yes")
    assert (refused.returncode, "the worst case must be within 1.00 USD, got" in refused.stderr) == (77, True)
    assert not (tmp_path / "home" / "record").exists()


def test_a_project_with_a_network_or_keys_is_refused(tmp_path: Path) -> None:
    """What retune.toml lays down for every job is not left out here: such a project does not play the scenario."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "retune.toml").write_text('[sagemaker]\nkms_key_id = "key"\n')
    refused = record(home, RETUNE_TEST_AWS="yes")
    assert refused.returncode == 77, refused.stderr
    assert "retune.toml lays down OutputDataConfig, ResourceConfig for every job" in refused.stderr


def test_the_scenario_is_no_test_of_its_own() -> None:
    """`make test` collects nothing of tests/aws, which only `make test-aws` runs."""
    assert list((REPO / "tests" / "aws").rglob("test_*.py")) == []
