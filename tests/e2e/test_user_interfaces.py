"""What people look at: trials compared in MLflow's UI, and the form that Prefect makes of a flow's parameters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.browser import Page, opened
from tests.command import REPO, Retune, environment_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PREFECT = Path(sys.executable).with_name("prefect")
RUNS = "[...document.querySelectorAll('a')].filter(a => a.innerText.startsWith('bank-marketing-'))"


def click(page: Page, text: str) -> None:
    button = f"[...document.querySelectorAll('button')].find(each => each.innerText === '{text}')"
    page.wait_for(f"!!({button})")
    page.ask(f"{button}.click()")


@pytest.fixture
def own(tmp_path: Path) -> Retune:
    """A home that keeps both servers itself, as on somebody's machine."""
    return Retune(home=tmp_path / "home", cwd=REPO, environment=environment_of(tmp_path / "home", PWD=str(REPO)))


def test_trials_are_compared_and_a_run_is_started_by_form(own: Retune, tmp_path: Path) -> None:
    """MLflow: the trials below their run, picked, beside one another. Prefect: each parameter, with what it is for."""
    try:
        own.ok("run", "flows/specs/bank-marketing.yaml", "--max-jobs", "6", "--no-deploy")
        urls = {service["name"]: service["url"] for service in own.ok("up")["services"]}
        environment = {**own.environment, "PREFECT_API_URL": f"{urls['prefect']}/api"}
        for command in (("work-pool", "create", "local", "--type", "process"), ("deploy", "--all")):
            subprocess.run(
                [PREFECT, "--no-prompt", *command], cwd=REPO, env=environment, check=True, capture_output=True
            )

        with opened(
            f"{urls['mlflow']}/#/experiments/1/runs", profile=tmp_path / "mlflow", width=1500, height=950
        ) as page:
            page.wait_for(f"{RUNS}.length === 1")
            page.ask(f"{RUNS}[0].closest('[role=gridcell]').querySelector('button').click()")
            page.wait_for(f"{RUNS}.length === 7")
            page.ask("document.querySelector('input[aria-label=\"Select all runs\"]').click()")
            click(page, "Compare")
            page.wait_for("document.body.innerText.includes('Comparing 7 Runs from 1 Experiment')")
            page.wait_for("document.body.innerText.includes('Parallel Coordinates Plot')")
            page.wait_for("document.body.innerText.includes('alpha')")

        deployment = httpx.get(f"{urls['prefect']}/api/deployments/name/retrain/manual").raise_for_status().json()
        form = f"{urls['prefect']}/deployments/deployment/{deployment['id']}/run"
        with opened(form, profile=tmp_path / "prefect", width=1500, height=950) as page:
            for told in ("Path of its spec.", "max_cost_usd", "Cap on the run", "retrain/collect looks by itself"):
                page.wait_for(f"document.body.innerText.includes('{told}')")
            assert "Can't connect" not in page.ask("document.body.innerText")
    finally:
        own("down")
