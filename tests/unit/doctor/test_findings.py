"""Checks one after the other, and the exit code they come to."""

from __future__ import annotations

import pytest

from components.errors import InvalidInput, NotFound, RetuneError, Unavailable
from flows.checkup.finding import NOWHERE, Check, Finding, Verdict, examine, exit_code, failed, ok, warning
from flows.doctor import as_text


def check(name: str, verdict: Verdict | Exception, *needs: str) -> Check:
    def look() -> Verdict:
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    return Check(name=name, target=lambda: f"the {name}", look=look, needs=needs)


def test_a_failure_keeps_only_what_needs_it_from_being_looked_at() -> None:
    """Also what needs it by way of another, with the cause named; a warning keeps nothing."""
    findings = list(
        examine(
            [
                check("spec", NotFound("no spec")),
                check("home", warning("nearly full")),
                check("data", ok("never said"), "spec", "home"),
                check("trial", ok("never said"), "data"),
                check("server", ok("answers"), "home"),
            ]
        )
    )

    assert [(each.check, each.verdict.status) for each in findings] == [
        ("spec", "failed"),
        ("home", "warning"),
        ("data", "warning"),
        ("trial", "warning"),
        ("server", "ok"),
    ]
    assert findings[3].verdict.says == "not looked at: spec must be right first"


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([Unavailable("away")], 69),
        ([Unavailable("away"), InvalidInput("wrong"), NotFound("gone")], 65),
    ],
)
def test_the_exit_code_is_that_of_what_its_reader_can_mend(errors: list[RetuneError], code: int) -> None:
    """0 without a failure; what trying again may mend comes after what it cannot."""
    findings = [Finding(check="one", looked_at="it", verdict=verdict) for verdict in (ok("well"), warning("hm"))]
    findings += [Finding(check="two", looked_at="it", verdict=failed(error)) for error in errors]

    assert exit_code(findings) == code


def test_a_bug_is_no_finding() -> None:
    """What no error of ours stands for is not told as a failure of the user's."""
    with pytest.raises(ZeroDivisionError):
        list(examine([check("spec", ZeroDivisionError())]))


def test_a_finding_is_one_line_and_its_log() -> None:
    """Whatever line breaks an error has; the output that shows why stands below."""
    finding = Finding(check="trial", looked_at="train.py", verdict=failed(InvalidInput("one\ntwo"), ["a", "b"]))

    assert as_text(finding).splitlines() == [
        "failed   trial           train.py: one two",
        "         | a",
        "         | b",
    ]


def test_a_subject_that_an_error_begins_with_is_told_once() -> None:
    """Data errors carry their file's name, which is also what was looked at."""
    error = InvalidInput("churn.csv: 2 problems: no rows; no target")
    finding = Finding(check="data", looked_at="churn.csv", verdict=failed(error))

    assert as_text(finding) == "failed   data            churn.csv: 2 problems: no rows; no target"


def test_a_check_that_came_to_nothing_has_no_dash() -> None:
    """What was not looked at has no name to show."""
    finding = Finding(check="data", looked_at=NOWHERE, verdict=ok("not looked at: spec must be right first"))

    assert as_text(finding) == "ok       data            not looked at: spec must be right first"
