"""What each role of `infra/` may do and what it must not, decided on the policies of the deployed stacks."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from components.tuning.permissions import caller_questions, role_questions
from tests.iam_policies import decision
from tests.stacks import Stacks, resources

ACCOUNT = "123456789012"
REGION = "us-east-1"
EXECUTION = f"arn:aws:iam::{ACCOUNT}:role/execution"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0b1c2d3e-0000-4000-8000-000000000000"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
HERE = {
    "BucketName": "team-models",
    "Prefix": "team/retune",
    "ExecutionRoleArn": EXECUTION,
    "Models": "digits,flights*",
}
GITHUB = {"GitHubProviderArn": PROVIDER, "GitHubRepository": "acme/churn", "GitHubEnvironment": "retune-submit"}

BUCKET = "arn:aws:s3:::team-models"
BELOW = f"{BUCKET}/team/retune"
TUNING = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/digits-0123456789-01"
TRAINING = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/digits-0123456789-refit-01"
ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/digits"
SCALING = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
ALARMS = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:log-stream:"
OURS = {"aws:RequestTag/retune.model": "digits", "sagemaker:InstanceTypes": ["ml.m5.large"]}
COSTLY = {**OURS, "sagemaker:InstanceTypes": ["ml.m5.large", "ml.p5.48xlarge"]}
OWN = {"aws:ResourceTag/retune.model": "flights-2013"}
MAKING = {"sagemaker:TaggingAction": "CreateHyperParameterTuningJob"}
TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}

Request = tuple[str, str, Mapping[str, str | list[str]]]

FOLLOWING: tuple[Request, ...] = (
    ("sagemaker:DescribeHyperParameterTuningJob", TUNING, {}),
    ("sagemaker:DescribeTrainingJob", TRAINING, {}),
    ("sagemaker:ListTrainingJobsForHyperParameterTuningJob", TUNING, {}),
    ("sagemaker:ListTags", TUNING, {}),
    ("sagemaker:ListHyperParameterTuningJobs", "*", {}),
    ("sagemaker:ListTrainingJobs", "*", {}),
    ("sagemaker:StopHyperParameterTuningJob", TUNING, OWN),
    ("sagemaker:StopTrainingJob", TRAINING, OWN),
    ("pricing:GetProducts", "*", {}),
    ("logs:FilterLogEvents", LOGS, {}),
    ("s3:ListBucket", BUCKET, {}),
    ("s3:ListBucket", BUCKET, {"s3:prefix": "team/retune/snapshots/"}),
    ("s3:GetObject", f"{BELOW}/submissions/digits-0123456789-01.json", {}),
    ("s3:GetObject", f"{BELOW}/output/digits/a/output/model.tar.gz", {}),
    ("s3:PutObject", f"{BELOW}/followers/digits-0123456789-01.json", {}),
    ("s3:PutObject", f"{BELOW}/ledger.json", {}),
)
STARTING: tuple[Request, ...] = (
    ("sagemaker:CreateHyperParameterTuningJob", TUNING, OURS),
    ("sagemaker:CreateTrainingJob", TRAINING, OURS),
    ("sagemaker:AddTags", TUNING, {**OURS, **MAKING}),
    ("iam:PassRole", EXECUTION, TO_SAGEMAKER),
    ("s3:PutObject", f"{BELOW}/snapshots/0123/train.csv", {}),
    ("s3:PutObject", f"{BELOW}/code/0123/source.tar.gz", {}),
    ("s3:PutObject", f"{BELOW}/submissions/digits-0123456789-01.json", {}),
    ("s3:DeleteObject", f"{BELOW}/doctor/0123", {}),
    ("iam:GetRole", EXECUTION, {}),
    ("iam:SimulatePrincipalPolicy", EXECUTION, {}),
)
SERVING: tuple[Request, ...] = (
    ("sagemaker:CreateModel", ENDPOINT.replace(":endpoint/", ":model/"), {"aws:RequestTag/retune.model": "digits"}),
    ("sagemaker:CreateEndpoint", ENDPOINT, {"aws:RequestTag/retune.model": "digits"}),
    ("sagemaker:CreateEndpointConfig", f"{ENDPOINT.replace(':endpoint/', ':endpoint-config/')}-1", OURS),
    ("sagemaker:CreateTransformJob", ENDPOINT.replace(":endpoint/", ":transform-job/"), OURS),
    ("sagemaker:UpdateEndpoint", ENDPOINT, OWN),
    ("sagemaker:InvokeEndpoint", ENDPOINT, OWN),
    ("s3:PutObject", f"{BELOW}/endpoints/digits/1-0123/model.tar.gz", {}),
    # What AWS lists as the needs of auto scaling (SageMaker's developer guide, "Auto scaling prerequisites").
    ("sagemaker:UpdateEndpointWeightsAndCapacities", ENDPOINT, OWN),
    ("iam:CreateServiceLinkedRole", SCALING_ROLE, {"iam:AWSServiceName": SCALING}),
    ("cloudwatch:DescribeAlarms", "*", {}),
    ("cloudwatch:PutMetricAlarm", f"{ALARMS}TargetTracking-endpoint/digits/variant/all-AlarmHigh-0b1c2d3e", {}),
)
NEVER: tuple[Request, ...] = (
    ("sagemaker:CreateHyperParameterTuningJob", TUNING, {"sagemaker:InstanceTypes": ["ml.m5.large"]}),
    ("sagemaker:CreateHyperParameterTuningJob", TUNING, {**OURS, "aws:RequestTag/retune.model": "fraud"}),
    ("sagemaker:CreateTrainingJob", TRAINING, COSTLY),
    ("sagemaker:CreateTrainingJob", TRAINING.replace(REGION, "eu-west-1"), OURS),
    ("sagemaker:CreateEndpointConfig", f"{ENDPOINT.replace(':endpoint/', ':endpoint-config/')}-1", COSTLY),
    ("sagemaker:CreateTransformJob", ENDPOINT.replace(":endpoint/", ":transform-job/"), COSTLY),
    ("sagemaker:StopTrainingJob", TRAINING, {}),
    ("sagemaker:StopHyperParameterTuningJob", TUNING, {"aws:ResourceTag/retune.model": "fraud"}),
    ("sagemaker:AddTags", TUNING, OURS),
    ("sagemaker:DeleteHyperParameterTuningJob", TUNING, OWN),
    ("sagemaker:CreateNotebookInstance", "*", {}),
    ("sagemaker:CreateProcessingJob", TRAINING.replace("training", "processing"), OURS),
    ("iam:PassRole", EXECUTION, {"iam:PassedToService": "ec2.amazonaws.com"}),
    ("iam:PassRole", EXECUTION, {}),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", TO_SAGEMAKER),
    ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/another", {}),
    ("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/admin", {}),
    ("iam:CreateServiceLinkedRole", SCALING_ROLE, {"iam:AWSServiceName": "ecs.amazonaws.com"}),
    (
        "iam:CreateServiceLinkedRole",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/x/y",
        {"iam:AWSServiceName": SCALING},
    ),
    ("cloudwatch:DeleteAlarms", f"{ALARMS}payroll", {}),
    ("sts:AssumeRole", EXECUTION, {}),
    ("s3:ListBucket", BUCKET, {"s3:prefix": "payroll/"}),
    ("s3:ListBucket", "arn:aws:s3:::other", {}),
    ("s3:GetObject", f"{BUCKET}/payroll/2026.csv", {}),
    ("s3:GetObject", f"{BUCKET}/team/retune-of-others/x", {}),
    ("s3:PutObject", f"{BELOW}/output/digits/a/output/model.tar.gz", {}),
    ("s3:PutObject", f"{BUCKET}/team/ledger.json", {}),
    ("s3:DeleteObject", f"{BELOW}/snapshots/0123/train.csv", {}),
    ("s3:DeleteObjectVersion", f"{BELOW}/ledger.json", {}),
    ("s3:PutBucketPolicy", BUCKET, {}),
    ("kms:Decrypt", KEY, {}),
    ("logs:FilterLogEvents", LOGS.replace("TrainingJobs", "Endpoints"), {}),
)


@pytest.fixture
def stacks(aws_endpoint: str) -> Stacks:
    """The emptied moto."""
    return Stacks(aws_endpoint)


def made(stacks: Stacks, **parameters: str) -> str:
    """A caller role's ARN."""
    return stacks.deploy("caller", "caller-role.yaml", **{**HERE, **GITHUB, **parameters})["RoleArn"]


