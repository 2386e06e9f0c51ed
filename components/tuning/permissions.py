"""What IAM has to allow before a search can run: for the caller, for the execution role, and who may assume it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

SAGEMAKER = "sagemaker.amazonaws.com"
_ASSUME = "sts:AssumeRole"
_SESSION = re.compile(r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
_ROLE = re.compile(r"arn:[^:]+:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<name>[^/]+)")


@dataclass(frozen=True, kw_only=True)
class Question:
    """May a principal do these things on one resource?

    Attributes:
        actions: As IAM calls them.
        resource: An ARN, or `*` for actions that know none.
        context: Condition keys of such a call and their values.
    """

    actions: tuple[str, ...]
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What IAM said of one action.

    Attributes:
        action: The action.
        resource: On what.
        decision: `allowed`, `implicitDeny` or `explicitDeny`.
        unknown: Condition keys that decide it and were not told.
    """

    action: str
    resource: str
    decision: str
    unknown: tuple[str, ...] = ()


def role_name(arn: str) -> str | None:
    """Name of the role in an ARN; None when it is none."""
    found = _ROLE.fullmatch(arn)
    return None if found is None else found["name"]


def role_account(arn: str) -> str | None:
    """Account of the role in an ARN; None when it is none."""
    found = _ROLE.fullmatch(arn)
    return None if found is None else found["account"]


def principal_of(identity: str, role_arn: Callable[[str], str]) -> str | None:
    """The principal whose policies count for a caller; None for one that IAM cannot simulate (root, federated).

    Args:
        identity: The caller's ARN, as STS says.
        role_arn: Name of a role to its ARN: that of a session lacks the role's path.
    """
    session = _SESSION.fullmatch(identity)
    if session is not None:
        return role_arn(session["role"])
    return identity if re.fullmatch(r"arn:[^:]+:iam::\d+:user/.+", identity) else None


def caller_questions(
    *, role_arn: str, account: str, region: str, job: str, tag: tuple[str, str]
) -> tuple[Question, ...]:
    """What whoever starts and follows a search has to be allowed.

    Args:
        role_arn: Execution role.
        account: The caller's.
        region: Where the search runs.
        job: A tuning job's name, as this model's are called.
        tag: The tag that says whose it is: policies may hold to it (infra/caller-role.yaml does).
    """
    place = f"arn:{role_arn.split(':')[1]}:sagemaker:{region}:{account}"
    tuning_job, (key, value) = f"{place}:hyper-parameter-tuning-job/{job.lower()}", tag
    create = "CreateHyperParameterTuningJob"
    return (
        Question(actions=("iam:PassRole",), resource=role_arn, context={"iam:PassedToService": SAGEMAKER}),
        Question(
            actions=(f"sagemaker:{create}", "sagemaker:AddTags"),
            resource=tuning_job,
            context={f"aws:RequestTag/{key}": value, "sagemaker:TaggingAction": create},
        ),
        Question(
            actions=(
                "sagemaker:DescribeHyperParameterTuningJob",
                "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
                "sagemaker:ListTags",
                "sagemaker:StopHyperParameterTuningJob",
            ),
            resource=tuning_job,
            context={f"aws:ResourceTag/{key}": value},
        ),
        Question(actions=("sagemaker:DescribeTrainingJob",), resource=f"{place}:training-job/{job.lower()}-001"),
        Question(actions=("sagemaker:ListHyperParameterTuningJobs",), resource="*"),
    )


def role_questions(*, role_arn: str, bucket: str, prefix: str) -> tuple[Question, ...]:
    """What the execution role has to be allowed in the bucket.

    Args:
        role_arn: It.
        bucket: Of data and models.
        prefix: Key prefix in it, without slashes at its ends.
    """
    place = f"arn:{role_arn.split(':')[1]}:s3:::{bucket}"
    below = f"{place}/{prefix}/" if prefix else f"{place}/"
    return (
        Question(actions=("s3:GetObject", "s3:PutObject"), resource=f"{below}output/model.tar.gz"),
        Question(
            actions=("s3:ListBucket",),
            resource=place,
            context={"s3:prefix": f"{prefix}/snapshots/" if prefix else "snapshots/"},
        ),
    )


def ask(iam: Any, principal: str, questions: Sequence[Question]) -> Iterator[Answer]:
    """IAM's own answers: the principal's policies, its boundary, and what its organization allows.

    Args:
        iam: boto3's IAM client.
        principal: ARN of a user or role.
        questions: What.
    """
    for question in questions:
        found = iam.simulate_principal_policy(
            PolicySourceArn=principal,
            ActionNames=list(question.actions),
            ResourceArns=[question.resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in question.context.items()
            ],
        )
        for result in found["EvaluationResults"]:
            yield Answer(
                action=result["EvalActionName"],
                resource=question.resource,
                decision=result["EvalDecision"],
                unknown=tuple(result.get("MissingContextValues", ())),
            )


def trust_gap(policy: Mapping[str, Any], *, account: str) -> str | None:
    """Why SageMaker may not assume a role by its trust policy; None when it may.

    Of conditions only `aws:SourceAccount`, the one AWS asks for, is looked at: SageMaker calls for this account.

    Args:
        policy: The role's AssumeRolePolicyDocument.
        account: The role's.
    """
    statements = [each for each in _several(policy.get("Statement")) if _is_about_sagemaker(each)]
    if any(each["Effect"] == "Deny" and not each.get("Condition") for each in statements):
        return f"denies {_ASSUME} to {SAGEMAKER}"
    allowing = [each for each in statements if each["Effect"] == "Allow"]
    if not allowing:
        return f"does not allow {_ASSUME} to {SAGEMAKER}"
    accounts = [_source_accounts(each) for each in allowing]
    if any(each is None or any(fnmatchcase(account, wanted) for wanted in each) for each in accounts):
        return None
    wanted = ", ".join(sorted({name for each in accounts for name in each or ()}))
    return f"allows {SAGEMAKER} for aws:SourceAccount {wanted} only, and the role is in {account}"


def _is_about_sagemaker(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = _several(principal.get("Service")) if isinstance(principal, Mapping) else [principal]
    actions = [str(action).lower() for action in _several(statement.get("Action"))]
    assumes = any(fnmatchcase(_ASSUME.lower(), action) for action in actions)
    return assumes and any(service in (SAGEMAKER, "*") for service in services)


def _source_accounts(statement: Mapping[str, Any]) -> list[str] | None:
    for operator, keys in statement.get("Condition", {}).items():
        for key, value in keys.items():
            if key.lower() == "aws:sourceaccount" and operator.startswith(("StringEquals", "StringLike")):
                return [str(each) for each in _several(value)]
    return None


def _several(value: Any) -> list[Any]:
    """IAM writes one of something without its list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
