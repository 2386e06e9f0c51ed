"""What a run has reserved for its own job does not keep it from going on with that job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from components.tuning.ledger import SqliteLedger
from tests.amt_endpoint import Serving
from tests.command import Retune

SPEC = {
    "name": "paid",
    "tuning": {
        "objective": {"metric": "validation:mlogloss", "type": "minimize"},
        "strategy": "random",
        "max_jobs": 1,
        "max_parallel_jobs": 1,
        "space": {"eta": {"continuous": [0.1, 0.3]}},
    },
}


def test_a_job_that_is_paid_for_is_taken_up_though_the_month_has_nothing_left(
    retune: Retune, write_spec: Callable[..., Path], cloud: Serving, account: dict[str, str]
) -> None:
    """A killed run's reservation is all that the month allows: the same command follows its job and settles it; then
    there is something left again, and nothing for another run with a smaller cap, which trains nothing.
    """  # noqa: D205  one paragraph
    arguments = (str(write_spec(**SPEC)), "--no-deploy", "--engine", "sagemaker")
    submitted = retune.ok("submit", *arguments, **account)
    (reserved,) = SqliteLedger(retune.home / "ledger.sqlite").entries()

    def within(month_usd: float) -> tuple[str, ...]:
        return ("run", *arguments, "--set", f"budget.max_cost_usd_per_month={month_usd:.9f}")

    result = retune.ok(*within(reserved.reserved_usd), **account)
    assert result["tuning_job"] == submitted["tuning_job"] == reserved.job
    (settled,) = SqliteLedger(retune.home / "ledger.sqlite").entries()
    assert settled.spent_usd == pytest.approx(result["spent"]["cost_usd"], abs=1e-6)
    assert result["spent"]["cost_usd"] < reserved.reserved_usd

    poor = retune(*within(0.000001), "--mode", "tune", **account)
    assert (poor.code, "what is left of this month's max_cost_usd_per_month" in poor.err) == (77, True), poor.err
    answer = cloud.client.list_hyper_parameter_tuning_jobs(NameContains="paid-", MaxResults=10)
    assert len(answer["HyperParameterTuningJobSummaries"]) == 1
