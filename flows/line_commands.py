"""The commands that take the line's options: run, plan, and its two halves."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from flows.show import show

WOULD_CHANGE = 2  # of `plan --detailed-exitcode`, as Terraform's
NEEDS_APPROVAL = 3  # of `run` and `collect --detailed-exitcode`
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Spec = Annotated[str, typer.Argument(help="Path of a spec, such as flows/specs/digits.yaml.", show_default=False)]
Job = Annotated[str, typer.Argument(help="Name of a submitted job.", show_default=False)]
EngineName = Annotated[str, typer.Option("--engine", help="Where to tune: local or sagemaker.")]
MaxJobs = Annotated[int | None, typer.Option("--max-jobs", help="Training jobs in all.")]
MaxParallelJobs = Annotated[int | None, typer.Option("--max-parallel-jobs", help="Training jobs at a time.")]
MaxRuntime = Annotated[int | None, typer.Option("--max-runtime-s", help="Seconds the search may take, from 120.")]
MaxCost = Annotated[float | None, typer.Option("--max-cost-usd", help="Cap on the run's cost, USD.")]
WarmStart = Annotated[str | None, typer.Option("--warm-start", help="auto, off, or parent jobs.")]
ModeName = Annotated[str, typer.Option("--mode", help="auto, skip, refit or tune.")]
DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit with 2 when a run would do something, 0 when it would skip.")
]
ApprovalExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit with 3 when a version waits for approval.")
]
NoDeploy = Annotated[bool, typer.Option("--no-deploy", help="Leave the champion unserved.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="Change a field of the spec: a.b=value.")]


def run(  # noqa: PLR0913  one parameter per option
    spec: Spec,
    *,
    engine: EngineName = "local",
    max_jobs: MaxJobs = None,
    max_parallel_jobs: MaxParallelJobs = None,
    max_runtime_s: MaxRuntime = None,
    max_cost_usd: MaxCost = None,
    warm_start: WarmStart = None,
    mode: ModeName = "auto",
    no_deploy: NoDeploy = False,
    set_: Set = None,
    detailed_exitcode: ApprovalExitcode = False,
    as_json: Json = False,
) -> None:
    """Retrain a model: the whole line."""
    from flows.line import RunOptions
    from flows.local_run import run_line
    from flows.printing import run_summary

    options = RunOptions(
        spec=spec,
        engine=engine,
        max_jobs=max_jobs,
        max_parallel_jobs=max_parallel_jobs,
        max_runtime_s=max_runtime_s,
        max_cost_usd=max_cost_usd,
        warm_start=warm_start,
        mode=mode,
        deploy=not no_deploy,
        overrides=tuple(set_ or ()),
    )
    document = run_line(options, progress=sys.stderr if as_json else sys.stdout)
    show(document, as_json, run_summary)
    _leave_for_approval(document, detailed_exitcode)


def plan(  # noqa: PLR0913  one parameter per option
    spec: Spec,
    *,
    engine: EngineName = "local",
    max_jobs: MaxJobs = None,
    max_parallel_jobs: MaxParallelJobs = None,
    max_runtime_s: MaxRuntime = None,
    max_cost_usd: MaxCost = None,
    warm_start: WarmStart = None,
    mode: ModeName = "auto",
    no_deploy: NoDeploy = False,
    set_: Set = None,
    detailed_exitcode: DetailedExitcode = False,
    as_json: Json = False,
) -> None:
    """Say what `run` would do; touch nothing."""
    from flows.line import RunOptions
    from flows.plan import plan_of
    from flows.printing import plan_summary

    options = RunOptions(
        spec=spec,
        engine=engine,
        max_jobs=max_jobs,
        max_parallel_jobs=max_parallel_jobs,
        max_runtime_s=max_runtime_s,
        max_cost_usd=max_cost_usd,
        warm_start=warm_start,
        mode=mode,
        deploy=not no_deploy,
        overrides=tuple(set_ or ()),
    )
    document = plan_of(options)
    show(document, as_json, plan_summary)
    if detailed_exitcode and document["mode"] != "skip":
        raise typer.Exit(WOULD_CHANGE)


def submit(  # noqa: PLR0913  one parameter per option
    spec: Spec,
    *,
    engine: EngineName = "sagemaker",
    max_jobs: MaxJobs = None,
    max_parallel_jobs: MaxParallelJobs = None,
    max_runtime_s: MaxRuntime = None,
    max_cost_usd: MaxCost = None,
    warm_start: WarmStart = None,
    mode: ModeName = "auto",
    no_deploy: NoDeploy = False,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Start the search or refit of a run and return; `collect` goes on with it."""
    from flows.line import RunOptions
    from flows.printing import submit_summary
    from flows.submission import submit as submit_run

    options = RunOptions(
        spec=spec,
        engine=engine,
        max_jobs=max_jobs,
        max_parallel_jobs=max_parallel_jobs,
        max_runtime_s=max_runtime_s,
        max_cost_usd=max_cost_usd,
        warm_start=warm_start,
        mode=mode,
        deploy=not no_deploy,
        overrides=tuple(set_ or ()),
    )
    show(submit_run(options, progress=sys.stderr if as_json else sys.stdout), as_json, submit_summary)


def collect(job: Job, *, detailed_exitcode: ApprovalExitcode = False, as_json: Json = False) -> None:
    """Fetch a submitted search or refit and go on: register, promote, deploy."""
    from flows.local_run import run_collect
    from flows.printing import run_summary

    document = run_collect(job, progress=sys.stderr if as_json else sys.stdout)
    show(document, as_json, run_summary)
    _leave_for_approval(document, detailed_exitcode)


def doctor(
    spec: Spec,
    *,
    engine: EngineName = "local",
    no_smoke: Annotated[bool, typer.Option("--no-smoke", help="Leave out the trial on this machine.")] = False,
    set_: Set = None,
    as_json: Json = False,
) -> None:
    """Say what would fail before a run does: data, account, role, bucket, quotas, servers, one small trial here."""
    from flows.doctor import as_text, examine_run, summary
    from flows.line import RunOptions

    options = RunOptions(spec=spec, engine=engine, overrides=tuple(set_ or ()))
    document = examine_run(
        options,
        try_it=not no_smoke,
        tell=lambda finding: None if as_json else _print_line(as_text(finding)),
    )
    show(document, as_json, summary)
    raise typer.Exit(document["exit_code"])


def _leave_for_approval(document: dict[str, Any], asked: bool) -> None:  # noqa: FBT001  passed on
    if asked and (document.get("promotion") or {}).get("needs_approval"):
        raise typer.Exit(NEEDS_APPROVAL)


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
