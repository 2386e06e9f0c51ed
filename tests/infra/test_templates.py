"""The CloudFormation templates: linted, deployed on moto, and their policies read back from the deployed resources."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

INFRA = Path(__file__).resolve().parents[2] / "infra"
TEMPLATES = sorted(INFRA.glob("*.yaml"))
ROLE = {"BucketName": "team-models", "Prefix": "team/retune"}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b1c2d3e-0000-4000-8000-000000000000"
# moto creates the bucket and says that it skips the policy; the policy is read from the template instead.
NO_BUCKET_POLICY = pytest.mark.filterwarnings("ignore:Tried to parse AWS..S3..BucketPolicy:UserWarning")

Deploy = Callable[..., dict[str, str]]


@pytest.fixture
def aws(aws_endpoint: str) -> Callable[[str], Any]:
    """A client of any service of the emptied moto."""
    return lambda service: boto3.client(service, endpoint_url=aws_endpoint, region_name="eu-central-1")


@pytest.fixture
def deploy(aws: Callable[[str], Any]) -> Deploy:
    """Create a stack from a template and return its outputs."""

    def create(template: str, **parameters: str) -> dict[str, str]:
        cloudformation = aws("cloudformation")
        cloudformation.create_stack(
            StackName="under-test",
            TemplateBody=(INFRA / template).read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = cloudformation.describe_stacks(StackName="under-test")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    return create


def role_of(aws: Callable[[str], Any], arn: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Trust policy of a role, and its permissions by statement id."""
    iam, name = aws("iam"), arn.rsplit("/", maxsplit=1)[-1]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    # moto answers with Python's own writing of the policy, and with None where AWS::NoValue stood.
    statements = ast.literal_eval(document)["Statement"]
    return trust, {statement["Sid"]: statement for statement in statements if statement is not None}


def resource(template: str, name: str) -> dict[str, Any]:
    """A resource as a template has it, with its functions as JSON."""
    from cfnlint.decode import decode

    document, problems = decode(str(INFRA / template))
    assert problems == []
    return json.loads(json.dumps(document))["Resources"][name]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_passes_cfn_lint(template: Path) -> None:
    """cfn-lint finds neither errors nor warnings in a template."""
    from cfnlint.api import lint

    assert lint(template.read_text(), regions=["us-east-1", "eu-central-1"]) == []


