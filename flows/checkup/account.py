"""Checks of the AWS account: whose credentials, which role, who may do what, image, quotas and price."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components import naming
from components.errors import InvalidInput, NotFound, Refused
from components.tuning import permissions, quotas
from components.tuning.definition import training_image
from components.tuning.images import is_amazons
from components.tuning.prices import price_of
from flows.checkup.case import Case
from flows.checkup.finding import Check, Verdict, ok, warning
from flows.engines import price_list

_SHOWN = 200  # characters of somebody else's message
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")
_REPOSITORY = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]+))?"
)


def checks(case: Case) -> Iterator[Check]:
    """In the order a search would meet them."""
    role = lambda: case.settings.role_arn  # noqa: E731  four checks look at it
    known = ("settings", "credentials", "cloud")
    yield Check(
        name="credentials", target=lambda: "STS GetCallerIdentity", look=lambda: _who(case), needs=("settings",)
    )
    yield Check(name="account", target=lambda: _account(case), look=lambda: _allowed(case), needs=(*known, "project"))
    yield Check(name="role", target=role, look=lambda: _role(case), needs=known)
    yield Check(
        name="caller's rights",
        target=lambda: case.identity["Arn"],
        look=lambda: _caller_rights(case),
        needs=(*known, "account"),
    )
    yield Check(name="role's rights", target=role, look=lambda: _role_rights(case), needs=(*known, "account", "role"))
    yield Check(name="SageMaker", target=lambda: case.settings.region, look=lambda: _service(case), needs=known)
    yield Check(name="image", target=lambda: _image(case), look=lambda: _pulled(case), needs=("settings", "spec"))
    yield Check(
        name="quota",
        target=lambda: ", ".join(_quota_names(case)),
        look=lambda: _quota(case),
        needs=("spec", "credentials"),
    )
    yield Check(name="price", target=lambda: ", ".join(_types(case)), look=lambda: _price(case), needs=("spec",))


def _who(case: Case) -> Verdict:
    return ok(f"{case.identity['Arn']} in account {case.identity['Account']}")


def _account(case: Case) -> str:
    return case.identity["Account"]


def _allowed(case: Case) -> Verdict:
    account, role = case.identity["Account"], permissions.role_account(case.settings.role_arn)
    case.project.allow.check_account(account)
    if role != account:
        raise InvalidInput(
            f"the execution role must be of the caller's account {account}, got one of {role}: set RETUNE_ROLE_ARN, or "
            "sign in to that account"
        )
    return ok("caller and role are of the same account" + (", allowed" if case.project.allow.accounts else ""))


def _role(case: Case) -> Verdict:
    arn = case.settings.role_arn
    name = permissions.role_name(arn)
    if name is None:
        raise InvalidInput(f"RETUNE_ROLE_ARN must be arn:aws:iam::ACCOUNT:role/NAME, got {arn}")
    if permissions.role_account(arn) != case.identity["Account"]:
        return warning("not looked at: it is of another account")
    try:
        role = case.aws("iam").get_role(RoleName=name)["Role"]
    except (ClientError, BotoCoreError) as error:
        if _code(error) == "NoSuchEntity":
            raise NotFound(f"there is no role {name}: create it (infra/execution-role.yaml) or mend the ARN") from None
        return _unseen("whether it exists and trusts SageMaker", "iam:GetRole", error)
    if role["Arn"] != arn:
        raise NotFound(f"the role {name} is {role['Arn']}, got {arn}: mend RETUNE_ROLE_ARN")
    gap = permissions.trust_gap(role["AssumeRolePolicyDocument"], account=arn.split(":")[4])
    if gap is not None:
        raise Refused(f"the role's trust policy {gap}: mend it (infra/execution-role.yaml)")
    return ok("exists, and SageMaker may assume it")


def _caller_rights(case: Case) -> Verdict:
    iam = case.aws("iam")

    def role_arn(name: str) -> str:
        try:
            return str(iam.get_role(RoleName=name)["Role"]["Arn"])
        except ClientError:  # without the role's path, which most have not
            partition, account = case.identity["Arn"].split(":")[1], case.identity["Account"]
            return f"arn:{partition}:iam::{account}:role/{name}"

    principal = permissions.principal_of(case.identity["Arn"], role_arn)
    if principal is None:
        return warning(
            f"what {case.identity['Arn']} may do cannot be simulated: root may do all (take a role instead); of a "
            "federated user IAM does not tell"
        )
    questions = permissions.caller_questions(
        role_arn=case.settings.role_arn,
        account=case.identity["Account"],
        region=case.settings.region,
        job=naming.tuning_job_name(model=case.model, key="0" * naming.RUN_KEY_DIGITS, attempt=1),
        tag=(naming.TAG_MODEL, case.model),
    )
    return _rights(iam, principal, questions, "whether the caller may pass the role and start a search")


def _role_rights(case: Case) -> Verdict:
    questions = permissions.role_questions(
        role_arn=case.settings.role_arn, bucket=case.settings.bucket, prefix=case.settings.prefix
    )
    return _rights(case.aws("iam"), case.settings.role_arn, questions, "whether the role may use the bucket")


def _rights(iam: Any, principal: str, questions: Sequence[permissions.Question], what: str) -> Verdict:
    try:
        answers = list(permissions.ask(iam, principal, questions))
    except (ClientError, BotoCoreError) as error:
        return _unseen(what, "iam:SimulatePrincipalPolicy", error)
    denied = [answer for answer in answers if answer.decision != "allowed"]
    if not denied:
        return ok(f"{answers[0].action} and {len(answers) - 1} further actions are allowed")
    told = "; ".join(f"{answer.action} on {answer.resource}" for answer in denied)
    unknown = sorted({key for answer in denied for key in answer.unknown})
    if all(answer.unknown and answer.decision == "implicitDeny" for answer in denied):
        return warning(f"{told} depend on {', '.join(unknown)}, which only the call itself tells")
    raise Refused(f"{principal} must be allowed what a run does, and is denied {told}: allow it in its policies")


def _service(case: Case) -> Verdict:
    client = case.aws("sagemaker")
    client.list_hyper_parameter_tuning_jobs(MaxResults=1)
    return ok(f"{client.meta.endpoint_url} answers")


def _unseen(what: str, action: str, error: Exception) -> Verdict:
    """A run can do without this answer, so whatever kept it away is no failure of the run."""
    if _code(error) in _DENIED:
        return warning(f"{what} could not be seen: AWS refuses to answer; allow {action}, or ask who may")
    return warning(f"{what} could not be seen: {' '.join(str(error).split())[:_SHOWN]}")


def _code(error: Exception) -> str:
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def _image(case: Case) -> str:
    return training_image(case.spec.training, case.settings.region)


def _pulled(case: Case) -> Verdict:
    image = _image(case)
    if case.spec.training.image is not None:
        case.project.allow.check_image(image)
    if is_amazons(image):
        return ok("one of AWS's own registries, known for the region; these answer training jobs and no questions")
    found = _REPOSITORY.fullmatch(image)
    if found is None:
        return warning("no ECR image: SageMaker pulls it only with a TrainingRepositoryConfig, which was not tried")
    if found["region"] != case.settings.region:
        raise InvalidInput(f"a training image must be in the region {case.settings.region}, got {image}: copy it there")
    which = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        case.aws("ecr").describe_images(registryId=found["account"], repositoryName=found["name"], imageIds=[which])
    except (ClientError, BotoCoreError) as error:
        if _code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise NotFound(f"ECR has no image {image}: push it, or mend training.image") from None
        return _unseen("whether it is there", "ecr:DescribeImages", error)
    return ok("is in its repository")


def _types(case: Case) -> tuple[str, ...]:
    return case.spec.training.instance.types


def _quota_names(case: Case) -> Mapping[str, str]:
    """Quota name to instance type."""
    return {quotas.quota_name(kind, spot=bool(case.spec.training.spot)): kind for kind in _types(case)}


def _quota(case: Case) -> Verdict:
    names = _quota_names(case)
    needed = case.spec.tuning.max_parallel_jobs * case.spec.training.instance.count
    try:
        values = quotas.quota_values(case.aws("service-quotas"), names)
    except (ClientError, BotoCoreError) as error:
        what = f"whether {needed} instances at a time are allowed"
        return _unseen(what, "servicequotas:ListServiceQuotas and servicequotas:ListAWSDefaultServiceQuotas", error)
    small = [f"{name} is {values[name]:g}" for name in names if values.get(name, needed) < needed]
    unknown = [name for name in names if name not in values]
    if len(small) == len(names):
        raise Refused(
            f"max_parallel_jobs x instance.count = {needed} instances must be within a quota, got {'; '.join(small)}: "
            "lower tuning.max_parallel_jobs, or ask for more in Service Quotas"
        )
    if small:
        return warning(f"{needed} instances are needed at a time; {'; '.join(small)}: only the other types will do")
    if unknown:
        return warning(f"Service Quotas does not list {', '.join(unknown)}: is the instance type right?")
    return ok(f"{needed} instances are needed at a time, {', '.join(f'{values[name]:g}' for name in names)} allowed")


def _price(case: Case) -> Verdict:
    price = price_of(
        _types(case),
        region=case.settings.region,
        told=case.project.prices,
        ask=price_list,
        cache=case.scratch / "prices.json",
    )
    return ok(f"{price.instance_type} at {price.usd_per_hour} USD an hour ({price.source})")
