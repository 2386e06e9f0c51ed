"""Searches on the virtual AMT: a purse, a search within it, and `tune` on its clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.tuning.attempts import Attempt, Search
from components.tuning.budget import LEAST_RUNTIME_S, Limits
from components.tuning.engine import Clock, Engine, Progress, tune
from components.tuning.ledger import SqliteLedger
from components.tuning.prices import Price
from components.tuning.result import TuningResult
from components.tuning.spending import Purse
from tests.unit.tuning.virtual_amt import VirtualAmt


def purse_of(amt: VirtualAmt, folder: Path, **changes: Any) -> Purse:
    parts: dict[str, Any] = {
        "model": "m",
        "price": Price(instance_type="ml.m5.large", usd_per_hour=3.6, source="test"),  # a tenth of a cent a second
        "region": "us-east-1",
        "instances": 1,
        "cap_usd": 5.0,
        "month_cap_usd": None,
        "shrink": False,
        "ledger": SqliteLedger(folder / "ledger.sqlite"),
        "clock": lambda: amt.now_s,
    }
    return Purse(**{**parts, **changes})


def search_of(
    purse: Purse, wanted: Limits, name: str = "job", *, spot: bool = False, spot_patience_s: float | None = None
) -> Search:
    def request_for(attempt: Attempt) -> Mapping[str, Any]:
        limits = purse.reserve(
            f"{name}-{attempt.number}",
            Limits(
                jobs=attempt.jobs,
                parallel=min(wanted.parallel, attempt.jobs),
                job_runtime_s=wanted.job_runtime_s,
                runtime_s=max(LEAST_RUNTIME_S, wanted.runtime_s - attempt.used_s),
            ),
            spent_usd=attempt.billable_s * purse.usd_per_s,
        )
        return {
            "HyperParameterTuningJobName": f"{name}-{attempt.number}",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": limits.jobs,
                    "MaxParallelTrainingJobs": limits.parallel,
                    "MaxRuntimeInSeconds": limits.runtime_s,
                },
            },
            "TrainingJobDefinition": {
                "StoppingCondition": {"MaxRuntimeInSeconds": limits.job_runtime_s},
                "EnableManagedSpotTraining": spot and not attempt.on_demand,
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
        }

    return Search(
        name_of=lambda attempt: f"{name}-{attempt}",
        request_for=request_for,
        digest="d",
        max_jobs=wanted.jobs,
        maximize=True,
        why_stop=lambda trials: purse.why_stop(trials, wanted.job_runtime_s),
        spot_patience_s=spot_patience_s,
    )


def engine_of(amt: VirtualAmt) -> Engine:
    return Engine(
        name="virtual",
        client=amt,
        wait=lambda _name, seconds: amt.sleep(seconds),
        curve=lambda _job, _after: (),
        log=lambda _job: "",
        close=lambda: None,
    )


def run(
    amt: VirtualAmt,
    search: Search,
    poll_s: float,
    *,
    observe: Callable[[Progress], None] = lambda _progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    engine: Engine | None = None,
) -> TuningResult:
    return tune(
        engine or engine_of(amt),
        search,
        observe=observe,
        cancelled=cancelled,
        poll_s=poll_s,
        clock=Clock(monotonic=lambda: amt.now_s, sleep=amt.sleep),
    )
