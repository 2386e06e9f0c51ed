"""What the doctor sees of an AWS account: moto's, with real users, roles, policies and buckets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.aws_account import ACCOUNT, BUCKET, ROLE, TRUST, Account, allowing

SPOT = "ml.m5.large for spot training job usage"
ELSEWHERE = "arn:aws:iam::999999999999:role/retune"
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
)
SOURCE_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "999999999999"}}


def trusted(account: Account, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    account.client("iam").update_assume_role_policy(RoleName="retune", PolicyDocument=document)


def objects(account: Account) -> list[str]:
    return [each["Key"] for each in account.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def test_an_account_in_order_is_ok(account: Account, examined: Callable[..., Any]) -> None:
    """Every check passes, says what it saw, and leaves neither an object nor a secret behind."""
    environment = account.furnish()
    findings, code = examined("sagemaker", environment=environment)

    assert [check for check in findings.values() if check["status"] != "ok"] == []
    assert code == 0
    assert findings["credentials"]["says"] == f"arn:aws:iam::{ACCOUNT}:user/ci in account {ACCOUNT}"
    assert "iam:PassRole" in findings["caller's rights"]["says"]
    assert findings["quota"]["says"] == "3 instances are needed at a time, 3 allowed"
    assert "no questions" in findings["image"]["says"]
    assert "0.115 USD an hour (table of" in findings["price"]["says"]
    assert objects(account) == []
    assert environment["AWS_SECRET_ACCESS_KEY"] not in json.dumps(findings)


@pytest.mark.parametrize(
    ("operations", "check", "allow"),
    [
        ({"GetRole"}, "role", "iam:GetRole"),
        ({"SimulatePrincipalPolicy"}, "caller's rights", "iam:SimulatePrincipalPolicy"),
        ({"SimulatePrincipalPolicy"}, "role's rights", "iam:SimulatePrincipalPolicy"),
        ({"ListServiceQuotas"}, "quota", "servicequotas:ListServiceQuotas"),
    ],
)
def test_what_aws_does_not_tell_is_a_warning(
    operations: set[str], check: str, allow: str, account: Account, examined: Callable[..., Any]
) -> None:
    """A run does without these answers: the doctor says what it could not see and which right would show it."""
    environment = account.furnish()
    account.refused |= operations
    findings, code = examined("sagemaker", environment=environment)

    assert (findings[check]["status"], code) == ("warning", 0)
    assert allow in findings[check]["says"]
    assert "could not be seen" in findings[check]["says"]


def test_a_session_is_asked_for_as_its_role(account: Account, examined: Callable[..., Any]) -> None:
    """CI signs in by assuming a role: its policies count, path and all, and the session's keys are shown nowhere."""
    environment = account.furnish()
    iam, trust = account.client("iam"), json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    arn = iam.create_role(RoleName="deploy", Path="/ci/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="deploy", PolicyName="work", PolicyDocument=allowing("sagemaker:*"))
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="job-7")["Credentials"]
    environment |= {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    findings, _ = examined("sagemaker", environment=environment)

    assert "assumed-role/deploy/job-7" in findings["credentials"]["says"]
    assert f"{arn} must be allowed" in findings["caller's rights"]["says"]
    assert "is denied iam:PassRole" in findings["caller's rights"]["says"]
    assert keys["SessionToken"] not in json.dumps(findings)


def test_rights_that_are_missing_are_named(account: Account, examined: Callable[..., Any]) -> None:
    """A caller who may not pass the role, and a role that may not write the bucket, with action and resource."""
    environment = account.furnish()
    iam = account.client("iam")
    iam.put_user_policy(UserName="ci", PolicyName="work", PolicyDocument=allowing("sagemaker:*"))
    iam.put_role_policy(RoleName="retune", PolicyName="work", PolicyDocument=allowing("s3:GetObject", "s3:ListBucket"))
    findings, code = examined("sagemaker", environment=environment)

    assert code == 77
    assert findings["caller's rights"]["status"] == findings["role's rights"]["status"] == "failed"
    assert f"denied iam:PassRole on {ROLE}: allow" in findings["caller's rights"]["says"]
    assert f"denied s3:PutObject on arn:aws:s3:::{BUCKET}/team/output" in findings["role's rights"]["says"]


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ([{**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}}], "does not allow sts:AssumeRole to sagemaker"),
        ([{**TRUST, "Condition": SOURCE_ACCOUNT}], "for aws:SourceAccount 999999999999 only"),
        ([TRUST, {**TRUST, "Effect": "Deny"}], "denies sts:AssumeRole"),
    ],
)
def test_a_role_that_sagemaker_may_not_assume_fails(
    statements: list[dict[str, Any]], says: str, account: Account, examined: Callable[..., Any]
) -> None:
    """The trust policy is read; what stands on the role is not looked at, all else is."""
    environment = account.furnish()
    trusted(account, *statements)
    findings, code = examined("sagemaker", environment=environment)

    assert (findings["role"]["status"], code) == ("failed", 77)
    assert says in findings["role"]["says"]
    assert findings["role's rights"]["says"] == "not looked at: role must be right first"
    assert findings["bucket"]["status"] == findings["quota"]["status"] == "ok"


