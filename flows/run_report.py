"""A run's report, written at its end into MLflow and linked in Prefect.

Decoration, like Prefect's artifacts: a model that was trained, registered and served is not lost for a picture of it,
so what goes wrong is told and passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.registry.model_version import ModelVersion
from components.registry.tracking import run_url
from flows.artifacts import report_link
from flows.engines import open_engine
from flows.following import Run, Searched
from flows.held_out_answers import answers_of_rows
from flows.history import describe_job
from flows.line import Line
from flows.local_services import tracking_ui
from flows.progress import reporter
from flows.reports import contents_of, is_class
from flows.versions import registry_of, rows_to_compare_on, scratch_folder

_log = logging.getLogger(__name__)
_FILE = "report.html"


def report_of_run(
    line: Line, run: Run, searched: Searched, version: ModelVersion, document: Mapping[str, Any]
) -> str | None:
    """Write a run's report into its MLflow run and link it in Prefect; never raises.

    Returns:
        Its place in MLflow, `runs:/RUN_ID/report.html`; None of a refit, which has no search to show, and when it
        could not be written.
    """
    if run.origin is not None:
        return None
    try:
        place = _attached(line, run, searched, version, document)
    except Exception as error:  # noqa: BLE001  decoration, see above
        _log.debug("the report was not written", exc_info=True)
        reporter().stage(f"report: not written ({' '.join(str(error).split())[:200] or type(error).__name__})")
        return None
    tracked = searched.run
    url = run_url(tracking_ui(line.settings), tracked.experiment_id, tracked.run_id)
    on_disk = Path(place).as_uri() if place.startswith("/") else place
    report_link(searched.result.tuning_job, f"{url}/artifacts/{_FILE}" if url else on_disk)
    reporter().stage(f"report: {place.removeprefix('file://')}")
    return f"runs:/{tracked.run_id}/{_FILE}"


def _attached(line: Line, run: Run, searched: Searched, version: ModelVersion, document: Mapping[str, Any]) -> str:
    from components.reporting.report import render

    engine = open_engine(line.options.engine, line.settings, line.store, supervise=False)
    try:
        attempts = [describe_job(engine, name) for name in searched.result.attempts]
        with scratch_folder(line.settings) as scratch:
            held = answers_of_rows(
                rows_to_compare_on(line, run),
                registry=registry_of(line),
                version=version,
                is_class=is_class(attempts[0]),
                scratch=scratch,
            )
            page = render(
                contents_of(
                    engine, attempts, version=version, result=document, held=held, trials=searched.result.trials
                )
            )
            file = scratch / _FILE
            file.write_text(page, encoding="utf-8")
            return searched.run.attach(file)
    finally:
        engine.close()
