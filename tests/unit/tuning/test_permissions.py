"""Who a caller is to IAM, and who may assume a role."""

from __future__ import annotations

from typing import Any

import pytest

from components.tuning.images import is_amazons, script_image, xgboost_image
from components.tuning.permissions import caller_questions, principal_of, role_account, role_name, trust_gap

ROLE = "arn:aws:iam::123456789012:role/team/retune"
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        ("arn:aws:iam::123456789012:user/team/ci", "arn:aws:iam::123456789012:user/team/ci"),
        ("arn:aws:sts::123456789012:assumed-role/deploy/session-1", "arn:aws:iam::123456789012:role/ci/deploy"),
        ("arn:aws:iam::123456789012:root", None),
        ("arn:aws:sts::123456789012:federated-user/ann", None),
    ],
)
def test_a_caller_is_the_principal_whose_policies_count(identity: str, principal: str | None) -> None:
    """A session stands for its role, whose path STS leaves out; root and federated users cannot be simulated."""
    assert principal_of(identity, lambda name: f"arn:aws:iam::123456789012:role/ci/{name}") == principal


def test_a_roles_name_and_account_are_read_from_its_arn() -> None:
    """The name is what follows the path; what is no role has neither."""
    assert (role_name(ROLE), role_account(ROLE)) == ("retune", "123456789012")
    assert role_name("arn:aws:iam::123456789012:user/retune") is None


def test_rights_are_asked_for_where_they_are_used() -> None:
    """PassRole for SageMaker and on the role; jobs by the ARN they will have, in lower case, in the partition."""
    role = "arn:aws-cn:iam::123456789012:role/retune"
    questions = caller_questions(
        role_arn=role,
        account="123456789012",
        region="cn-north-1",
        job="Digits-0-01",
        tag=("retune.model", "Digits"),
    )

    assert (questions[0].actions, questions[0].resource) == (("iam:PassRole",), role)
    assert questions[0].context == {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert (
        questions[1].resource == "arn:aws-cn:sagemaker:cn-north-1:123456789012:hyper-parameter-tuning-job/digits-0-01"
    )
    assert questions[1].context["aws:RequestTag/retune.model"] == "Digits"


@pytest.mark.parametrize(
    ("statements", "gap"),
    [
        (TRUST, None),
        ([{**TRUST, "Principal": {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]}}], None),
        ([{**TRUST, "Action": ["sts:*"], "Principal": "*"}], None),
        ([{**TRUST, "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}], None),
        ([{**TRUST, "Condition": {"StringEquals": {"aws:SourceAccount": ["1", "2"]}}}], "SourceAccount 1, 2 only"),
        ([{**TRUST, "Action": "sts:TagSession"}], "does not allow"),
        ([{**TRUST, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}], "does not allow"),
        ([TRUST, {**TRUST, "Effect": "Deny"}], "denies"),
        ([], "does not allow"),
    ],
)
def test_a_trust_policy_lets_sagemaker_in_or_not(statements: Any, gap: str | None) -> None:
    """One statement or several, one service or a list, a wildcard, a condition on another account, a denial."""
    found = trust_gap({"Statement": statements}, account="123456789012")

    assert found is None if gap is None else gap in str(found)


def test_aws_own_registries_are_known() -> None:
    """The table's images and the Deep Learning Containers, and nobody else's."""
    assert is_amazons(xgboost_image("eu-west-1"))
    assert is_amazons(script_image("us-east-2"))
    assert is_amazons("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5-cpu-py311")
    assert not is_amazons("123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0")
