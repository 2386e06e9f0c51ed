"""What a run and a plan tell of data that they train on all the same."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from components.settings import read_settings
from flows.data import look_at_data, warnings_about
from flows.line import Line, RunOptions, open_line
from flows.printing import plan_summary
from flows.progress import Plain, reporting_to
from flows.tasks import take_snapshot

SPEC = """
name: churn
data: {{source: rows.csv, target: left, keep: [{keep}]}}
tuning:
  objective: {{metric: "validation:rmse", type: minimize}}
  space: {{eta: {{continuous: [0.1, 0.5]}}}}
"""
TOLD = "column 'customer_id': no whole number comes twice (an identifier?)"


def line_of(folder: Path, *, keep: str = "") -> Line:
    rows = "".join(f"{7000 + i},{i * 7 % 13},{i * 5 % 9}\n" for i in range(200))
    (folder / "rows.csv").write_text("customer_id,visits,left\n" + rows)
    spec = folder / "churn.yaml"
    spec.write_text(SPEC.format(keep=keep))
    settings = read_settings({"RETUNE_HOME": str(folder / "home")}, cwd=folder)
    return open_line(RunOptions(spec=str(spec)), settings)


@pytest.mark.parametrize(("keep", "lines"), [("", 1), ("customer_id", 0)])
def test_a_run_tells_a_column_that_looks_like_an_identifier(tmp_path: Path, keep: str, lines: int) -> None:
    """One line after that of the data; none where the spec insists on the column."""
    told = io.StringIO()
    with reporting_to(Plain(told)):
        take_snapshot.fn(line_of(tmp_path, keep=keep))

    _, *warnings = told.getvalue().splitlines()
    assert len(warnings) == lines
    assert all(each.startswith(f"warning: {TOLD}") for each in warnings)


def test_a_plan_tells_it_too(tmp_path: Path) -> None:
    """Before anything is spent on it."""
    line = line_of(tmp_path)
    plan = {
        "model": "churn",
        "mode": "skip",
        "reason": "nothing changed",
        "rows": {},
        "snapshot": "0" * 64,
        "warnings": warnings_about(line, look_at_data(line)[0]),
        "tuning_job": "churn-1",
        "training_job": None,
        "job_status": "finished",
        "request": None,
        "warm_start": {"type": None, "parents": [], "rejected": []},
        "changes": None,
        "endpoint_usd_per_month": None,
    }

    assert f"warning        {TOLD}" in plan_summary(plan)
