"""What a batch on SageMaker may cost: shortened or refused before it starts, reserved, and settled by what it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.sagemaker.models import sagemaker_backends

from components import naming
from components.deployment.batch.batch_purse import BatchPurse
from components.errors import OverBudget
from components.tuning.ledger import Order, SqliteLedger
from components.tuning.prices import Price, price_of
from components.tuning.spending import reconcile

AT_S = 1_800_000_000.0
JOBS = [naming.transform_job_name("late flights", "0123456789abcdef", attempt) for attempt in (1, 2)]


@pytest.fixture
def purse(tmp_path: Path) -> BatchPurse:
    """One USD a batch, at 0.36 USD an hour: 0.0001 USD a second."""
    return BatchPurse(
        model="late flights",
        price=Price(instance_type="ml.m5.large", usd_per_hour=0.18, source="settings"),
        region="us-east-1",
        instances=2,
        cap_usd=1.0,
        month_cap_usd=100.0,
        ledger=SqliteLedger(tmp_path / "ledger.sqlite"),
        clock=lambda: AT_S,
    )


def test_the_caps_shorten_a_batch_before_they_refuse_it(purse: BatchPurse) -> None:
    """The worst case counts the time a stop takes; what others took of the month and earlier attempts count too."""
    assert purse.afford(3600) == 3600
    assert replace(purse, cap_usd=0.1).afford(3600) == 880
    with pytest.raises(OverBudget, match=r"within --max-cost-usd of 0.0200 USD, got 0.3720 USD, and 0.0240 USD with"):
        replace(purse, cap_usd=0.02).afford(3600)

    other = Order(job="other", model="m", at_s=AT_S, region="us-east-1", usd_per_s=1.0)
    purse.ledger.reserve(other, lambda _: 99.95)
    assert purse.afford(3600) == 379  # cents are no binary numbers
    with pytest.raises(OverBudget, match="what is left of this month's max_cost_usd_per_month"):
        replace(purse, month_cap_usd=99.96).afford(3600)
    purse.ledger.settle("other", 0.0)

    purse = replace(purse, cap_usd=0.1)
    assert purse.reserve(JOBS[0], frozenset(), 3600) == 880
    purse.settle(JOBS[0], 500.0)
    assert purse.reserve(JOBS[1], frozenset(JOBS[:1]), 3600) == 380, "what the first attempt came to is gone"
    assert purse.allowed_s(JOBS[1]) == 380
    assert purse.allowed_s("another") is None
    purse.settle("another", 10.0)
    assert {entry.job: entry.counts_usd for entry in purse.ledger.entries()} == pytest.approx(
        {"other": 0.0, JOBS[0]: 0.05, JOBS[1]: 0.05}
    )


@pytest.fixture
def tell(aws_endpoint: str) -> Callable[[str, str], Any]:
    """Have a transform job on moto's SageMaker in a status, 100 s after it began; a client."""
    client = boto3.client("sagemaker", endpoint_url=aws_endpoint, region_name="us-east-1")

    def tell(name: str, status: str) -> Any:
        place = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in/"}}
        client.create_transform_job(
            TransformJobName=name,
            ModelName="m",
            TransformInput={"DataSource": place},
            TransformOutput={"S3OutputPath": "s3://b/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        job = sagemaker_backends["123456789012"]["us-east-1"].transform_jobs[name]
        job.transform_job_status = status
        job.transform_start_time = datetime(2026, 11, 1, tzinfo=UTC)
        job.transform_end_time = job.transform_start_time + timedelta(seconds=100)
        return client

    return tell


def test_any_command_settles_what_a_client_left(purse: BatchPurse, tell: Callable[[str, str], Any]) -> None:
    """A batch that ended unseen is charged for its seconds; one that runs keeps its reservation for ever, and one that
    was never made for a quarter of an hour.
    """  # noqa: D205  one paragraph
    never = naming.transform_job_name("late flights", "fedcba9876543210", 1)
    for job in (*JOBS, never):
        purse.reserve(job, frozenset(), 600)
    tell(JOBS[0], "Failed")
    client = tell(JOBS[1], "InProgress")

    reconcile(purse.ledger, client, region="us-east-1", now_s=AT_S + 60)
    spent = {entry.job: entry.spent_usd for entry in purse.ledger.entries()}
    assert spent == {JOBS[0]: pytest.approx(0.01), JOBS[1]: None, never: None}
    reconcile(purse.ledger, client, region="us-east-1", now_s=AT_S + 86_400)
    spent = {entry.job: entry.spent_usd for entry in purse.ledger.entries()}
    assert spent == {JOBS[0]: pytest.approx(0.01), JOBS[1]: None, never: 0.0}


def test_a_batch_has_a_price_of_its_own(tmp_path: Path) -> None:
    """The Price List is asked for batch transform; the table says that its price is training's."""
    asked: list[dict[str, str]] = []

    def ask(**request: Any) -> Any:
        asked.append({each["Field"]: each["Value"] for each in request["Filters"]})
        return {"PriceList": []}

    price = price_of(
        ["ml.m5.large"], region="us-east-1", told={}, ask=ask, cache=tmp_path / "prices.json", use="BatchTransform"
    )
    assert asked == [{"regionCode": "us-east-1", "instanceName": "ml.m5.large", "platoinstancetype": "BatchTransform"}]
    assert (price.usd_per_hour, price.source.endswith("training's: the same for batch transform on this type")) == (
        0.115,
        True,
    )


def test_names_of_batches_and_searches_are_told_apart() -> None:
    """No tuning job is taken for a transform job, even of a model that is called a batch."""
    search = naming.tuning_job_name(model="a-batch", key="0123456789", attempt=1)
    assert [naming.is_transform_job(name) for name in (*JOBS, search)] == [True, True, False]
