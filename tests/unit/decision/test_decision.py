"""Skip or tune, and why."""

from __future__ import annotations

import pytest

from components.decision import Decision, Fingerprint, decide
from components.errors import InvalidInput

LAST = Fingerprint(snapshot="d1", spec="s1", code="c1")


def decision(
    now: Fingerprint = LAST, *, asked: str = "auto", last: Fingerprint | None = LAST, on: str = "skip"
) -> Decision:
    return decide(asked=asked, on_unchanged=on, last=last, now=now, last_version="3")  # type: ignore[arg-type]  as the spec holds it


def test_unchanged_data_spec_and_code_are_skipped() -> None:
    """Nothing changed: nothing is trained."""
    assert decision() == Decision(mode="skip", reason="data, spec and code are unchanged since version 3")


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (Fingerprint(snapshot="d2", spec="s1", code="c1"), "data"),
        (Fingerprint(snapshot="d1", spec="s2", code="c1"), "spec"),
        (Fingerprint(snapshot="d1", spec="s1", code="c2"), "code"),
        (Fingerprint(snapshot="d2", spec="s2", code="c2"), "data and spec and code"),
    ],
)
def test_any_change_is_tuned_and_named(now: Fingerprint, what: str) -> None:
    """Data, spec and code each suffice."""
    assert decision(now) == Decision(mode="tune", reason=f"{what} changed since version 3")


def test_a_model_without_a_finished_version_is_tuned() -> None:
    """There is nothing to rest on."""
    assert decision(last=None).mode == "tune"


def test_the_command_and_the_spec_override() -> None:
    """`--mode tune`, `--mode skip` and `on_unchanged: tune` decide for themselves."""
    changed = Fingerprint(snapshot="d2", spec="s1", code="c1")

    assert decision(asked="tune").mode == "tune"
    assert decision(changed, asked="skip").mode == "skip"
    assert decision(on="tune").mode == "tune"
    with pytest.raises(InvalidInput, match="needs a finished version"):
        decision(asked="skip", last=None)