@NO_BUCKET_POLICY
def test_the_bucket_is_created_encrypted_under_its_name(aws: Callable[[str], Any], deploy: Deploy) -> None:
    """The stack makes an encrypted bucket and says its name as RETUNE_BUCKET wants it."""
    outputs = deploy("bucket.yaml", BucketName="team-models")

    (rule,) = aws("s3").get_bucket_encryption(Bucket="team-models")["ServerSideEncryptionConfiguration"]["Rules"]
    assert outputs == {"RetuneBucket": "team-models"}
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@NO_BUCKET_POLICY
def test_a_key_of_ones_own_encrypts_the_bucket(aws: Callable[[str], Any], deploy: Deploy) -> None:
    """With KmsKeyArn the bucket encrypts with that key."""
    deploy("bucket.yaml", BucketName="team-models", KmsKeyArn=KEY)

    (rule,) = aws("s3").get_bucket_encryption(Bucket="team-models")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def test_the_bucket_is_versioned_private_and_tidy() -> None:
    """Old versions can be brought back for a while, nothing is ever public, broken uploads do not pile up."""
    properties = resource("bucket.yaml", "Bucket")["Properties"]

    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    uploads, versions, checkpoints = properties["LifecycleConfiguration"]["Rules"]
    assert uploads["Status"] == versions["Status"] == "Enabled"
    assert uploads["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    assert versions["NoncurrentVersionExpiration"] == {"NoncurrentDays": {"Ref": "OldVersionDays"}}
    assert (checkpoints["Status"], checkpoints["ExpirationInDays"]) == ("Enabled", {"Ref": "CheckpointDays"})
    below = {"Fn::Sub": "${Prefix}/checkpoints/"}
    assert checkpoints["Prefix"] == {"Fn::If": ["HasPrefix", below, "checkpoints/"]}


def test_the_bucket_refuses_requests_without_tls() -> None:
    """The bucket's policy denies everything to everyone who does not come over TLS, and allows nothing to anyone."""
    policy = resource("bucket.yaml", "BucketPolicy")["Properties"]

    assert policy["Bucket"] == {"Ref": "Bucket"}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_bucket_outlives_its_stack() -> None:
    """Deleting or replacing the stack leaves the bucket, for models rest on it, and its policy of TLS."""
    for name in ("Bucket", "BucketPolicy"):
        kept = resource("bucket.yaml", name)
        assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_only_sagemaker_of_this_account_becomes_the_role(aws: Callable[[str], Any], deploy: Deploy) -> None:
    """The trust policy names SageMaker alone, and only for jobs of the account it stands in."""
    outputs = deploy("execution-role.yaml", **ROLE)

    trust, _ = role_of(aws, outputs["RetuneRoleArn"])

    assert set(outputs) == {"RetuneRoleArn"}
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_the_role_reaches_no_key_outside_its_prefix(aws: Callable[[str], Any], deploy: Deploy) -> None:
    """Objects are read and written below the prefix only, and the listing is narrowed to it."""
    outputs = deploy("execution-role.yaml", **ROLE)

    _, statements = role_of(aws, outputs["RetuneRoleArn"])

    objects = statements["ReadAndWriteThePrefix"]
    assert objects["Resource"] == "arn:aws:s3:::team-models/team/retune/*"
    assert sorted(objects["Action"]) == ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    assert statements["ListThePrefix"]["Resource"] == "arn:aws:s3:::team-models"
    assert statements["ListThePrefix"]["Condition"] == {"StringLike": {"s3:prefix": ["team/retune", "team/retune/*"]}}


def test_without_a_prefix_the_role_reaches_its_whole_bucket_and_no_other(
    aws: Callable[[str], Any], deploy: Deploy
) -> None:
    """An empty prefix, the default of RETUNE_PREFIX, still means this one bucket."""
    outputs = deploy("execution-role.yaml", BucketName="team-models")

    _, statements = role_of(aws, outputs["RetuneRoleArn"])

    assert statements["ReadAndWriteThePrefix"]["Resource"] == "arn:aws:s3:::team-models/*"
    assert "Condition" not in statements["ListThePrefix"]


def test_the_role_has_no_open_permission(aws: Callable[[str], Any], deploy: Deploy) -> None:
    """No action is a wildcard; the only open resources are the two for which IAM knows no narrower one."""
    outputs = deploy("execution-role.yaml", **ROLE)

    _, statements = role_of(aws, outputs["RetuneRoleArn"])

    actions = [
        action
        for statement in statements.values()
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert not [action for action in actions if "*" in action]
    open_ones = {sid for sid, statement in statements.items() if statement["Resource"] == "*"}
    assert open_ones == {"LogInToEcr", "WriteMetrics"}
    assert statements["WriteMetrics"]["Condition"] == {
        "StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}
    }
    images = statements["PullImages"]["Resource"]
    # CloudFormation hands a list parameter on as a list, moto as its text.
    assert (images.split(",") if isinstance(images, str) else images) == [
        "arn:aws:ecr:*:*:repository/sagemaker-xgboost",
        "arn:aws:ecr:*:*:repository/sagemaker-scikit-learn",
    ]
    assert statements["WriteLogs"]["Resource"] == "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/sagemaker/*"


def test_the_role_uses_the_one_key_that_it_is_given(aws: Callable[[str], Any], deploy: Deploy) -> None:
    """With KmsKeyArn the role may decrypt and encrypt with that key and no other; without it, with none."""
    outputs = deploy("execution-role.yaml", **ROLE, KmsKeyArn=KEY)

    _, statements = role_of(aws, outputs["RetuneRoleArn"])

    assert statements["UseTheKey"]["Resource"] == KEY
    assert sorted(statements["UseTheKey"]["Action"]) == ["kms:Decrypt", "kms:GenerateDataKey"]
