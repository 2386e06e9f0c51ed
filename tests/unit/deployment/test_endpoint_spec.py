"""An endpoint before it is there: its spec, its price, its names, and what its smoke test asks and takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components import naming
from components.deployment.deployment_spec import DeploymentSpec
from components.deployment.endpoint_price import EndpointPrice, endpoint_price, refuse_above
from components.deployment.endpoint_requests import HostingPlan, guardrails
from components.deployment.smoke_test import SmokeCase, made_up_rows
from components.errors import Damaged, InvalidInput, OverBudget, Refused
from components.project_settings import SageMakerSettings

AWS_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


def spec_of(**fields: Any) -> DeploymentSpec:
    return DeploymentSpec.model_validate({"target": "sagemaker", **fields})


def price_of(tmp_path: Path, *, region: str = "us-east-1", told: dict[str, float] | None = None, **fields: Any) -> Any:
    cache = tmp_path / "prices.json"
    return endpoint_price(spec_of(**fields), region=region, told=told or {}, ask=None, cache=cache)


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"shift": {"mode": "canary"}}, "needs 2 instances at any time"),
        (
            {
                "instance": {"count": 3},
                "shift": {"mode": "canary"},
                "autoscaling": {"min": 1, "max": 3, "invocations_per_instance": 9},
            },
            "needs 2 instances at any time",
        ),
        ({"shift": {"mode": "canary", "canary_percent": 60}, "instance": {"count": 4}}, "less than or equal to 50"),
        ({"autoscaling": {"min": 3, "max": 2, "invocations_per_instance": 9}}, "min <= max must hold, got 3 > 2"),
        ({"serverless": {}, "autoscaling": {"max": 2, "invocations_per_instance": 9}}, "exclude each other"),
        ({"serverless": {"memory_mb": 2000}}, "1024, 2048"),
        ({"alarms": [str(number) for number in range(11)]}, "at most 10"),
        ({"max_endpoint_usd_per_month": 0}, "greater than 0"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_in_the_spec(fields: dict[str, Any], law: str) -> None:
    """A canary has a part of at most half, a range has two ends, a serverless endpoint has no machines."""
    with pytest.raises(ValueError, match=re.escape(law)):
        spec_of(**fields)


def test_a_price_counts_all_the_instances_there_may_be(tmp_path: Path) -> None:
    """730 hours of them; told, listed for hosting, or the table's, and the source is said."""
    one = price_of(tmp_path)
    assert (one.usd_per_month, one.made_of) == (83.95, "1 x ml.m5.large at 0.115 USD an hour")
    assert "training's" in one.source
    most = price_of(tmp_path, autoscaling={"min": 1, "max": 4, "invocations_per_instance": 9})
    assert most.usd_per_month == pytest.approx(4 * 83.95)
    assert price_of(tmp_path, told={"ml.m5.large": 1.0}).usd_per_month == 730
    asked: list[Any] = []

    def ask(**request: Any) -> Any:
        asked.append({each["Field"]: each["Value"] for each in request["Filters"]})
        rate = {"unit": "Hrs", "pricePerUnit": {"USD": "0.2"}}
        product = {"attributes": {"platoinstancetype": "Hosting"}}
        return {
            "PriceList": [
                json.dumps({"product": product, "terms": {"OnDemand": {"o": {"priceDimensions": {"r": rate}}}}})
            ]
        }

    listed = endpoint_price(spec_of(), region="eu-west-1", told={}, ask=ask, cache=tmp_path / "listed.json")
    assert (listed.usd_per_month, listed.source) == (146.0, "AWS Price List")
    assert asked == [{"regionCode": "eu-west-1", "instanceName": "ml.m5.large", "component": "Hosting"}]
    with pytest.raises(Refused, match=r"ml\.m5\.large in eu-west-1"):
        price_of(tmp_path, region="eu-west-1")


def test_a_serverless_price_is_that_of_its_worst_month(tmp_path: Path) -> None:
    """As many requests at a time as it takes, all month; in another region it has to be told."""
    price = price_of(tmp_path, serverless={"memory_mb": 2048, "max_concurrency": 5})
    assert price.usd_per_month == pytest.approx(2 * 5 * 0.00002 * 730 * 3600)
    with pytest.raises(Refused, match=r"\[prices\] serverless = USD per GB and second"):
        price_of(tmp_path, region="eu-west-1", serverless={})
    told = price_of(tmp_path, region="eu-west-1", told={"serverless": 0.00001}, serverless={"memory_mb": 1024})
    assert (told.usd_per_month, told.source) == (26.28, "settings")


