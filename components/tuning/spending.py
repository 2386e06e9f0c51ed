"""One run's money: what it may still start, what it has spent, when it has to stop, and what a finished job came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from components import naming
from components.tuning.budget import STOP_GRACE_S, Limits, within_cap
from components.tuning.client import TuningClient
from components.tuning.ledger import Ledger, Order, month_of, total_usd
from components.tuning.prices import Price
from components.tuning.result import Trial
from components.tuning.training_jobs import described_training_job
from components.tuning.transform_jobs import charged_s, described_transform_job
from components.tuning.trial_reader import collect
from components.tuning.tuning_jobs import TERMINAL, described

# A reservation whose job never came to be: its run died between the two, or is about to create it.
_NEVER_CREATED_S = 900.0


@dataclass(frozen=True, kw_only=True)
class Purse:
    """The caps of one run and the price it pays.

    Attributes:
        model: Model the money is for.
        price: Of one instance.
        region: Where it is paid.
        instances: Of one training job.
        cap_usd: Of the run, all its attempts; None for no cap.
        month_cap_usd: Of all runs of a month; None for no cap.
        shrink: Whether training jobs may be left out to stay within a cap.
        ledger: What others reserved and spent.
        clock: Seconds since the epoch.
    """

    model: str
    price: Price
    region: str
    instances: int
    cap_usd: float | None
    month_cap_usd: float | None
    shrink: bool
    ledger: Ledger
    clock: Callable[[], float]

    @property
    def usd_per_s(self) -> float:
        """USD a second of one training job."""
        return self.price.usd_per_s(self.instances)

    def afford(self, job: str, wanted: Limits, *, spent_usd: float) -> Limits:
        """The limits a further attempt would have now; reserves nothing.

        Args:
            job: Its tuning job.
            wanted: As the spec says.
            spent_usd: What earlier attempts of the run came to.

        Raises:
            OverBudget: None are within the caps.
        """
        others = [entry for entry in self.ledger.entries() if entry.job != job]
        return self._within(wanted, spent_usd, total_usd(others, month_of(self.clock())))

    def _within(self, wanted: Limits, spent_usd: float, others_usd: float) -> Limits:
        own_usd = None if self.cap_usd is None else self.cap_usd - spent_usd
        left_usd = None if self.month_cap_usd is None else self.month_cap_usd - others_usd
        law = "what is left of budget.max_cost_usd" if spent_usd else "budget.max_cost_usd"
        if left_usd is not None and (own_usd is None or left_usd < own_usd):
            own_usd, law = left_usd, "what is left of this month's max_cost_usd_per_month"
        return within_cap(wanted, usd_per_s=self.usd_per_s, cap_usd=own_usd, shrink=self.shrink, law=law)

    def reserve(self, job: str, wanted: Limits, *, spent_usd: float) -> Limits:
        """Reserve the worst case of a job about to be created, and give the limits it is created with.

        Raises:
            OverBudget: The caps do not allow one; nothing is reserved.
            Busy: The ledger is held by others.
        """
        limits = [wanted]

        def worst(others_usd: float) -> float:
            limits[0] = self._within(wanted, spent_usd, others_usd)
            return limits[0].worst_case_usd(self.usd_per_s)

        order = Order(job=job, model=self.model, at_s=self.clock(), region=self.region, usd_per_s=self.usd_per_s)
        self.ledger.reserve(order, worst)
        return limits[0]

    def spent_usd(self, trials: Sequence[Trial]) -> float:
        """What trials came to: billable seconds, and of running ones the seconds since they started."""
        return self.usd_per_s * sum(self._seconds(trial) for trial in trials)

    def why_stop(self, trials: Sequence[Trial], job_runtime_s: int) -> str | None:
        """Why a search has to stop now to end within the run's cap; None when it need not.

        Args:
            trials: Of all attempts.
            job_runtime_s: Seconds one training job may run.
        """
        if self.cap_usd is None:
            return None
        spent = self.spent_usd(trials)
        running = [self._seconds(trial) for trial in trials if not trial.is_terminal and trial.started]
        # After a stop a training job has its grace, or what its own limit leaves of it.
        ending = self.usd_per_s * sum(max(0.0, min(STOP_GRACE_S, job_runtime_s - seconds)) for seconds in running)
        if spent + ending < self.cap_usd:
            return None
        return f"budget: {spent:.4f} USD spent and {ending:.4f} USD to end within max_cost_usd of {self.cap_usd:.2f}"

    def _seconds(self, trial: Trial) -> float:
        if trial.is_terminal:
            return float(trial.billable_seconds or 0)
        if trial.started is None:
            return 0.0
        return max(0.0, (datetime.fromtimestamp(self.clock(), UTC) - trial.started).total_seconds())


def reconcile(ledger: Ledger, client: TuningClient, *, region: str, now_s: float) -> None:
    """Replace the reservations of jobs that have ended by what they came to.

    A reservation without a job is let go after a quarter of an hour. Those of other regions stay: their jobs cannot be
    seen from here.

    Args:
        ledger: The ledger.
        client: Where its jobs are.
        region: Of the client.
        now_s: Seconds since the epoch.
    """
    for entry in ledger.entries():
        if entry.spent_usd is not None or entry.region != region:
            continue
        billable_s = _billable_s(client, entry.job)
        if billable_s is not None:
            ledger.settle(entry.job, billable_s * entry.usd_per_s)
        elif now_s - entry.at_s > _NEVER_CREATED_S and not _is_there(client, entry.job):
            ledger.settle(entry.job, 0.0)


def _is_there(client: TuningClient, name: str) -> bool:
    if naming.is_transform_job(name):
        return described_transform_job(client, name) is not None
    return described(client, name) is not None or described_training_job(client, name) is not None


def _billable_s(client: TuningClient, name: str) -> float | None:
    """Seconds charged for a tuning job, a refit's training job or a batch that has ended; None of any other."""
    if naming.is_transform_job(name):
        batch = described_transform_job(client, name)
        return None if batch is None else charged_s(batch)
    job = described(client, name)
    if job is not None:
        ended = job["HyperParameterTuningJobStatus"] in TERMINAL
        return sum(trial.billable_seconds or 0 for trial in collect(client, [name])) if ended else None
    single = described_training_job(client, name)
    if single is None or single["TrainingJobStatus"] not in TERMINAL:
        return None
    return float(single.get("BillableTimeInSeconds", 0))
