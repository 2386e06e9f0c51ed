"""The alarm on a project's cost: its template, resolved, is taken by the AWS Budgets API of moto's server.

moto's CloudFormation does not know AWS::Budgets, so the few functions of this one template are resolved here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "budget.yaml"
ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:eu-central-1:{ACCOUNT}:money"
NOTHING = object()


@pytest.fixture
def budgets(aws_endpoint: str) -> Any:
    """A client of the emptied moto."""
    return boto3.client("budgets", endpoint_url=aws_endpoint, region_name="us-east-1")


@pytest.fixture
def deploy(budgets: Any) -> Callable[..., dict[str, Any]]:
    """Create the budget of the template with parameters; what the service then tells of it."""

    def create(**parameters: str) -> dict[str, Any]:
        properties = resolved(parameters)
        name = {"BudgetName": "under-test"}
        budget = {**properties["Budget"], **name}
        budget["BudgetLimit"]["Amount"] = str(budget["BudgetLimit"]["Amount"])
        notifications = properties["NotificationsWithSubscribers"]
        budgets.create_budget(AccountId=ACCOUNT, Budget=budget, NotificationsWithSubscribers=notifications)
        told: dict[str, Any] = budgets.describe_budget(AccountId=ACCOUNT, **name)["Budget"]
        rows = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, **name)["Notifications"]
        return {**told, "Notifications": rows, "Subscribers": [row["Subscribers"] for row in notifications]}

    return create


def template() -> dict[str, Any]:
    """The template, with its functions as JSON."""
    from cfnlint.decode import decode

    document, problems = decode(str(TEMPLATE))
    assert problems == []
    return dict(json.loads(json.dumps(document)))


def resolved(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Properties of the budget for these parameters; each must be one of the template's and fit its pattern."""
    document = template()
    known = document["Parameters"]
    values = {name: part["Default"] for name, part in known.items() if "Default" in part} | dict(parameters)
    assert values.keys() == known.keys()
    for name, part in known.items():
        assert re.fullmatch(part.get("AllowedPattern", ".*"), str(values[name])), name
    conditions = document["Conditions"]
    functions: dict[str, Callable[[Any], Any]] = {
        "Ref": lambda name: NOTHING if name == "AWS::NoValue" else values[name],
        "Fn::If": lambda given: value(given[1]) if value(conditions[given[0]]) else value(given[2]),
        "Fn::Not": lambda given: not value(given[0]),
        "Fn::Equals": lambda given: value(given[0]) == value(given[1]),
        "Fn::Join": lambda given: given[0].join(value(given[1])),
        "Fn::Sub": lambda text: re.sub(r"\$\{(\w+)\}", lambda found: str(values[found[1]]), text),
    }

    def value(node: Any) -> Any:
        if isinstance(node, list):
            return [one for one in map(value, node) if one is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and (function := functions.get(next(iter(node)))) is not None:
            return function(next(iter(node.values())))
        return {key: value(part) for key, part in node.items()}

    return dict(value(document["Resources"]["Budget"]["Properties"]))


def test_the_alarm_is_on_what_the_projects_tag_cost_in_a_month(deploy: Callable[..., dict[str, Any]]) -> None:
    """The budget counts the cost of a month, of what carries the project's tag, against the limit in USD."""
    told = deploy(MonthlyLimitUsd="250", TagKey="project", TagValue="churn", Email="team@example.com")
    assert (told["BudgetType"], told["TimeUnit"]) == ("COST", "MONTHLY")
    limit = told["BudgetLimit"]
    assert (float(limit["Amount"]), limit["Unit"]) == (250.0, "USD")
    assert told["CostFilters"] == {"TagKeyValue": ["user:project$churn"]}
    rows = [(row["NotificationType"], row["Threshold"], row["ThresholdType"]) for row in told["Notifications"]]
    assert rows == [("ACTUAL", 80, "PERCENTAGE"), ("ACTUAL", 100, "PERCENTAGE"), ("FORECASTED", 100, "PERCENTAGE")]
    assert {row["ComparisonOperator"] for row in told["Notifications"]} == {"GREATER_THAN"}


@pytest.mark.parametrize(
    ("told", "subscribers"),
    [
        ({"Email": "team@example.com"}, [{"SubscriptionType": "EMAIL", "Address": "team@example.com"}]),
        ({"TopicArn": TOPIC}, [{"SubscriptionType": "SNS", "Address": TOPIC}]),
        (
            {"Email": "team@example.com", "TopicArn": TOPIC},
            [
                {"SubscriptionType": "EMAIL", "Address": "team@example.com"},
                {"SubscriptionType": "SNS", "Address": TOPIC},
            ],
        ),
    ],
)
def test_who_is_named_is_told_of_every_threshold(
    deploy: Callable[..., dict[str, Any]], told: dict[str, str], subscribers: list[dict[str, str]]
) -> None:
    """An e-mail address, a topic, or both: each threshold has exactly those subscribers."""
    assert deploy(TagValue="churn", **told)["Subscribers"] == [subscribers] * 3


def test_an_alarm_that_nobody_hears_is_refused() -> None:
    """A stack with neither address nor topic fails a rule before anything is made."""
    (assertion,) = template()["Rules"]["SomebodyIsTold"]["Assertions"]
    given = [{"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("Email", "TopicArn")]
    assert assertion["Assert"] == {"Fn::Or": given}