def refused(stacks: Stacks, role: str, requests: tuple[Request, ...]) -> list[Request]:
    """The requests that a role is not allowed."""
    statements = stacks.statements(role)
    return [each for each in requests if decision(statements, *each) != "allowed"]


@pytest.mark.parametrize(
    ("work", "serving", "may", "must_not"),
    [
        ("all", "no", (*FOLLOWING, *STARTING), (*NEVER, *SERVING)),
        ("submit", "no", (*FOLLOWING, *STARTING), (*NEVER, *SERVING)),
        ("collect", "no", FOLLOWING, (*NEVER, *STARTING, *SERVING)),
        ("all", "yes", (*FOLLOWING, *STARTING, *SERVING), NEVER),
    ],
)
def test_a_caller_may_do_its_work_and_no_more(
    stacks: Stacks, work: str, serving: str, may: tuple[Request, ...], must_not: tuple[Request, ...]
) -> None:
    """Each request of its work is allowed and none of the others: no other model, prefix, role, service or instance."""
    role = made(stacks, Work=work, Serving=serving)

    assert refused(stacks, role, may) == []
    assert [each for each in must_not if each not in refused(stacks, role, must_not)] == []


def test_the_doctor_finds_the_caller_and_the_execution_role_well(stacks: Stacks) -> None:
    """What `retune doctor` asks IAM about both roles, with the context it gives, is allowed on these stacks."""
    name = "digits-0123456789-01"
    callers = caller_questions(
        role_arn=EXECUTION, account=ACCOUNT, region=REGION, job=name, tag=("retune.model", "digits")
    )
    executions = role_questions(role_arn=EXECUTION, bucket="team-models", prefix="team/retune")
    execution = stacks.deploy("role", "execution-role.yaml", BucketName="team-models", Prefix="team/retune")

    for role, questions in ((made(stacks), callers), (execution["RetuneRoleArn"], executions)):
        asked = tuple((action, each.resource, each.context) for each in questions for action in each.actions)
        assert refused(stacks, role, asked) == []


