from __future__ import annotations

import json

import pytest

from components.registry.guards import GuardCheck
from components.registry.promotion import decide, refuse
from components.registry.scoring import Score


def scored(value: float, *, part: str = "test", metric: str = "f1_binary", rows: int = 4119) -> Score:
    return Score(metric=metric, part=part, value=value, rows=rows)


@pytest.mark.parametrize(
    ("challenger", "champion", "greater", "least", "promote", "reason"),
    [
        (0.4321, None, True, 0.0, True, "there was no champion before: 0.4321 on test:f1_binary (4,119 rows)"),
        (0.0, None, True, 0.0, True, "there was no champion before: 0.0000 on test:f1_binary (4,119 rows)"),
        (0.4321, 0.4102, True, 0.0, True, "0.4321 beats champion version 3 at 0.4102 on test:f1_binary (4,119 rows)"),
        (0.4102, 0.4321, False, 0.0, True, "0.4102 beats champion version 3 at 0.4321 on test:f1_binary (4,119 rows)"),
        (
            0.4,
            0.41,
            True,
            0.0,
            False,
            "0.4000 does not beat champion version 3 at 0.4100 on test:f1_binary (4,119 rows)",
        ),
        (
            0.41,
            0.4,
            False,
            0.0,
            False,
            "0.4100 does not beat champion version 3 at 0.4000 on test:f1_binary (4,119 rows)",
        ),
        (
            0.41,
            0.41,
            True,
            0.0,
            False,
            "0.4100 only equals champion version 3 at 0.4100 on test:f1_binary (4,119 rows)",
        ),
        (
            0.415,
            0.41,
            True,
            0.01,
            False,
            (
                "0.4150 is better than champion version 3 at 0.4100 on test:f1_binary (4,119 rows), "
                "but by 0.005, less than the min_improvement of 0.01"
            ),
        ),
        (0.42, 0.41, True, 0.01, True, "0.4200 beats champion version 3 at 0.4100 on test:f1_binary (4,119 rows)"),
        (
            0.410000002,
            0.410000001,
            True,
            0.0,
            True,
            "0.410000002 beats champion version 3 at 0.410000001 on test:f1_binary (4,119 rows)",
        ),
    ],
)
def test_decisions(
    *, challenger: float, champion: float | None, greater: bool, least: float, promote: bool, reason: str
) -> None:
    """First serves, better serves, a tie and too small a gain do not; the reason has the numbers that decided."""
    decision = decide(
        challenger=scored(challenger),
        champion=None if champion is None else scored(champion),
        champion_version=None if champion is None else 3,
        greater_is_better=greater,
        min_improvement=least,
    )

    assert (decision.promote, decision.reason) == (promote, reason)


def test_validation_is_owned_up_to() -> None:
    """Without a test part the comparison is on rows the search has seen, and says so."""
    decision = decide(
        challenger=scored(0.9, part="validation"),
        champion=None,
        champion_version=None,
        greater_is_better=True,
        min_improvement=0.0,
    )

    assert decision.reason.endswith(
        "on validation:f1_binary (4,119 rows); there is no test part: compared on validation, which the search has seen"
    )


def test_a_refusal_promotes_nothing() -> None:
    """A refusal keeps the champion and gives the reason."""
    decision = refuse("nobody knows how to ask it")

    assert (decision.promote, decision.reason) == (False, "not promoted: nobody knows how to ask it")


@pytest.mark.parametrize(("challenger", "begins"), [(0.5, "; but "), (0.3, "; and ")], ids=["better", "worse"])
def test_every_guard_that_does_not_hold_is_in_the_reason(challenger: float, begins: str) -> None:
    """Whether the metric would promote or not, the reason names each guard that refuses, and none that holds."""
    decision = decide(
        challenger=scored(challenger),
        champion=scored(0.4),
        champion_version=3,
        greater_is_better=True,
        min_improvement=0.0,
        guards=[
            GuardCheck(metric="mae", holds=True, finding="not worse"),
            GuardCheck(
                metric="auc", slice="carrier=AA", holds=False, finding="worse by 0.1: champion 0.9, challenger 0.8"
            ),
            GuardCheck(metric="prediction_ms", holds=False, finding="must be at most 10, got 12, the champion has 9"),
        ],
    )

    told = (
        f"{begins}must_not_worsen refuses it: auc for carrier=AA: worse by 0.1: champion 0.9, challenger 0.8; "
        "prediction_ms: must be at most 10, got 12, the champion has 9"
    )
    assert (decision.promote, decision.reason.endswith(told)) == (False, True), decision.reason


def test_a_result_holds_the_guards_that_refuse_however_many_there_are() -> None:
    """Ten guards of fifty slices each are more than MLflow keeps of a result: those that refuse come first."""
    checks = [
        GuardCheck(
            metric="balanced_accuracy",
            slice=f"carrier={'A' * 57}...",
            challenger=0.123456789012345,
            champion=0.123456789012345,
            gain=-0.00123456789012345,
            interval=(-0.0123456789012345, 0.0123456789012345),
            rows=1000,
            holds=number != 450,
            finding=f"{number}: undecided: worse by 0.0012, which may be luck: 0.123457 against 0.123457, interval of",
        )
        for number in range(500)
    ]
    decision = decide(
        challenger=scored(0.9),
        champion=scored(0.8),
        champion_version=1,
        greater_is_better=True,
        min_improvement=0.0,
        guards=checks,
    )
    document = decision.document()

    assert (decision.promote, len(document["guards"]), len(json.dumps(document)) < 60_000) == (False, 100, True)
    assert [each["finding"].partition(":")[0] for each in document["guards"][:3]] == ["450", "0", "1"]


def test_a_reason_names_twenty_guards_and_counts_the_rest() -> None:
    """A reason is kept in tags and a log of bounded length."""
    checks = [GuardCheck(metric=f"m{number}", holds=False, finding="worse") for number in range(50)]
    decision = decide(
        challenger=scored(0.9),
        champion=scored(0.8),
        champion_version=1,
        greater_is_better=True,
        min_improvement=0.0,
        guards=checks,
    )

    assert decision.reason.endswith("m19: worse; and 30 more")
