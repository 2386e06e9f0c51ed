"""A run's money from settings: its purse, and the ledger brought up to date."""

from __future__ import annotations

import time
from collections.abc import Sequence

from components.tuning.prices import Price, price_of
from components.tuning.spending import Purse, reconcile
from flows.engines import open_engine, open_ledger, price_list
from flows.line import Line


def purse_of(line: Line) -> Purse | None:
    """The purse of a run; None on the local engine, which costs nothing.

    Raises:
        Refused: Nothing says what an instance costs.
    """
    if line.options.engine == "local":
        return None
    budget, project = line.spec.budget, line.project
    caps = [cap for cap in (budget.max_cost_usd_per_month, project.budget.max_cost_usd_per_month) if cap is not None]
    return Purse(
        model=line.spec.model,
        price=price_for(line, line.spec.training.instance.types),
        instances=line.spec.training.instance.count,
        cap_usd=budget.max_cost_usd,
        month_cap_usd=min(caps, default=None),
        shrink=budget.on_cap == "shrink",
        ledger=open_ledger(line.settings, project),
        clock=time.time,
    )


def price_for(line: Line, types: Sequence[str]) -> Price:
    """The price of the dearest of these instance types, where this line runs."""
    return price_of(
        types,
        region=line.settings.region,
        told=line.project.prices,
        ask=price_list(line.settings),
        cache=line.settings.scratch / "prices.json",
    )


def settle_up(line: Line) -> None:
    """Replace the ledger's reservations of jobs that have ended by what they came to; nothing on the local engine."""
    if line.options.engine == "local":
        return
    engine = open_engine(line.options.engine, line.settings, line.store, supervise=False)
    reconcile(
        open_ledger(line.settings, line.project),
        engine.client,
        price_of=lambda types: price_for(line, types),
        now_s=time.time(),
    )
