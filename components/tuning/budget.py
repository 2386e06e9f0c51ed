"""What a search may cost: the worst case before anything starts, and limits that AMT itself keeps (design, 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from components.errors import OverBudget
from components.spec_part import SpecPart

LEAST_RUNTIME_S = 120  # AMT's
# Training jobs get this long to end after a stop (amt.md 2.4), and AMT stops at its own limit in the same way.
STOP_GRACE_S = 120

Usd = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Budget(SpecPart):
    """Limits of one retraining.

    Attributes:
        max_runtime_s: Seconds the whole tuning job may run; AMT's ResourceLimits.MaxRuntimeInSeconds, at least 120.
        max_cost_usd: What a run may cost in the cloud at the worst, USD; null for no cap.
        max_cost_usd_per_month: What all runs of a month may cost together, USD; settings can lower it; null for no cap.
        on_cap: Over a cap the search's time is shortened. Where that is not enough: `refuse`, or `shrink` the number
            of training jobs.
    """

    max_runtime_s: int = Field(default=3600, ge=LEAST_RUNTIME_S, le=15_768_000)
    max_cost_usd: Usd | None = 5.0
    max_cost_usd_per_month: Usd | None = 100.0
    on_cap: Literal["refuse", "shrink"] = "refuse"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds the cost of a tuning job, as AMT keeps it.

    Attributes:
        jobs: Training jobs in all.
        parallel: Training jobs at a time.
        job_runtime_s: Seconds one training job may run.
        runtime_s: Seconds the tuning job may run.
    """

    jobs: int
    parallel: int
    job_runtime_s: int
    runtime_s: int

    def worst_case_usd(self, usd_per_s: float) -> float:
        """The most that can be charged.

        Every training job may run to its limit, and no more than `parallel` run at a time until the tuning job's own
        limit and the grace after it (amt.md 6.1). Spot lowers what is expected, never this.

        Args:
            usd_per_s: Of one training job, all its instances.
        """
        each = self.jobs * self.job_runtime_s
        together = self.parallel * (self.runtime_s + STOP_GRACE_S)
        return usd_per_s * min(each, together)


def within_cap(limits: Limits, *, usd_per_s: float, cap_usd: float | None, shrink: bool, law: str) -> Limits:
    """Limits whose worst case is within a cap.

    The tuning job's time is lowered first, down to AMT's least; the number of training jobs only when asked to shrink.

    Args:
        limits: As wanted.
        usd_per_s: Of one training job, all its instances.
        cap_usd: Most USD; None for no cap.
        shrink: Whether training jobs may be left out.
        law: What the cap is called, for the message.

    Raises:
        OverBudget: No such limits.
    """
    worst = limits.worst_case_usd(usd_per_s)
    if cap_usd is None or worst <= cap_usd:
        return limits
    runtime_s = math.floor(cap_usd / usd_per_s / limits.parallel) - STOP_GRACE_S
    if runtime_s >= LEAST_RUNTIME_S:
        return replace(limits, runtime_s=min(limits.runtime_s, runtime_s))
    jobs = math.floor(cap_usd / usd_per_s / limits.job_runtime_s)
    if shrink and jobs >= 1:
        return replace(limits, jobs=jobs, parallel=min(limits.parallel, jobs))
    least = replace(limits, runtime_s=LEAST_RUNTIME_S).worst_case_usd(usd_per_s)
    one = usd_per_s * limits.job_runtime_s
    advice = (
        f"one training job alone can cost {one:.2f} USD: lower training.max_runtime_s or take a smaller instance"
        if jobs < 1
        else f"set budget.on_cap to shrink for {jobs} training jobs, lower max_parallel_jobs or max_jobs"
    )
    raise OverBudget(
        f"the worst case must be within {law} of {cap_usd:.2f} USD, got {worst:.2f} USD, "
        f"and {least:.2f} USD with the shortest search AMT takes ({LEAST_RUNTIME_S} s); {advice}"
    )