def test_a_price_above_the_lower_of_two_caps_is_refused_with_the_numbers() -> None:
    """The spec can lower the project's cap and not raise it."""
    price = EndpointPrice(usd_per_month=90.0, made_of="1 x ml.m5.large", source="settings")
    refuse_above(price, spec_cap_usd=90.0, project_cap_usd=None)
    with pytest.raises(OverBudget, match=r"max_endpoint_usd_per_month of 80\.00 USD a month, got 90\.00 USD"):
        refuse_above(price, spec_cap_usd=80.0, project_cap_usd=200.0)
    with pytest.raises(OverBudget, match=r"retune\.toml's cap on an endpoint of 50\.00"):
        refuse_above(price, spec_cap_usd=100.0, project_cap_usd=50.0)


@pytest.mark.parametrize("model", ["wine", "Wine", "wine_1", "w" * 63, "9.9", "a--b", "--", "日本"])
def test_names_are_sagemakers_and_no_two_models_the_same(model: str) -> None:
    """Short, of its letters, told apart where it would not, and a configuration's name says whose version it is."""
    endpoint = naming.endpoint_name(model)
    config = naming.endpoint_resource(model, "12", {"a": 1})

    assert AWS_NAME.fullmatch(endpoint)
    assert AWS_NAME.fullmatch(config)
    assert len(naming.endpoint_resource(model, "1" * 9, {})) <= 63
    assert naming.version_of_config(config, model) == "12"
    assert naming.version_of_config(config, f"{model}-1") is None
    assert naming.version_of_config("theirs", model) is None
    others = {"wine", "Wine", "wine_1", "wine-1", "w" * 63, "w" * 62} - {model}
    assert endpoint not in {naming.endpoint_name(other).lower() for other in others}


def test_without_alarms_nothing_takes_an_update_back() -> None:
    """An empty list of alarms is no AutoRollbackConfiguration, which SageMaker would refuse empty."""
    assert "AutoRollbackConfiguration" not in guardrails(spec_of(alarms=[]), "wine")["DeploymentConfig"]
    assert guardrails(spec_of(alarms=["a"]), "wine")["DeploymentConfig"]["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": "a"}]
    }


def test_serverless_does_not_drop_the_network_that_is_laid_down() -> None:
    """What it cannot have is said, and not left away."""
    laid_down = SageMakerSettings(subnets=("subnet-1",), security_group_ids=("sg-1",))
    with pytest.raises(InvalidInput, match=r"retune\.toml lays down subnets"):
        HostingPlan(spec=spec_of(serverless={}), role_arn="arn", images={}, laid_down=laid_down)


def test_a_smoke_test_takes_the_registered_models_answers_only() -> None:
    """Every other number, label, version, column or shape is a fault, told in a sentence."""
    columns = [
        {"name": "age", "kind": "number"},
        {"name": "job", "kind": "category", "categories": ["admin", "retired"]},
        {"name": "housing", "kind": "boolean"},
    ]
    rows = made_up_rows(json.dumps({"columns": columns}))
    assert rows[1] == {"age": 1.0, "job": "retired", "housing": False}
    answers = [{"prediction": "yes", "probability": 0.75}, {"prediction": "no", "probability": 0.25}]
    case = SmokeCase.of(SmokeCase(version="3", rows=rows, answers=answers).text().encode())

    def fault(answers: Any = answers, version: str = "3") -> str | None:
        return case.fault(json.dumps({"predictions": answers, "model_version": version}).encode())

    assert fault() is None
    assert fault([{**answers[0], "probability": 0.75 + 1e-7}, answers[1]]) is None
    assert "version 3 must answer, got 2" in str(fault(version="2"))
    assert "row 0" in str(fault([{**answers[0], "probability": 0.751}, answers[1]]))
    assert "row 1" in str(fault([answers[0], {**answers[1], "prediction": "yes"}]))
    assert "row 1" in str(fault([answers[0], {"prediction": "no"}]))
    assert "2 rows" in str(fault(answers[:1]))
    assert "in JSON" in str(case.fault(b"<html>"))
    with pytest.raises(Damaged):
        SmokeCase.of(b"{}")
