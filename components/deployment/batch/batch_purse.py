"""A batch's money on SageMaker: the caps lower its time first, then refuse it, before anything is started.

SageMaker bounds a transform job by nothing, so the bound on its seconds holds while a client waits for it. One whose
client died ends with its parts, and its reservation counts until it is seen to have ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.errors import OverBudget
from components.tuning.budget import LEAST_RUNTIME_S, STOP_GRACE_S
from components.tuning.ledger import Entry, Ledger, Order, month_of, total_usd
from components.tuning.prices import Price


@dataclass(frozen=True, kw_only=True)
class BatchPurse:
    """The caps of one batch and the price it pays.

    Attributes:
        model: Registered model.
        price: Of one instance.
        region: Where it is paid.
        instances: How many.
        cap_usd: Of the batch, all its attempts.
        month_cap_usd: Of everything in a month.
        ledger: What others reserved and spent.
        clock: Seconds since the epoch.
    """

    model: str
    price: Price
    region: str
    instances: int
    cap_usd: float
    month_cap_usd: float
    ledger: Ledger
    clock: Callable[[], float]

    @property
    def usd_per_s(self) -> float:
        """Of all instances."""
        return self.price.usd_per_s(self.instances)

    def afford(self, wanted_s: int, earlier: frozenset[str] = frozenset()) -> int:
        """Seconds the attempt after these may take now; reserves nothing. Raises OverBudget when it is too few."""
        entries = self.ledger.entries()
        return self._within(wanted_s, _spent_usd(entries, earlier), total_usd(entries, month_of(self.clock())))

    def reserve(self, job: str, earlier: frozenset[str], wanted_s: int) -> int:
        """Reserve the worst case of a job about to be created; the seconds it may take.

        Args:
            job: Transform job.
            earlier: Attempts before it, which the batch's cap counts.
            wanted_s: Seconds it would like to have.

        Raises:
            OverBudget: The caps do not allow it; nothing is reserved.
            Busy: The ledger is held by others.
        """
        spent_usd = _spent_usd(self.ledger.entries(), earlier)
        allowed = [wanted_s]

        def worst_usd(others_usd: float) -> float:
            allowed[0] = self._within(wanted_s, spent_usd, others_usd)
            return self._worst_usd(allowed[0])

        order = Order(job=job, model=self.model, at_s=self.clock(), region=self.region, usd_per_s=self.usd_per_s)
        self.ledger.reserve(order, worst_usd)
        return allowed[0]

    def allowed_s(self, job: str) -> int | None:
        """Seconds a job may take, by what was reserved for it; None when nothing was."""
        entry = self._entry(job)
        return None if entry is None else round(entry.reserved_usd / entry.usd_per_s) - STOP_GRACE_S

    def settle(self, job: str, charged_s: float) -> None:
        """Write what a job came to that has ended."""
        entry = self._entry(job)
        if entry is not None and entry.spent_usd is None:
            self.ledger.settle(job, charged_s * entry.usd_per_s)

    def _entry(self, job: str) -> Entry | None:
        return next((entry for entry in self.ledger.entries() if entry.job == job), None)

    def _worst_usd(self, seconds: int) -> float:
        return self.usd_per_s * (seconds + STOP_GRACE_S)

    def _within(self, wanted_s: int, spent_usd: float, others_usd: float) -> int:
        left_usd, law = self.cap_usd - spent_usd, "--max-cost-usd"
        if self.month_cap_usd - others_usd < left_usd:
            left_usd, law = self.month_cap_usd - others_usd, "what is left of this month's max_cost_usd_per_month"
        if self._worst_usd(wanted_s) <= left_usd:
            return wanted_s
        seconds = math.floor(left_usd / self.usd_per_s) - STOP_GRACE_S
        if seconds >= LEAST_RUNTIME_S:
            return seconds
        raise OverBudget(
            f"a batch's worst case must be within {law} of {max(left_usd, 0.0):.4f} USD, got "
            f"{self._worst_usd(wanted_s):.4f} USD, and {self._worst_usd(LEAST_RUNTIME_S):.4f} USD with the shortest "
            f"({LEAST_RUNTIME_S} s) on {self.instances} x {self.price.instance_type} (price: {self.price.source}): "
            "take fewer or smaller instances, raise the cap, or predict here without --engine"
        )


def _spent_usd(entries: Sequence[Entry], jobs: frozenset[str]) -> float:
    return sum(entry.counts_usd for entry in entries if entry.job in jobs)
