"""`retune trigger ...`: argument parsing of what starts runs, keeps them going and tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from components.settings import Settings, read_settings
from flows.show import show

trigger_app = typer.Typer(
    name="trigger",
    help="Automations of the Prefect server: runs on changed data, runs that died, messages.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Spec = Annotated[str, typer.Argument(help="Path of a spec under flows/specs.", show_default=False)]


@contextmanager
def _prefect_of(settings: Settings) -> Iterator[None]:
    """The server that runs of this home tell, for prefect's client; without it, that starts one that nobody sees."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.local_services import ensure_prefect

    with temporary_settings(updates={PREFECT_API_URL: ensure_prefect(settings)}):
        yield


def _said(document: dict[str, Any]) -> str:
    return "\n".join(
        f"{key}: {', '.join(value) if isinstance(value, list) else value}" for key, value in document.items()
    )


@trigger_app.command()
def install(
    spec: Spec,
    *,
    engine: Annotated[str, typer.Option("--engine", help="Where its runs tune: local or sagemaker.")] = "local",
    max_jobs: Annotated[int | None, typer.Option("--max-jobs", help="Training jobs in all.")] = None,
    max_cost_usd: Annotated[float | None, typer.Option("--max-cost-usd", help="Cap on a run's cost, USD.")] = None,
    deploy: Annotated[bool, typer.Option("--deploy/--no-deploy", help="Serve the champion afterwards.")] = True,
    as_json: Json = False,
) -> None:
    """Run a spec when its data change, and let its runs go on that a worker left."""
    from flows.deployed import refuse_foreign
    from flows.line import RunOptions, open_line
    from flows.triggers import install_data_trigger, install_resume

    spec = refuse_foreign(spec, ())
    options = RunOptions(spec=spec, engine=engine, max_jobs=max_jobs, max_cost_usd=max_cost_usd, deploy=deploy)
    line = open_line(options)
    with _prefect_of(line.settings):
        document = {**install_data_trigger(line.spec, options), "resume": install_resume()["automation"]}
    show(document, as_json, _said)


@trigger_app.command()
def fire(
    spec: Spec,
    *,
    as_json: Json = False,
) -> None:
    """Say that a spec's data have changed."""
    from components.spec import load_spec
    from flows.triggers import data_resource
    from flows.triggers import fire as fire_event

    model = load_spec(Path(spec), ()).model
    with _prefect_of(read_settings()):
        document = fire_event(data_resource(model))
    show(document, as_json, _said)


@trigger_app.command()
def notify(
    block: Annotated[str, typer.Argument(help="Prefect block, as TYPE/NAME: slack-webhook/ops.", show_default=False)],
    *,
    event: Annotated[list[str] | None, typer.Option("--event", help="Only of this one; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Have a Prefect block told of promotions, rejections, approvals to give, failures and caps that were met."""
    from flows.triggers import TELLING, install_notification

    with _prefect_of(read_settings()):
        document = install_notification(block, tuple(event or TELLING))
    show(document, as_json, _said)
