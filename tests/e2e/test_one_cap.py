"""Runs at the same time under one monthly cap, and the money of a run that was killed."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.tuning.ledger import Entry, SqliteLedger
from tests.amt_endpoint import Serving
from tests.command import Retune, kill
from tests.gate import Gate

pytestmark = pytest.mark.slow

# 0.01 USD a second; two trials of at most 60 s each: 1.20 USD at the worst, three runs of five within the cap.
LAID_DOWN = """
[prices]
"ml.m5.large" = 36.0
[budget]
max_cost_usd_per_month = 4.0
"""
CAP_USD, WORST_USD = 4.0, 1.2
MODELS = ("ash", "birch", "cedar", "elm", "fir")


@pytest.fixture
def ledger(retune: Retune) -> SqliteLedger:
    """Of the home that all share."""
    return SqliteLedger(retune.home / "ledger.sqlite")


def total_usd(entries: tuple[Entry, ...]) -> float:
    return sum(entry.counts_usd for entry in entries)


def test_five_runs_at_once_share_one_monthly_cap(
    retune: Retune,
    gated_spec: str,
    gate: Gate,
    cloud: Serving,
    account: dict[str, str],
    ledger: SqliteLedger,
) -> None:
    """Those that fit run, others are refused with the numbers; a killed one's reservation stays until its job ended."""
    (Path(gated_spec).parent / "retune.toml").write_text(LAID_DOWN)
    small = ("--max-jobs", "2", "--max-parallel-jobs", "1", "--set", "training.max_runtime_s=60")
    command = ("run", gated_spec, "--no-deploy", "--engine", "sagemaker", *small)
    retune = replace(retune, environment={**retune.environment, **account})
    with ExitStack() as ends:
        runs = {model: ends.enter_context(retune.running(*command, "--set", f"name={model}")) for model in MODELS}
        running = {name.split("-")[0]: name.rpartition("-01-")[0] + "-01" for name in gate.wait_for(3)}
        assert len(running) == 3
        for model in set(MODELS) - set(running):
            out, err = runs[model].communicate(timeout=200)
            assert runs[model].returncode == 77, (out, err)
            assert "what is left of this month's max_cost_usd_per_month" in err
            assert "0.40" in err, err
        entries = ledger.entries()
        assert {entry.job for entry in entries} == set(running.values())
        assert [entry.reserved_usd for entry in entries] == [pytest.approx(WORST_USD)] * 3
        assert total_usd(entries) <= CAP_USD

        victim, *others = running
        kill(runs[victim])
        for model in others:
            for _ in range(2):
                gate.let_one_through(of=model)
            out, err = runs[model].communicate(timeout=200)
            assert runs[model].returncode == 0, (out, err)
        by_job = {entry.job: entry for entry in ledger.entries()}
        assert by_job[running[victim]].spent_usd is None, "its job is still there"
        assert all(0 < (by_job[running[model]].spent_usd or 0) < WORST_USD for model in others)

        for _ in range(2):
            gate.let_one_through(of=victim)
        while status_of(cloud, running[victim]) == "InProgress":
            time.sleep(0.2)  # nobody follows it
    spent: dict[str, Any] = retune.ok("spend")
    by_job = {entry.job: entry for entry in ledger.entries()}
    assert 0 < (by_job[running[victim]].spent_usd or 0) < WORST_USD
    assert spent["total_usd"] == pytest.approx(total_usd(ledger.entries()))


def status_of(cloud: Serving, job: str) -> str:
    """How a tuning job stands."""
    answer = cloud.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    return str(answer["HyperParameterTuningJobStatus"])