def test_a_collector_that_serves_starts_no_search(stacks: Stacks) -> None:
    """Serving adds the execution role and endpoints, and still no tuning or training job."""
    role = made(stacks, Work="collect", Serving="yes")

    assert refused(stacks, role, (*FOLLOWING, *SERVING)) == []
    starts = [each for each in STARTING if each[0].startswith("sagemaker:Create")]
    assert refused(stacks, role, tuple(starts)) == starts


def test_a_key_is_used_and_lent_to_aws_only(stacks: Stacks) -> None:
    """With KmsKeyArn that key decrypts; a grant on it may be made by AWS's services only."""
    role = made(stacks, KmsKeyArn=KEY)
    lending = ("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"})

    assert refused(stacks, role, (("kms:Decrypt", KEY, {}), lending)) == []
    other, anybody = ("kms:Decrypt", KEY.replace("0b1c", "ffff"), {}), ("kms:CreateGrant", KEY, {})
    assert refused(stacks, role, (other, anybody)) == [other, anybody]


def test_without_a_prefix_the_whole_bucket_is_meant(stacks: Stacks) -> None:
    """An empty prefix, RETUNE_PREFIX's default, is the root of that one bucket: the same folders in it."""
    role = made(stacks, Prefix="")
    inside = ("s3:PutObject", f"{BUCKET}/snapshots/0123/train.csv", {})
    listing, other = ("s3:ListBucket", BUCKET, {"s3:prefix": "snapshots/"}), ("s3:GetObject", "arn:aws:s3:::x/y", {})

    assert refused(stacks, role, (inside, listing, other)) == [other]


