"""What SageMaker training costs: a small dated table, for estimates of what the cloud would have charged."""

from __future__ import annotations

from collections.abc import Mapping

# On-demand training, us-east-1, USD an hour. Readings of the AWS Price List API and tables that agree with them.
PRICES_DATE = "2026-08-20"
_USD_PER_HOUR: Mapping[str, float] = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.g4dn.xlarge": 0.736,
    "ml.g5.2xlarge": 1.515,
    "ml.p3.2xlarge": 3.825,
    "ml.p3.8xlarge": 14.688,
    "ml.p3.16xlarge": 28.152,
}


def cost_usd(*, billable_seconds: int, instance_type: str, instance_count: int) -> float | None:
    """Compute charge: billable seconds x instances x hourly price / 3600.

    Returns:
        USD, or None when the price of that instance type is not known.
    """
    price = _USD_PER_HOUR.get(instance_type)
    return None if price is None else round(billable_seconds * instance_count * price / 3600, 6)
