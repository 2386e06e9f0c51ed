"""A check, what it found, and checks one after the other: a failed one keeps only those that need it from running."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.errors import RetuneError
from flows.failures import translate

NOWHERE = "-"  # what was looked at, of a check that came to nothing before it looked
Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a look came to.

    Attributes:
        status: `warning` is what a run may live with, or what could not be seen from here.
        says: What was seen and, unless it is ok, what to do.
        error: What the run would end with; of a failed one.
        log: Last lines of an output that shows why.
    """

    status: Status
    says: str
    error: RetuneError | None = None
    log: tuple[str, ...] = ()


def ok(says: str) -> Verdict:
    """As it should be."""
    return Verdict(status="ok", says=says)


def warning(says: str) -> Verdict:
    """Not as it should be, or not to be seen; the run can start all the same."""
    return Verdict(status="warning", says=says)


def failed(error: RetuneError, log: Sequence[str] = ()) -> Verdict:
    """The run would end with this error."""
    return Verdict(status="failed", says=" ".join(str(error).split()), error=error, log=tuple(log))


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to look at.

    Attributes:
        name: What it is about, a word or two.
        target: Gives what is looked at, for the reader: a path, an ARN, an address. No secrets.
        look: Looks, and touches nothing that stays. An error it raises is the verdict.
        needs: Names of the checks whose subjects it stands on.
    """

    name: str
    target: Callable[[], str]
    look: Callable[[], Verdict]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A check and its verdict."""

    check: str
    looked_at: str
    verdict: Verdict

    def document(self) -> dict[str, Any]:
        """As `retune doctor --json` lists it."""
        return {
            "check": self.check,
            "status": self.verdict.status,
            "looked_at": self.looked_at,
            "says": self.verdict.says,
            "log": list(self.verdict.log),
        }


def examine(checks: Sequence[Check]) -> Iterator[Finding]:
    """Run checks in order. One that stands on what failed, or was not looked at, is told so and not run."""
    missing: dict[str, tuple[str, ...]] = {}  # check -> the failed ones it goes back to
    for check in checks:
        causes = tuple(dict.fromkeys(cause for name in check.needs for cause in missing.get(name, ())))
        if causes:
            missing[check.name] = causes
            verdict = warning(f"not looked at: {' and '.join(causes)} must be right first")
            yield Finding(check=check.name, looked_at=NOWHERE, verdict=verdict)
            continue
        looked_at, verdict = _looked(check)
        if verdict.status == "failed":
            missing[check.name] = (check.name,)
        yield Finding(check=check.name, looked_at=looked_at, verdict=verdict)


def _looked(check: Check) -> tuple[str, Verdict]:
    looked_at = NOWHERE
    try:
        looked_at = check.target()
        return looked_at, check.look()
    except Exception as error:
        known = translate(error)
        if known is None:
            raise
        return looked_at, failed(known)


def exit_code(findings: Sequence[Finding]) -> int:
    """0 when nothing failed; else that of the first failure that only its reader can mend, else of the first."""
    errors = [finding.verdict.error for finding in findings if finding.verdict.error is not None]
    first = next((error for error in errors if not error.retryable), errors[0] if errors else None)
    return 0 if first is None else first.exit_code
