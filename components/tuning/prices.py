"""What SageMaker costs an hour: told in the settings, read from AWS's Price List API, or a small dated table.

The API's answers are kept for a week, and for ten minutes that it gave none. The table holds us-east-1's prices only:
for another region, and for an instance type that is not in it, a price has to be told before money is spent.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from components.errors import Refused, RetuneError

# On-demand training, us-east-1, USD an hour. Readings of the AWS Price List API and tables that agree with them.
PRICES_DATE = "2026-08-20"
TABLE_REGION = "us-east-1"
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
_WORDS = {"Hosting": "hosting", "BatchTransform": "batch transform"}
_KEPT_S = 7 * 86_400
_SILENT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Price:
    """A price and where it comes from.

    Attributes:
        instance_type: The dearest of those that may be used.
        usd_per_hour: Of one instance, on demand.
        source: `settings`, `AWS Price List` or `table of <date>`.
    """

    instance_type: str
    usd_per_hour: float
    source: str

    def usd_per_s(self, instances: int) -> float:
        """USD a second of a training job on so many instances."""
        return self.usd_per_hour * instances / 3600


def price_of(
    types: Sequence[str],
    *,
    region: str,
    told: Mapping[str, float],
    ask: Ask | None,
    cache: Path,
    use: Use = "Training",
) -> Price:
    """The price of the dearest of these instance types: what may be charged at the worst.

    Args:
        types: Instance types a job may get.
        region: Where.
        told: From the settings: instance type to USD an hour.
        ask: The Price List API's GetProducts; None when it is not to be asked.
        cache: File that keeps its answers.
        use: What they are for. The table's prices are training's; AWS asks the same for the other uses of these types,
            and the source says which they are.

    Raises:
        Refused: Nothing says what one of them costs.
    """
    found = [_price(kind, region=region, told=told, ask=ask, cache=cache, use=use) for kind in types]
    return max(found, key=lambda price: price.usd_per_hour)


Ask = Callable[..., Any]
Use = Literal["Training", "Hosting", "BatchTransform"]


def _price(kind: str, *, region: str, told: Mapping[str, float], ask: Ask | None, cache: Path, use: Use) -> Price:
    if kind in told:
        return Price(instance_type=kind, usd_per_hour=told[kind], source="settings")
    listed = _listed(kind, region, ask, cache, use)
    if listed is not None:
        return Price(instance_type=kind, usd_per_hour=listed, source="AWS Price List")
    if region == TABLE_REGION and kind in _USD_PER_HOUR:
        of = "" if use == "Training" else f", training's: the same for {_WORDS[use]} on this type"
        return Price(instance_type=kind, usd_per_hour=_USD_PER_HOUR[kind], source=f"table of {PRICES_DATE}{of}")
    raise Refused(
        f"the price of {kind} in {region} must be known before money is spent, and neither the AWS Price List nor "
        f'the table has it: say it in retune.toml, [prices] "{kind}" = USD an hour, or allow pricing:GetProducts'
    )


def _listed(kind: str, region: str, ask: Ask | None, cache: Path, use: Use) -> float | None:
    key = f"{region}/{kind}" if use == "Training" else f"{region}/{kind}/{use}"
    kept: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        kept = dict(json.loads(cache.read_text()))
    known = kept.get(key, {"usd_per_hour": None, "at_s": 0.0})
    if time.time() - known["at_s"] < (_SILENT_S if known["usd_per_hour"] is None else _KEPT_S):
        return None if known["usd_per_hour"] is None else float(known["usd_per_hour"])
    if ask is None:
        return None
    usd: float | None = None
    with suppress(RetuneError):
        usd = next(_on_demand(ask, kind, region, use), None)
    kept[key] = {"usd_per_hour": usd, "at_s": time.time()}
    cache.parent.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(".part")
    part.write_text(json.dumps(kept))
    part.replace(cache)
    return usd


def _on_demand(ask: Ask, kind: str, region: str, use: Use) -> Iterator[float]:
    """Hourly USD on demand in a GetProducts answer (amt.md 6.2)."""
    # a batch's component is spelt otherwise than its instance type
    field = "platoinstancetype" if use == "BatchTransform" else "component"
    wanted = {"regionCode": region, "instanceName": kind, field: use}
    answer = ask(
        ServiceCode="AmazonSageMaker",
        Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()],
        MaxResults=100,
    )
    for text in answer["PriceList"]:
        item = json.loads(text)
        if item["product"]["attributes"].get("platoinstancetype", use) != use:
            continue
        for offer in item.get("terms", {}).get("OnDemand", {}).values():
            for dimension in offer["priceDimensions"].values():
                usd = float(dimension["pricePerUnit"].get("USD", 0))
                if dimension["unit"] == "Hrs" and usd > 0:
                    yield usd


def estimated_usd(*, billable_seconds: float, instance_types: Sequence[str], instance_count: int) -> float | None:
    """What the cloud would have charged: billable seconds x instances x hourly price of the first type / 3600.

    Returns:
        USD at the table's prices, or None when the table does not have that instance type.
    """
    price = _USD_PER_HOUR.get(instance_types[0])
    return None if price is None else round(billable_seconds * instance_count * price / 3600, 6)
