"""What an endpoint costs a month at the most, before it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.deployment.deployment_spec import DeploymentSpec
from components.errors import OverBudget, Refused
from components.tuning.prices import PRICES_DATE, TABLE_REGION, Ask, price_of

HOURS_PER_MONTH = 730  # as AWS's own calculator counts
SERVERLESS = "serverless"  # its price in retune.toml, USD per GB and second
# us-east-1; the Price List names it by memory size and not by instance type.
_SERVERLESS_USD_PER_GB_S = 0.00002
_MB_PER_GB = 1024


@dataclass(frozen=True, kw_only=True)
class EndpointPrice:
    """A price per month and what it is made of.

    Attributes:
        usd_per_month: Of all the instances there may be, running all month; of a serverless endpoint that answers
            `max_concurrency` requests at every moment of the month. An update runs both fleets for its duration.
        made_of: In words.
        source: As `Price.source`.
    """

    usd_per_month: float
    made_of: str
    source: str


def endpoint_price(
    spec: DeploymentSpec, *, region: str, told: Mapping[str, float], ask: Ask | None, cache: Path
) -> EndpointPrice:
    """The price of an endpoint as a spec describes it.

    Args:
        spec: The spec's part.
        region: Where.
        told: From the settings: instance type to USD an hour; `serverless` to USD per GB and second.
        ask: The Price List API's GetProducts; None when it is not to be asked.
        cache: File that keeps its answers.

    Raises:
        Refused: Nothing says what it costs.
    """
    if spec.serverless is not None:
        usd, source = _serverless(region, told)
        gb, concurrency = spec.serverless.memory_mb / _MB_PER_GB, spec.serverless.max_concurrency
        return EndpointPrice(
            usd_per_month=round(usd * gb * concurrency * HOURS_PER_MONTH * 3600, 2),
            made_of=f"serverless, {concurrency} x {gb:g} GB busy all month; nothing while nobody asks",
            source=source,
        )
    price = price_of([spec.instance.type], region=region, told=told, ask=ask, cache=cache, use="Hosting")
    return EndpointPrice(
        usd_per_month=round(price.usd_per_hour * spec.most_instances * HOURS_PER_MONTH, 2),
        made_of=f"{spec.most_instances} x {price.instance_type} at {price.usd_per_hour} USD an hour",
        source=price.source,
    )


def refuse_above(price: EndpointPrice, *, spec_cap_usd: float, project_cap_usd: float | None) -> None:
    """Refuse an endpoint that may cost more than its spec or the project's owners allow.

    Raises:
        OverBudget: With the numbers, and what to do.
    """
    cap_usd = spec_cap_usd if project_cap_usd is None else min(spec_cap_usd, project_cap_usd)
    if price.usd_per_month <= cap_usd:
        return
    law = "deployment.max_endpoint_usd_per_month" if cap_usd == spec_cap_usd else "retune.toml's cap on an endpoint"
    raise OverBudget(
        f"an endpoint must cost at most {law} of {cap_usd:.2f} USD a month, got {price.usd_per_month:.2f} USD "
        f"({price.made_of}; price: {price.source}): take fewer or smaller instances, or raise the cap"
    )


def _serverless(region: str, told: Mapping[str, float]) -> tuple[float, str]:
    if SERVERLESS in told:
        return told[SERVERLESS], "settings"
    if region == TABLE_REGION:
        return _SERVERLESS_USD_PER_GB_S, f"table of {PRICES_DATE}"
    raise Refused(
        f"the price of a serverless endpoint in {region} must be known before money is spent: say it in retune.toml, "
        f"[prices] {SERVERLESS} = USD per GB and second"
    )
