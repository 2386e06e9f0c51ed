"""Stacks of `infra/` on moto's server: their outputs, and the policies of the roles they made.

moto's CloudFormation makes roles, policies, queues, rules and buckets. It says that it skips what it lacks (bucket and
queue policies, OIDC providers, API destinations): that is read from the template instead.
"""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path
from typing import Any

import boto3

from tests.iam_policies import several

INFRA = Path(__file__).resolve().parents[1] / "infra"
SKIPPED = r"Tried to parse AWS::(S3::BucketPolicy|SQS::QueuePolicy|Events::Connection|Events::ApiDestination)"


class Stacks:
    """An account at moto's server.

    Args:
        url: Where moto is.
        region: Of all stacks.
    """

    def __init__(self, url: str, region: str = "us-east-1") -> None:
        self._url = url
        self._region = region

    def client(self, service: str) -> Any:
        """boto3's client."""
        return boto3.client(service, endpoint_url=self._url, region_name=self._region)

    def deploy(self, name: str, template: str, **parameters: str) -> dict[str, str]:
        """Create a stack from a template of `infra/`; its outputs."""
        cloudformation = self.client("cloudformation")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", SKIPPED)
            cloudformation.create_stack(
                StackName=name,
                TemplateBody=(INFRA / template).read_text(),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
            )
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def trust(self, role_arn: str) -> dict[str, Any]:
        """The one statement that says who may assume a role."""
        role = self.client("iam").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        return dict(statement)

    def documents(self, role_arn: str) -> list[dict[str, Any]]:
        """All policies of a role, those of its own and those attached."""
        iam, name = self.client("iam"), role_arn.rpartition("/")[2]
        own = iam.list_role_policies(RoleName=name)["PolicyNames"]
        found = [iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in own]
        for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)
            found.append(answer["PolicyVersion"]["Document"])
        return [_cleaned(each) for each in found]

    def statements(self, role_arn: str) -> list[dict[str, Any]]:
        """The statements of all policies of a role."""
        return [statement for document in self.documents(role_arn) for statement in document["Statement"]]


def resources(template: str) -> dict[str, Any]:
    """A template's resources as it has them, with its functions as JSON."""
    from cfnlint.decode import decode

    document, problems = decode(str(INFRA / template))
    assert problems == []
    return dict(json.loads(json.dumps(document))["Resources"])


def _cleaned(document: Any) -> dict[str, Any]:
    """As AWS has it: moto writes a role's own policy as Python does, and keeps AWS::NoValue as None."""
    if isinstance(document, str):
        document = ast.literal_eval(document)
    statements = [each for each in document["Statement"] if each is not None]
    for statement in statements:
        statement["Resource"] = _lists(statement["Resource"])
        for keys in statement.get("Condition", {}).values():
            keys.update({key: _lists(value) for key, value in keys.items()})
    return {**document, "Statement": statements}


def _lists(value: Any) -> list[str]:
    """A list parameter arrives as its text at moto."""
    return [part for text in several(value) for part in text.split(",")]
