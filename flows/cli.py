"""`retune`: argument parsing and printing only.

Heavy libraries are imported by the commands that need them, so that `retune --help` and refusals are quick.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from components.errors import RetuneError
from components.settings import quiet_libraries
from flows import line_commands, predict_command
from flows.amt_commands import amt_app
from flows.show import show
from flows.trigger_commands import trigger_app

USAGE_ERROR = 64

app = typer.Typer(
    name="retune",
    help="Retrain a model: new data to a tuned, registered, served champion.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(amt_app)
app.add_typer(trigger_app)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Job = Annotated[str, typer.Argument(help="Name of a tuning job.", show_default=False)]
Model = Annotated[str, typer.Argument(help="Name of a registered model.", show_default=False)]
JobsEngine = Annotated[str, typer.Option("--engine", help="Whose jobs: local or sagemaker.")]


def _version(asked: bool) -> None:  # noqa: FBT001  typer's own way
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"retune {version('retune')}\n")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Retrain a model: new data to a tuned, registered, served champion."""


for _command in (
    line_commands.run,
    line_commands.plan,
    line_commands.submit,
    line_commands.collect,
    predict_command.predict,
    line_commands.doctor,
):
    app.command()(_command)


@app.command()
def jobs(*, engine: JobsEngine = "local", as_json: Json = False) -> None:
    """List tuning jobs, the newest first."""
    from flows.history import list_jobs
    from flows.job_tables import jobs_table

    show(list_jobs(engine), as_json, jobs_table)


@app.command()
def trials(
    job: Job,
    *,
    engine: JobsEngine = "local",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a column per hyperparameter.")] = False,
    as_json: Json = False,
) -> None:
    """List the trials of a tuning job."""
    from flows.history import list_trials, trials_as_csv
    from flows.job_tables import trials_table

    if as_csv and as_json:
        raise typer.BadParameter("one of --csv and --json")
    if as_csv:
        sys.stdout.write(trials_as_csv(job, engine))
    else:
        show(list_trials(job, engine), as_json, trials_table)


@app.command()
def report(
    job: Job,
    *,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File; JOB.html here by default.")] = None,
    engine: JobsEngine = "local",
    as_json: Json = False,
) -> None:
    """Draw a tuning job's trials in one HTML file that opens offline."""
    from flows.reports import write_report

    show(write_report(job, engine, output), as_json, lambda document: str(document["file"]))


@app.command()
def status(job: Job, *, engine: JobsEngine = "local", as_json: Json = False) -> None:
    """Show how a tuning job stands."""
    from flows.history import job_status
    from flows.job_tables import status_summary

    show(job_status(job, engine), as_json, status_summary)


@app.command()
def stop(job: Job, *, engine: JobsEngine = "local", as_json: Json = False) -> None:
    """Stop a tuning job and its trials; the same `run` goes on with what is left."""
    from flows.history import stop_job
    from flows.job_tables import status_summary

    show(stop_job(job, engine), as_json, status_summary)


@app.command()
def logs(
    training_job: Annotated[str, typer.Argument(help="Name of a training job.", show_default=False)],
    *,
    engine: JobsEngine = "local",
    as_json: Json = False,
) -> None:
    """Print what a training job printed."""
    from flows.history import training_job_log

    show(training_job_log(training_job, engine), as_json, lambda document: str(document["log"]).rstrip("\n"))


@app.command()
def spend(*, as_json: Json = False) -> None:
    """Show what each model cost per month, and what is reserved, against the cap."""
    from flows.printing import spend_table
    from flows.spend import spend as spent

    show(spent(), as_json, spend_table)


@app.command()
def sweep(
    *,
    stop: Annotated[bool, typer.Option("--stop", help="Stop them.")] = False,
    patience_s: Annotated[float, typer.Option("--patience-s", help="Seconds a follower may be silent.")] = 600.0,
    as_json: Json = False,
) -> None:
    """List tuning jobs in the cloud that run while nobody follows them."""
    from flows.printing import sweep_table
    from flows.sweep import sweep as swept

    show(swept(stop=stop, patience_s=patience_s), as_json, sweep_table)


@app.command()
def lineage(
    model: Model,
    *,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid graph.")] = False,
    as_json: Json = False,
) -> None:
    """Show where a model's versions come from: data, search, parents, spend, and who decided."""
    from flows.lineage_tree import as_mermaid, as_tree, lineage_of

    show(lineage_of(model), as_json, as_mermaid if mermaid else as_tree)


@app.command()
def promote(
    model: Model,
    version: Annotated[int, typer.Argument(help="Number of a version.", show_default=False)],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the log.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Make a version the champion and serve it: after `approval: manual`, or against the contest."""
    from flows.printing import promote_summary
    from flows.promote import promote_version

    show(promote_version(model, version, reason=reason), as_json, promote_summary)


@app.command()
def rollback(
    model: Model,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Serve the version that was champion before."""
    from flows.printing import rollback_summary
    from flows.rollback import roll_back

    show(roll_back(model, reason=reason), as_json, rollback_summary)


@app.command()
def up(*, as_json: Json = False) -> None:
    """Start the local services: Prefect server, MLflow UI, model servers; print their URLs."""
    from flows.local_services import start_all
    from flows.printing import services_table

    show(start_all(), as_json, services_table)


@app.command()
def down(
    *,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Delete this model's SageMaker endpoint instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Stop the local services."""
    from flows.local_services import stop_all
    from flows.printing import services_table

    if endpoint is not None:
        from flows.cloud_endpoint import delete_endpoint

        show(delete_endpoint(endpoint), as_json, services_table)
        return
    show(stop_all(), as_json, services_table)


def main() -> None:
    """Run the command; turn errors into one line on stderr and an exit code."""
    quiet_libraries()
    try:
        code = app(standalone_mode=False)
    except typer.Exit as exit_:
        code = exit_.exit_code
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on")
        code = 130
    except BrokenPipeError:
        # The reader of our output has gone, as with `| head`.
        sys.stderr.close()
        code = 0
    except Exception as error:  # noqa: BLE001  the one place that turns errors into exits
        code = _told(error)
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """End as `sys.exit` does, but for taking the imported libraries apart, which takes 2 s after a run (measured)."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  the interpreter's own first step: joins threads
    atexit._run_exitfuncs()  # noqa: SLF001  its second; what would follow is freeing every object one by one
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError, ValueError):
            stream.flush()
    os._exit(code)


def _told(error: Exception) -> int:
    if type(error).__module__.startswith(("click", "typer")) and hasattr(error, "format_message"):
        usage = getattr(error, "ctx", None)
        hint = f" (see {usage.command_path} --help)" if usage is not None else ""
        if error.format_message():  # none when the help itself was the answer
            _say(f"{error.format_message()}{hint}")
        return USAGE_ERROR
    if isinstance(error, RetuneError):
        _say(str(error))
        return error.exit_code
    from flows.failures import translate

    known = translate(error)
    if known is None:
        raise error
    _say(str(known))
    return known.exit_code


def _say(text: str) -> None:
    # One line, whatever the libraries put into their messages.
    sys.stderr.write(f"retune: {' '.join(text.split())}\n")


if __name__ == "__main__":
    main()