@pytest.mark.parametrize(
    ("role", "check", "code", "says"),
    [
        (f"arn:aws:iam::{ACCOUNT}:role/other", "role", 66, "no role other"),
        (f"arn:aws:iam::{ACCOUNT}:role/team/retune", "role", 66, "mend RETUNE_ROLE_ARN"),
        (ELSEWHERE, "account", 65, f"caller's account {ACCOUNT}, got one of 999999999999"),
    ],
)
def test_a_role_that_is_not_there_fails(
    role: str, check: str, code: int, says: str, account: Account, examined: Callable[..., Any]
) -> None:
    """No such name, another path, another account."""
    environment = account.furnish() | {"RETUNE_ROLE_ARN": role}
    findings, exit_code = examined("sagemaker", environment=environment)

    assert (findings[check]["status"], exit_code) == ("failed", code)
    assert says in findings[check]["says"]


def test_an_account_outside_the_list_fails(account: Account, examined: Callable[..., Any], tmp_path: Path) -> None:
    """`allow.accounts` of retune.toml holds for the caller, whatever the role says."""
    environment = account.furnish()
    (tmp_path / "retune.toml").write_text('[allow]\naccounts = ["999999999999"]\n')
    findings, code = examined("sagemaker", environment=environment | {"RETUNE_ROLE_ARN": ELSEWHERE})

    assert (findings["account"]["status"], code) == ("failed", 77)
    assert f"999999999999 only (retune.toml), got {ACCOUNT}" in findings["account"]["says"]


def test_a_quota_below_the_search_fails(account: Account, examined: Callable[..., Any]) -> None:
    """Parallel jobs x instances against the account's own quota, which goes before AWS's default; else the numbers."""
    environment = account.furnish()
    account.quotas[SPOT] = 1.0
    findings, code = examined("sagemaker", environment=environment)

    assert (findings["quota"]["status"], code) == ("failed", 77)
    assert f"= 3 instances must be within a quota, got {SPOT} is 1" in findings["quota"]["says"]
    several, _ = examined("sagemaker", overrides=("training.instance.type=[ml.m5.large, ml.c5.xlarge]",))
    assert several["quota"]["status"] == "warning"
    on_demand, _ = examined(
        "sagemaker",
        overrides=("training.spot=false", "training.instance.type=ml.c5.xlarge", "tuning.max_parallel_jobs=4"),
    )
    assert on_demand["quota"]["says"] == "4 instances are needed at a time, 4 allowed"


def test_an_instance_type_nobody_sells_is_seen(account: Account, examined: Callable[..., Any]) -> None:
    """Neither a quota nor a price: the first is a warning, the second keeps a run from starting."""
    environment = account.furnish()
    findings, code = examined("sagemaker", environment=environment, overrides=("training.instance.type=ml.m5.huge",))

    assert findings["quota"]["status"] == "warning"
    assert findings["price"]["status"] == findings["request"]["status"] == "failed"
    assert code == 77


