"""The report of a run: in MLflow, linked in Prefect, and as a file for whoever asks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import requests

from tests.browser import opened
from tests.command import Retune


def test_a_run_leaves_its_report_where_people_look(
    retune: Retune, write_spec: Callable[..., Path], prefect_api: str, tmp_path: Path
) -> None:
    """A run's report is an artifact in MLflow and a link in Prefect; `report` and `trials --csv` show it too."""
    result = retune.ok("run", str(write_spec()), "--no-deploy")
    job, run_id = result["tuning_job"], result["mlflow"]["run_id"]

    assert result["report"] == f"runs:/{run_id}/report.html"
    kept = list(retune.home.glob(f"mlflow-artifacts/*/{run_id}/artifacts/report.html"))
    assert len(kept) == 1
    links = requests.post(
        f"{prefect_api}/artifacts/filter",
        json={"artifacts": {"key": {"any_": [f"report-{job}"]}, "type": {"any_": ["markdown"]}}},
        timeout=30,
    ).json()
    # the session's server may know another home's job of the same name
    assert [f"({kept[0].as_uri()})" in link["data"] for link in links].count(True) == 1

    file = tmp_path / "mine.html"
    assert retune.ok("report", job, "-o", str(file))["bytes"] == file.stat().st_size
    with opened(file, profile=tmp_path / "profile") as page:
        drawn = page.wait_for("document.body.dataset.drawn")
        summary = page.ask("document.querySelector('.summary').textContent")
        charts = page.ask("[...document.querySelectorAll('[data-chart]')].map(each => each.dataset.chart)")
    assert int(drawn) == len(charts)
    assert {"objective", "parallel", "hyperparameter-0", "curves", "timeline", "confusion"} <= set(charts)
    assert result["promotion_reason"] in summary
    assert (page.requests, page.complaints) == ([], [])

    rows = list(csv.DictReader(io.StringIO(retune("trials", job, "--csv").out)))
    assert [row["status"] for row in rows] == ["Completed"] * 4
    assert {"training_job", "number", "objective", "eta", "max_depth"} <= rows[0].keys()
    best = max(rows, key=lambda row: float(row["objective"]))
    assert float(best["objective"]) == result["best"]["objective"]


def test_a_report_that_cannot_be_is_refused(retune: Retune, tmp_path: Path) -> None:
    """A job or a folder that is not there, and two forms of one answer, are refused before anything is written."""
    nowhere = retune("report", "nobody-0123456789-01", "-o", str(tmp_path / "none" / "x.html"))
    missing = retune("report", "nobody-0123456789-01", "-o", str(tmp_path / "x.html"))
    both = retune("trials", "nobody-0123456789-01", "--csv", "--json")

    assert (nowhere.code, missing.code, both.code) == (73, 66, 64)
    assert "a report needs a folder that is there" in nowhere.err
    assert not (tmp_path / "x.html").exists()
