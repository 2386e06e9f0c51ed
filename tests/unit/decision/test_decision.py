"""Skip, refit or tune, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.data.drift import Drift
from components.decision import Decision, Fingerprint, Refitting, decide
from components.errors import InvalidInput

LAST = Fingerprint(snapshot="d1", spec="s1", code="c1")
NEW_DATA = replace(LAST, snapshot="d2")
SMALL = Drift(since="d0", columns={"age": 0.02, "buys": 0.0512, "city": 0.03, "visits": 0.0}, target="buys")
REFITTING = Refitting(below=0.1, drift=SMALL, version="2")


def decision(
    now: Fingerprint = LAST,
    *,
    asked: str = "auto",
    last: Fingerprint | None = LAST,
    on: str = "skip",
    refitting: Refitting | None = None,
) -> Decision:
    return decide(
        asked=asked,
        on_unchanged=on,  # type: ignore[arg-type]  as the spec holds it
        last=last,
        now=now,
        last_version="3",
        refitting=refitting or Refitting(),
    )


def test_unchanged_data_spec_and_code_are_skipped() -> None:
    """Nothing changed: nothing is trained."""
    assert decision() == Decision(mode="skip", reason="data, spec and code are unchanged since version 3")


@pytest.mark.parametrize(
    ("now", "what"),
    [
        (NEW_DATA, "data"),
        (replace(LAST, spec="s2"), "spec"),
        (replace(LAST, code="c2"), "code"),
        (Fingerprint(snapshot="d2", spec="s2", code="c2"), "data and spec and code"),
    ],
)
def test_any_change_is_tuned_and_named(now: Fingerprint, what: str) -> None:
    """Data, spec and code each suffice, where nothing is known of a refit."""
    assert decision(now) == Decision(mode="tune", reason=f"{what} changed since version 3")


def test_new_data_that_have_hardly_drifted_are_refitted() -> None:
    """The reason has the measure, the limit, the columns that moved most, and whose hyperparameters are trained."""
    assert decision(NEW_DATA, refitting=REFITTING) == Decision(
        mode="refit",
        reason="data changed since version 3; drift 0.063 is below refit_below_drift 0.1 "
        "(buys (target) 0.051, city 0.030, age 0.020); hyperparameters of version 2",
        drift=SMALL,
    )


@pytest.mark.parametrize(
    ("now", "refitting", "says"),
    [
        (
            NEW_DATA,
            replace(REFITTING, below=0.06),
            "drift 0.063 is not below refit_below_drift 0.06",
        ),
        (NEW_DATA, replace(REFITTING, below=None), "data changed since version 3"),
        (NEW_DATA, replace(REFITTING, drift="they are gone"), "their drift cannot be measured: they are gone"),
        (NEW_DATA, replace(REFITTING, refusal="none on record"), "no refit: none on record"),
        (NEW_DATA, replace(REFITTING, drift=replace(SMALL, schema=("columns added: zip",))), "columns added: zip"),
        (replace(NEW_DATA, spec="s2"), REFITTING, "data and spec changed since version 3"),
        (replace(NEW_DATA, code="c2"), REFITTING, "data and code changed since version 3"),
    ],
)
def test_whatever_speaks_against_a_refit_is_tuned_and_said(now: Fingerprint, refitting: Refitting, says: str) -> None:
    """At the limit, unknown, another schema, spec or code: a search, with the reason; the measure is kept."""
    made = decision(now, refitting=refitting)

    assert made.mode == "tune"
    assert made.reason.startswith("data")
    assert says in made.reason
    assert made.drift == (refitting.drift if isinstance(refitting.drift, Drift) else None)


def test_a_model_without_a_finished_version_is_tuned() -> None:
    """There is nothing to rest on."""
    assert decision(last=None, refitting=REFITTING).mode == "tune"


def test_the_command_and_the_spec_override() -> None:
    """`--mode` and `on_unchanged: tune` decide for themselves."""
    assert decision(asked="tune", refitting=REFITTING).mode == "tune"
    assert decision(NEW_DATA, asked="skip").mode == "skip"
    assert decision(on="tune").mode == "tune"
    with pytest.raises(InvalidInput, match="needs a finished version"):
        decision(asked="skip", last=None)


def test_a_refit_that_is_asked_for_needs_hyperparameters() -> None:
    """Drift, spec and code do not matter then; hyperparameters that nobody has do."""
    far = replace(REFITTING, drift=replace(SMALL, columns={"age": 0.9}))
    made = decision(Fingerprint(snapshot="d2", spec="s2", code="c2"), asked="refit", refitting=far)

    assert (made.mode, made.drift) == ("refit", far.drift)
    assert made.reason == "asked for by --mode refit; hyperparameters of version 2"
    with pytest.raises(InvalidInput, match="of a finished version of this model, got none; run once without it"):
        decision(asked="refit", last=None)
    with pytest.raises(InvalidInput, match="got other names; tune instead"):
        decision(asked="refit", refitting=replace(REFITTING, refusal="other names"))
