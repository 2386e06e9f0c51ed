"""An AWS account to look at: moto's, with the two operations it lacks answered in front of it.

SimulatePrincipalPolicy is computed by moto's own policy evaluation from the policies the principal has there; Service
Quotas come from a table, in pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import boto3

from tests.front import Asked, Told, in_front_of

ACCOUNT = "123456789012"
BUCKET = "doctor-bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/retune"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
PAGE = 2
OWNER = boto3.Session(aws_access_key_id="owner", aws_secret_access_key="owner")


def allowing(*actions: str, resource: str = "*") -> str:
    """A policy."""
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}
    )


@dataclass
class Account:
    """A handle on the account.

    Attributes:
        url: Where AWS is, for a client.
        behind: Where moto is, for the test.
        quotas: The account's own values by name.
        defaults: AWS's.
        refused: Operations that answer AccessDenied; S3's are `PUT object`, `HEAD object` and so on.
    """

    url: str
    behind: str
    quotas: dict[str, float] = field(default_factory=dict)
    defaults: dict[str, float] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """boto3, past the front."""
        return OWNER.client(service, endpoint_url=self.behind, region_name=region)

    def furnish(self) -> dict[str, str]:
        """A bucket, a role, a user with rights and quotas, as a run needs them; the user's environment."""
        self.client("s3").create_bucket(Bucket=BUCKET)
        iam = self.client("iam")
        trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        iam.create_role(RoleName="retune", AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName="retune", PolicyName="work", PolicyDocument=allowing("s3:*"))
        iam.create_user(UserName="ci")
        iam.put_user_policy(
            UserName="ci", PolicyName="work", PolicyDocument=allowing("iam:PassRole", "sagemaker:*", "s3:*")
        )
        key = iam.create_access_key(UserName="ci")["AccessKey"]
        self.quotas.update({"ml.c5.xlarge for training job usage": 4.0, "other": 1.0})
        self.defaults.update({"ml.m5.large for spot training job usage": 3.0, "another": 0.0, "third": 2.0})
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "RETUNE_BUCKET": BUCKET,
            "RETUNE_PREFIX": "team",
            "RETUNE_ROLE_ARN": ROLE,
        }

    def answer(self, asked: Asked) -> Told | None:
        """What the front says itself."""
        target = asked.headers.get("X-Amz-Target", "").rpartition(".")[2]
        form = {name: values[0] for name, values in parse_qs(asked.body.decode("latin-1")).items()}
        operation = target or form.get("Action") or f"{asked.method} object"
        if operation in self.refused:
            return _denied(operation, is_xml=not target)
        if operation == "SimulatePrincipalPolicy":
            return self._simulated(form)
        if operation in {"ListServiceQuotas", "ListAWSDefaultServiceQuotas"}:
            table = self.quotas if operation == "ListServiceQuotas" else self.defaults
            return _page(table, json.loads(asked.body))
        if operation == "GetProducts":  # moto has no price list
            return _denied(operation, is_xml=False)
        return None

    def _simulated(self, form: Mapping[str, str]) -> Told:
        actions = [value for name, value in form.items() if name.startswith("ActionNames.member.")]
        resource = form["ResourceArns.member.1"]
        policies = self._policies(form["PolicySourceArn"])
        results = "".join(
            f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>{resource}</EvalResourceName>"
            f"<EvalDecision>{_decided(policies, action, resource)}</EvalDecision></member>"
            for action in actions
        )
        body = (
            '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            f"<SimulatePrincipalPolicyResult><EvaluationResults>{results}</EvaluationResults>"
            "<IsTruncated>false</IsTruncated></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
        )
        return Told(status=200, body=body.encode(), content_type="text/xml")

    def _policies(self, principal: str) -> list[str]:
        iam, (kind, name) = self.client("iam"), principal.rpartition(":")[2].split("/", 1)
        whose = {"RoleName" if kind == "role" else "UserName": name.rpartition("/")[2]}
        names = (iam.list_role_policies if kind == "role" else iam.list_user_policies)(**whose)["PolicyNames"]
        read = iam.get_role_policy if kind == "role" else iam.get_user_policy
        return [json.dumps(read(PolicyName=each, **whose)["PolicyDocument"]) for each in names]


def _decided(policies: list[str], action: str, resource: str) -> str:
    from moto.iam.access_control import IAMPolicy, PermissionResult

    found = {IAMPolicy(unquote(policy)).is_action_permitted(action, resource) for policy in policies}
    if PermissionResult.DENIED in found:
        return "explicitDeny"
    return "allowed" if PermissionResult.PERMITTED in found else "implicitDeny"


def _page(table: Mapping[str, float], request: Mapping[str, Any]) -> Told:
    start = int(request.get("NextToken", "0"))
    rows = [{"QuotaName": name, "Value": value} for name, value in table.items()]
    token = {"NextToken": str(start + PAGE)} if start + PAGE < len(rows) else {}
    return Told(
        status=200,
        body=json.dumps({"Quotas": rows[start : start + PAGE], **token}).encode(),
        content_type="application/x-amz-json-1.1",
    )


def _denied(operation: str, *, is_xml: bool) -> Told:
    text = f"not authorized to perform {quote(operation)}"
    if not is_xml:
        body = json.dumps({"__type": "AccessDeniedException", "message": text}).encode()
        return Told(status=400, body=body, content_type="application/x-amz-json-1.1")
    body = f"<ErrorResponse><Error><Code>AccessDenied</Code><Message>{text}</Message></Error></ErrorResponse>".encode()
    return Told(status=403, body=body, content_type="text/xml")


@contextmanager
def account_at(moto_url: str) -> Iterator[Account]:
    """An account on moto's server until the block ends."""
    account = Account(url="", behind=moto_url)
    with in_front_of(moto_url, account.answer) as front:
        account.url = front.url
        yield account
