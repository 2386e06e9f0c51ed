"""`retune run` on this machine: refuse early, have a Prefect server, run the flow in this process."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, TextIO

from components.errors import RetuneError
from components.settings import (
    Settings,
    apply_environment,
    prefect_environment,
    read_settings,
)
from flows.line import Line, RunOptions, open_line
from flows.progress import for_stream, reporter, reporting_to

# A failed flow ends in one line of ours; Prefect's own tracebacks go to its server, where its UI shows them.
_QUIET_PREFECT = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_SHOW_DEPRECATION_WARNINGS": "false"}


def run_line(options: RunOptions, *, progress: TextIO) -> dict[str, Any]:
    """Run the line and return its result document.

    The spec, the code, the data, the request, the port and the tracking server are looked at before anything is
    started.

    Args:
        options: As asked.
        progress: Stream for progress.
    """
    settings = read_settings()
    line = open_line(options, settings)
    with reporting_to(for_stream(progress)):
        refuse_early(line)
        _have_prefect(settings)
        from flows.retrain import retrain

        parameters = asdict(options)
        parameters["overrides"] = list(options.overrides)
        result: dict[str, Any] = retrain(**parameters)
        return result


def run_collect(job: str, *, progress: TextIO) -> dict[str, Any]:
    """Go on with a submitted search and return the result document; what cannot be is refused before Prefect starts.

    Args:
        job: Its tuning job.
        progress: Stream for progress.
    """
    from flows.submission import line_of, refuse_changed

    with reporting_to(for_stream(progress)):
        line, kept = line_of(job)
        refuse_changed(job, line, kept)
        _have_prefect(line.settings)
        from flows.retrain import collect

        result: dict[str, Any] = collect(job)
        return result


def _have_prefect(settings: Settings) -> None:
    from flows.local_services import ensure_prefect, has_own_prefect

    warming = threading.Thread(target=_get_ready, args=(settings,), daemon=True)
    if not has_own_prefect(settings):
        reporter().stage("starting this home's Prefect server (once; `retune down` stops it)")
        warming.start()
    api_url = ensure_prefect(settings)
    apply_environment({**prefect_environment(settings, api_url), **_QUIET_PREFECT})
    if warming.ident is not None:
        warming.join()


def refuse_early(line: Line) -> None:
    """Everything that can be refused before a service starts or a trial runs; writes the snapshot and nothing else."""
    from components.registry.connection import connect
    from components.tuning.attempts import Attempt
    from flows.cloud_endpoint import refuse_endpoint
    from flows.data import drafted_channels, refuse_bad_data
    from flows.line import identify
    from flows.local_services import refuse_busy_port
    from flows.money import purse_of
    from flows.promotion_rules import refuse_bad_metrics
    from flows.tuning_requests import search_of

    settings, spec = line.settings, line.spec
    settings.check_home()
    refuse_busy_port(settings, spec)
    refuse_endpoint(line)
    refuse_bad_metrics(line)
    if not settings.owns_tracking:
        connect(settings.tracking_uri)
    # The request is complete but for the data's digest, which changes no law. What is left of the month is asked where
    # a job is made: what is reserved may be this run's own, and a skip or a refit takes less.
    draft = identify(line, snapshot_digest="", generation=0)
    purse = purse_of(line)
    purse = None if purse is None else replace(purse, month_cap_usd=None)
    search_of(line, draft, channels=drafted_channels(line), snapshot_digest="0", purse=purse, draft=True).request_for(
        Attempt(number=1, jobs=spec.tuning.max_jobs, used_s=0)
    )
    if line.options.mode == "refit":
        _refuse_refit(line)
    refuse_bad_data(line)
    settings.writable_home()


def _refuse_refit(line: Line) -> None:
    """A refit that is asked for where nothing can be refitted; the data do not matter for that."""
    from flows.basis import refuse_refit
    from flows.versions import has_registry, registry_of

    refuse_refit(line, registry_of(line) if has_registry(line) else None)


def _get_ready(settings: Settings) -> None:
    """While the server starts: import what the stages need, and make MLflow's own database, seconds each."""
    import components.amt.samplers.bayesian
    import components.registry.registration  # noqa: F401  the import is the purpose
    from components.registry.connection import connect

    if settings.owns_tracking:
        with suppress(RetuneError):  # the stage that needs it says so
            connect(settings.tracking_uri)
