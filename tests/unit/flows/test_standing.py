"""What a skipped run says of the version it rests on: who made or unmade it champion since, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from components import naming
from components.registry.model_version import ModelVersion, Promotion
from flows.standing import NO_REASON, standing_promotion

AT = "2026-01-02T03:04:05+00:00"
WAITS = "0.9 beats champion version 1 at 0.8; it waits for approval: retune promote bank 4 --reason TEXT"


def version(number: int, *, promoted: bool = False, approval: str | None = None) -> ModelVersion:
    """A finished version whose run recorded this."""
    recorded = {"promoted": promoted, "promotion_reason": WAITS, "promotion": {"needs_approval": not promoted}}
    tags = {naming.TAG_RESULT: json.dumps(recorded)}
    if approval is not None:
        tags[naming.TAG_APPROVAL] = approval
    return ModelVersion(model="bank", version=number, created=datetime.now(UTC), run_id=None, tags=tags)


def change(number: int, kind: str, previous: int | None, to: int, reason: str = "so says Ada") -> Promotion:
    """An entry of the log."""
    return Promotion(number=number, kind=kind, previous=previous, version=to, at=AT, by="ada", reason=reason)


PROMOTED = change(1, "promote", 1, 4)
BACK = change(2, "rollback", 4, 1, "complaints")


@pytest.mark.parametrize(
    ("run_promoted", "champion", "history", "reason"),
    [
        (
            False,
            2,
            [PROMOTED, BACK, change(3, "promote", 1, 2)],
            f"version 4 was rolled back at {AT} by ada because complaints",
        ),
        (False, 1, [PROMOTED, change(2, "rollback", 4, 1, NO_REASON)], f"version 4 was rolled back at {AT} by ada"),
        (False, 4, [PROMOTED], f"version 4 was made champion by hand at {AT} by ada because so says Ada"),
        (True, 4, [PROMOTED], WAITS),
        (
            True,
            4,
            [PROMOTED, BACK, change(3, "promote", 1, 4, "again")],
            f"version 4 was made champion by hand at {AT} by ada because again",
        ),
        (
            True,
            4,
            [PROMOTED, change(2, "promote", 4, 5), change(3, "rollback", 5, 4)],
            f"version 4 is champion again since {AT}: ada rolled back because so says Ada",
        ),
        (
            True,
            5,
            [PROMOTED, change(2, "promote", 4, 5)],
            f"version 4 is not champion any more: ada promoted version 5 at {AT}",
        ),
        (True, 7, [PROMOTED], "version 4 was promoted once and is not champion any more, version 7 is"),
        (False, 4, [], "version 4 was made champion outside of retune"),
        (False, 1, [], WAITS),
    ],
)
def test_the_log_overtakes_what_the_run_recorded(
    *, run_promoted: bool, champion: int, history: list[Promotion], reason: str
) -> None:
    """Promoted, rolled back, beaten, by hand or by its run: the last entry about the version is what is told."""
    found = standing_promotion(version(4, promoted=run_promoted), champion=version(champion), history=history)

    assert (found["promoted"], found["promotion_reason"]) == (champion == 4, reason)


@pytest.mark.parametrize(("approval", "waits"), [("needed", True), ("given", False), (None, False)])
def test_only_what_nobody_has_approved_waits(*, approval: str | None, waits: bool) -> None:
    """A version that was approved once and is not champion any more does not wait again."""
    found = standing_promotion(version(4, approval=approval), champion=version(1), history=[])

    assert found["promotion"]["needs_approval"] == waits