@pytest.mark.parametrize(
    ("variables", "code", "says"),
    [
        ({"RETUNE_BUCKET": "nowhere"}, 66, "no bucket nowhere"),
        ({"RETUNE_BUCKET": "in-europe"}, 65, "us-east-1, got in-europe in eu-west-1"),
    ],
)
def test_a_bucket_that_will_not_do_fails(
    variables: dict[str, str], code: int, says: str, account: Account, examined: Callable[..., Any]
) -> None:
    """One that is not there, one in another region."""
    environment = account.furnish()
    place = {"LocationConstraint": "eu-west-1"}
    account.client("s3", "eu-west-1").create_bucket(Bucket="in-europe", CreateBucketConfiguration=place)
    findings, exit_code = examined("sagemaker", environment=environment | variables)

    assert (findings["bucket"]["status"], exit_code) == ("failed", code)
    assert says in findings["bucket"]["says"]


@pytest.mark.parametrize(
    ("operation", "check", "status", "code", "says"),
    [
        ("PUT object", "bucket", "failed", 77, "AccessDenied"),
        ("GET object", "bucket", "failed", 77, "AccessDenied"),
        ("HEAD object", "bucket", "failed", 77, "may not be looked at with these credentials (403)"),
        ("DELETE object", "bucket", "warning", 0, f"may not be removed: s3://{BUCKET}/team/doctor/"),
        ("ListHyperParameterTuningJobs", "SageMaker", "failed", 77, "ListHyperParameterTuningJobs"),
    ],
)
def test_a_call_that_is_refused_is_told(
    operation: str,
    check: str,
    status: str,
    code: int,
    says: str,
    account: Account,
    examined: Callable[..., Any],
) -> None:
    """What a run needs fails, and what was written before is removed; what it does not need, a warning names."""
    environment = account.furnish()
    account.refused.add(operation)
    findings, exit_code = examined("sagemaker", environment=environment)

    assert (findings[check]["status"], exit_code) == (status, code)
    assert says in findings[check]["says"]
    assert len(objects(account)) == (1 if operation == "DELETE object" else 0)


def test_images_of_ones_own_are_asked_for(account: Account, examined: Callable[..., Any], tmp_path: Path) -> None:
    """ECR knows a repository of one's own: there, not there, in another region, refused by retune.toml."""
    environment = account.furnish()
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="train")
    ecr.put_image(repositoryName="train", imageTag="1", imageManifest=MANIFEST)
    own = f"training.image={ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/train"
    there, _ = examined("sagemaker", environment=environment, overrides=(f"{own}:1",))
    missing, _ = examined("sagemaker", overrides=(f"{own}:2",))
    far, _ = examined("sagemaker", overrides=(f"{own.replace('us-east', 'us-west')}:1",))

    (tmp_path / "retune.toml").write_text('[allow]\nimages = ["683313688378.dkr.ecr."]\n')
    foreign, _ = examined("sagemaker", overrides=(f"{own}:1",))

    assert there["image"]["says"] == "is in its repository"
    assert "allow.images" in foreign["image"]["says"]
    assert missing["image"]["status"] == "failed"
    assert "ECR has no image" in missing["image"]["says"]
    assert "must be in the region us-east-1" in far["image"]["says"]


def test_an_endpoint_is_priced_before_it_is_made(account: Account, examined: Callable[..., Any]) -> None:
    """Where the champion goes to SageMaker its price per month is told, and refused above the spec's cap."""
    environment = account.furnish()
    findings, _ = examined("local", environment=environment, deployment={"target": "sagemaker"})
    assert findings["endpoint"]["looked_at"] == "wine"
    assert "83.95 USD a month at the most: 1 x ml.m5.large" in findings["endpoint"]["says"]
    assert findings["port"]["says"] == "nothing is served on this machine"

    dear = {"target": "sagemaker", "instance": {"count": 2}}
    findings, code = examined("local", environment=environment, deployment=dear)
    assert (findings["endpoint"]["status"], code) == ("failed", 77)
    assert "got 167.90 USD" in findings["endpoint"]["says"]