def test_github_is_let_in_from_one_environment_of_one_repository(stacks: Stacks) -> None:
    """The trust policy compares audience and subject exactly: no pattern that a branch or a fork could match."""
    statement = stacks.trust(made(stacks))

    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    assert statement["Principal"] == {"Federated": PROVIDER}
    host = "token.actions.githubusercontent.com"
    claims = {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": "repo:acme/churn:environment:retune-submit"}
    assert statement["Condition"] == {"StringEquals": claims}


def test_a_worker_of_ones_own_assumes_the_role(stacks: Stacks) -> None:
    """With TrustedArn that one user or role may, and GitHub may not."""
    worker = f"arn:aws:iam::{ACCOUNT}:role/worker"

    assert stacks.trust(made(stacks, TrustedArn=worker)) == {
        "Effect": "Allow",
        "Principal": {"AWS": worker},
        "Action": "sts:AssumeRole",
    }


def test_an_existing_role_gets_the_policies_and_keeps_its_trust(stacks: Stacks) -> None:
    """With ExistingRoleName no role is made; that one is allowed the work, and who may assume it stays as it was."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    stacks.client("iam").create_role(RoleName="our-worker", AssumeRolePolicyDocument=document)

    role = made(stacks, ExistingRoleName="our-worker")

    assert role == f"arn:aws:iam::{ACCOUNT}:role/our-worker"
    assert refused(stacks, role, (*FOLLOWING, *STARTING)) == []
    assert stacks.trust(role) == trust
    assert [each["RoleName"] for each in stacks.client("iam").list_roles()["Roles"]] == ["our-worker"]


def test_no_action_is_a_wildcard_and_the_policies_fit(stacks: Stacks) -> None:
    """Each action is written out, and each policy is within the 6,144 characters that IAM takes."""
    documents = stacks.documents(made(stacks, Serving="yes", KmsKeyArn=KEY))

    assert len(documents) == 4
    assert not [each for document in documents for each in document["Statement"] if "*" in str(each["Action"])]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= 6144


def test_the_execution_role_reads_and_writes_its_prefix_alone(stacks: Stacks) -> None:
    """A training job reaches its prefix, images, logs and metrics; it starts nothing and assumes nothing."""
    role = stacks.deploy("role", "execution-role.yaml", BucketName="team-models", Prefix="team/retune")["RetuneRoleArn"]
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs:log-stream:x"
    may: tuple[Request, ...] = (
        ("s3:GetObject", f"{BELOW}/snapshots/0123/train.csv", {}),
        ("s3:PutObject", f"{BELOW}/output/digits/a/output/model.tar.gz", {}),
        ("s3:ListBucket", BUCKET, {"s3:prefix": "team/retune/checkpoints/x"}),
        ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost", {}),
        ("logs:PutLogEvents", logs, {}),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}),
    )
    must_not: tuple[Request, ...] = (
        ("s3:GetObject", f"{BUCKET}/payroll/2026.csv", {}),
        ("s3:ListBucket", BUCKET, {"s3:prefix": "payroll/"}),
        ("s3:DeleteObject", f"{BELOW}/snapshots/0123/train.csv", {}),
        ("ecr:BatchGetImage", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/secret", {}),
        ("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Billing"}),
        ("sagemaker:CreateTrainingJob", TRAINING, OURS),
        ("iam:PassRole", role, TO_SAGEMAKER),
        ("sts:AssumeRole", role, {}),
    )

    assert refused(stacks, role, may) == []
    assert refused(stacks, role, must_not) == list(must_not)


def test_the_execution_role_joins_a_network_only_when_told(stacks: Stacks) -> None:
    """With Network=yes SageMaker may make the interfaces that a job in a VPC needs, as this role; else it may not."""
    actions = ("CreateNetworkInterface", "CreateNetworkInterfacePermission", "DescribeSubnets", "DescribeVpcs")
    joining = tuple((f"ec2:{action}", "*", {}) for action in actions)
    given = {"BucketName": "team-models", "Prefix": "team/retune"}

    without = stacks.deploy("role", "execution-role.yaml", **given)["RetuneRoleArn"]
    within = stacks.deploy("in-vpc", "execution-role.yaml", **given, Network="yes")["RetuneRoleArn"]

    assert refused(stacks, without, joining) == list(joining)
    assert refused(stacks, within, (*joining, ("s3:GetObject", f"{BELOW}/snapshots/0123/train.csv", {}))) == []
    assert refused(stacks, within, (("ec2:RunInstances", "*", {}),)) != []


def test_githubs_provider_is_for_sts_alone_and_outlives_the_stack() -> None:
    """The provider takes tokens made for AWS STS, and the account's other workflows keep it when the stack goes."""
    provider = resources("github-provider.yaml")["Provider"]

    assert provider["Properties"]["Url"] == "https://token.actions.githubusercontent.com"
    assert provider["Properties"]["ClientIdList"] == ["sts.amazonaws.com"]
    assert (provider["DeletionPolicy"], provider["UpdateReplacePolicy"]) == ("Retain", "Retain")
