"""Jobs and their trials as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flows.printing import number, table


def jobs_table(document: dict[str, Any]) -> str:
    """Tuning jobs, a line each."""
    rows = [
        (
            job["name"],
            job["model"] or "-",
            job["status"],
            str(sum(job["trials"].values())),
            number(job["best"]["objective"]) if job["best"] else "-",
            (job["started"] or "-")[:19],
        )
        for job in document["jobs"]
    ]
    return table(("job", "model", "status", "trials", "best", "started (UTC)"), rows) if rows else "no tuning jobs yet"


def trials_table(document: dict[str, Any]) -> str:
    """Trials of a tuning job, a line each."""
    rows = [
        (
            trial["training_job"],
            trial["status"],
            number(trial["objective"]),
            str(trial["training_seconds"] if trial["training_seconds"] is not None else "-"),
            " ".join(f"{name}={_shown(value)}" for name, value in sorted(trial["hyperparameters"].items())),
        )
        for trial in document["trials"]
    ]
    if not rows:
        return "no trials yet"
    shown = table(("training job", "status", "objective", "s", "hyperparameters"), rows)
    return "\n".join([shown, *_why_failed(document["trials"])])


def _why_failed(trials: Sequence[dict[str, Any]]) -> list[str]:
    """The first failure's words, and where the rest is."""
    failed = [trial for trial in trials if trial["failure"]]
    if not failed:
        return []
    first = failed[0]
    return [
        f"{first['training_job']} failed: {' '.join(first['failure'].split())}",
        f"retune logs {first['training_job']}",
    ]


def status_summary(job: dict[str, Any]) -> str:
    """How a tuning job stands, a fact a line."""
    trials = job["trials"]
    lines = [
        f"{job['name']}: {job['status']}",
        "trials  " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in trials.items()),
        f"best    {job['best']['training_job']} at {number(job['best']['objective'])}" if job["best"] else "best    -",
    ]
    if job["failure"]:
        lines.append(f"failed  {job['failure']}")
    return "\n".join(lines)


def _shown(value: str) -> str:
    """A hyperparameter in six significant digits; an integer or a word as it is."""
    with suppress(ValueError):
        return value if value.lstrip("-").isdigit() else f"{float(value):.6g}"
    return value
