"""A run's money from settings: its purse, and the ledger brought up to date."""

from __future__ import annotations

import time
from pathlib import Path

from components.settings import Settings
from components.tuning.ledger import Ledger
from components.tuning.prices import price_of
from components.tuning.spending import Purse, reconcile
from flows.engines import open_engine, open_ledger, open_store, price_list
from flows.line import Line


def purse_of(line: Line, *, cache: Path | None = None) -> Purse | None:
    """The purse of a run; None on the local engine, which costs nothing.

    Args:
        line: Inputs.
        cache: File that keeps the price list's answers, in place of the home's.

    Raises:
        Refused: Nothing says what an instance costs.
    """
    if line.options.engine == "local":
        return None
    budget, project = line.spec.budget, line.project
    caps = [cap for cap in (budget.max_cost_usd_per_month, project.budget.max_cost_usd_per_month) if cap is not None]
    return Purse(
        model=line.spec.model,
        price=price_of(
            line.spec.training.instance.types,
            region=line.settings.region,
            told=project.prices,
            ask=price_list,
            cache=cache or line.settings.scratch / "prices.json",
        ),
        region=line.settings.region,
        instances=line.spec.training.instance.count,
        cap_usd=budget.max_cost_usd,
        month_cap_usd=min(caps, default=None),
        shrink=budget.on_cap == "shrink",
        ledger=open_ledger(line.settings, project),
        clock=time.time,
    )


def settle_up(line: Line) -> None:
    """Bring the ledger up to date; nothing on the local engine."""
    if line.options.engine != "local":
        settle(line.settings, open_ledger(line.settings, line.project))


def settle(settings: Settings, ledger: Ledger) -> None:
    """Replace a ledger's reservations of jobs that have ended by what they came to."""
    engine = open_engine("sagemaker", settings, open_store(settings), supervise=False)
    reconcile(ledger, engine.client, region=settings.region, now_s=time.time())
    engine.close()
