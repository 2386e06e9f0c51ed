"""What would fail, before it does: the checks composed, in the order a run would meet them. Decides nothing itself."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.checkup import account, inputs, places, smoke
from flows.checkup.case import Case
from flows.checkup.finding import NOWHERE, Check, Finding, examine, exit_code
from flows.line import RunOptions


def examine_run(options: RunOptions, *, try_it: bool, tell: Callable[[Finding], None]) -> dict[str, Any]:
    """Look at everything a run with these options stands on; leaves nothing behind.

    Args:
        options: Of the run.
        try_it: Whether to train one small training job on this machine.
        tell: Called with each finding as it comes.

    Returns:
        `{spec, engine, exit_code, checks: [{check, status, looked_at, says, log}]}`.
    """
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="retune-doctor-") as scratch:
        case = Case(options=options, scratch=Path(scratch))
        for finding in examine(_checks(case, try_it=try_it)):
            findings.append(finding)
            tell(finding)
    return {
        "spec": options.spec,
        "engine": options.engine,
        "exit_code": exit_code(findings),
        "checks": [finding.document() for finding in findings],
    }


def _checks(case: Case, *, try_it: bool) -> list[Check]:
    data = inputs.Data(case=case)
    return [
        *inputs.checks(case, data),
        *(account.checks(case) if case.on_cloud else ()),
        *places.checks(case),
        *inputs.request_checks(case),
        *(smoke.checks(case, data) if try_it else ()),
    ]


def as_text(finding: Finding) -> str:
    """A finding as a line, and below it the output that shows why."""
    verdict = finding.verdict
    looked_at = "" if finding.looked_at == NOWHERE else f"{finding.looked_at}: "
    if verdict.says.startswith(looked_at):  # an error begins with its subject
        looked_at = ""
    line = f"{verdict.status:<8} {finding.check:<15} {looked_at}{verdict.says}"
    return "\n".join([line, *(f"         | {each}" for each in verdict.log)])


def summary(document: dict[str, Any]) -> str:
    """How many of which."""
    statuses = [check["status"] for check in document["checks"]]
    return ", ".join(f"{statuses.count(status)} {status}" for status in ("ok", "warning", "failed"))
