"""A report at the end of a run never costs the run."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.decision import Decision
from components.registry.model_version import ModelVersion
from components.registry.origin import Origin
from components.registry.tracking import open_run
from components.settings import Settings, read_settings
from components.tuning.result import TuningResult
from components.tuning.tuning_spec import ObjectiveSpec
from flows.following import Run, Searched
from flows.line import RunIdentity, RunOptions, open_line
from flows.progress import Plain, reporting_to
from flows.run_report import report_of_run

SPEC = Path(__file__).parents[3] / "flows" / "specs" / "digits.yaml"
VERSION = ModelVersion(model="digits", version=1, created=datetime(2026, 5, 4, tzinfo=UTC), run_id=None, tags={})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"RETUNE_HOME": str(tmp_path / "home")}, cwd=tmp_path)


def reported(settings: Settings, *, origin: Origin | None) -> tuple[str | None, str]:
    """The report's place, and what was told, of a run whose tuning job the engine does not have."""
    settings.writable_home()
    line = open_line(RunOptions(spec=str(SPEC)), settings)
    run = Run(
        identity=RunIdentity(digest="0" * 64, generation=0),
        snapshot=None,  # the report does not come as far as its data
        decision=Decision(mode="tune", reason="asked for"),
        base=None,
        origin=origin,
    )
    tracked = open_run(
        tracking_uri=settings.tracking_uri,
        experiment="digits",
        artifact_root=settings.artifact_root,
        run_digest="0" * 64,
        run_name="digits",
        objective=ObjectiveSpec(metric="validation:accuracy", type="maximize"),
        params={},
        tags={},
    )
    result = TuningResult(
        tuning_job="digits-0000000000-01",
        attempts=("digits-0000000000-01",),
        status="Completed",
        failure=None,
        maximize=True,
        trials=(),
    )
    told = io.StringIO()
    with reporting_to(Plain(told)):
        return report_of_run(line, run, Searched(result=result, run=tracked), VERSION, {}), told.getvalue()


def test_a_report_that_fails_is_told_and_passed_over(settings: Settings) -> None:
    """When the report cannot be made, here because its job is gone, the run hears of it and goes on without."""
    place, told = reported(settings, origin=None)

    assert place is None
    assert told.startswith("report: not written (there is no tuning job digits-0000000000-01")


def test_a_refit_has_no_report(settings: Settings) -> None:
    """A refit is one training job: there is no search to show, and nothing is said about it."""
    origin = Origin(version="1", tuning_job="digits-1111111111-01", snapshot="0" * 64, hyperparameters={"eta": "0.1"})

    assert reported(settings, origin=origin) == (None, "")
