"""What must not get worse: shown to be worse and by more than tolerated refuses; luck does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from paired_cases import pair

from components.registry.guards import Contestants, GuardCheck, check_guards, check_measures
from components.registry.metrics import Answers
from components.registry.promotion_metric import KnownMetric
from components.registry.registry_spec import GuardSpec


def contestants(new: Answers, old: Answers | None, **columns: object) -> Contestants:
    return Contestants(challenger=new, champion=old, features=pd.DataFrame(columns, index=range(len(new))))


def check(of: Contestants, *guards: GuardSpec, confidence: float | None = 0.9) -> tuple[GuardCheck, ...]:
    return check_guards([(guard, KnownMetric(guard.metric)) for guard in guards], of, confidence=confidence)


def test_what_is_shown_to_be_worse_refuses_unless_tolerated() -> None:
    """Auc 0.7 against 0.9 on 1,000 rows: refused at 0, tolerated at 0.5, not worse the other way round."""
    worse, better = pair(np.random.default_rng(1), rows=1000, auc=(0.7, 0.9), alike=0.5)
    auc = GuardSpec(metric="auc")

    (refused,) = check(contestants(worse, better), auc)
    (tolerated,) = check(contestants(worse, better), GuardSpec(metric="auc", by=0.5))
    (fine,) = check(contestants(better, worse), auc)

    assert (refused.holds, tolerated.holds, fine.holds) == (False, True, True)
    assert refused.gain is not None
    assert refused.gain < -0.1
    assert refused.interval is not None
    assert refused.interval[1] < 0
    assert refused.finding.startswith("worse by 0.")
    assert "0.5 is tolerated" in tolerated.finding


def test_luck_refuses_nothing_and_is_told() -> None:
    """Two equal models differ a little on any rows: one promotion in ten is refused for it at most."""
    draw = np.random.default_rng(2)
    guards = [GuardSpec(metric=name) for name in ("accuracy", "f1", "recall", "balanced_accuracy")]
    refused = undecided = 0
    for _ in range(100):
        new, old = pair(draw, rows=300, auc=(0.8, 0.8), alike=0.8)
        found = check(contestants(new, old), *guards)
        refused += not all(each.holds for each in found)
        undecided += any(each.finding.startswith("undecided") for each in found)

    assert refused <= 10
    assert undecided > 50


def test_without_a_confidence_the_gain_alone_decides() -> None:
    """`confidence: null` refuses whatever is worse by more than `by`, luck or not."""
    new, old = pair(np.random.default_rng(2), rows=40, auc=(0.79, 0.8), alike=0.99)
    worse, better = (new, old) if KnownMetric("auc").value(new) < KnownMetric("auc").value(old) else (old, new)

    (found,) = check(contestants(worse, better), GuardSpec(metric="auc"), confidence=None)

    assert (found.holds, found.interval) == (False, None)


def test_a_slice_that_is_worse_refuses_though_all_rows_are_better() -> None:
    """Each value of a column is a guard of its own; the finding names the value, and small ones are not looked at."""
    new, old = pair(np.random.default_rng(3), rows=1000, auc=(0.95, 0.8), alike=0.5)
    spoilt, _ = pair(np.random.default_rng(4), rows=1000, auc=(0.5, 0.5), alike=0.5)
    carrier = np.where(np.arange(1000) < 200, "AA", np.where(np.arange(1000) < 210, "ZZ", "UA"))
    mixed = np.where(carrier == "AA", spoilt.predicted, new.predicted)
    of = contestants(Answers(labels=new.labels, predicted=mixed, probabilities=None), old, carrier=carrier)

    found = {each.slice: each for each in check(of, GuardSpec(metric="accuracy", slice="carrier"))}

    assert {name: each.holds for name, each in found.items()} == {
        "carrier=AA": False,
        "carrier=UA": True,
        "carrier": True,
    }
    assert found["carrier=AA"].rows == 200
    assert found["carrier"].finding == "1 values with less than 30 rows were not looked at"


@pytest.mark.parametrize(
    ("column", "law"),
    [("gate", "the rows have no column gate"), ("number", "at most 50 values is a slice, number has 80")],
)
def test_a_slice_that_is_none_refuses(column: str, law: str) -> None:
    """A guard that nobody can look at does not pass."""
    new, old = pair(np.random.default_rng(3), rows=80, auc=(0.9, 0.8), alike=0.5)

    (found,) = check(contestants(new, old, number=np.arange(80)), GuardSpec(metric="accuracy", slice=column))

    assert (found.holds, law in found.finding) == (False, True)


def test_a_limit_is_about_the_challenger_alone() -> None:
    """At_least holds with and without a champion, for all rows or each slice."""
    new, _ = pair(np.random.default_rng(3), rows=300, auc=(0.9, 0.8), alike=0.5)

    assert check(contestants(new, None), GuardSpec(metric="auc", at_least=0.8))[0].holds
    assert "must be at least 0.99" in check(contestants(new, None), GuardSpec(metric="auc", at_least=0.99))[0].finding
    assert check(contestants(new, None), GuardSpec(metric="auc"))[0].finding == "nothing to compare with"


@pytest.mark.parametrize(
    ("guard", "old", "holds", "finding"),
    [
        (GuardSpec(metric="model_size_bytes", at_most=5e6), None, True, "4e+06 is within its limits"),
        (GuardSpec(metric="model_size_bytes", at_most=1e6), None, False, "must be at most 1e+06, got 4e+06"),
        (GuardSpec(metric="model_size_bytes", by=1e6), 2e6, False, "worse by 2e+06, 1e+06 is tolerated"),
        (GuardSpec(metric="model_size_bytes", by=3e6), 2e6, True, "worse by 2e+06, 3e+06 is tolerated"),
        (GuardSpec(metric="model_size_bytes"), None, True, "nothing to compare with"),
        (GuardSpec(metric="prediction_ms", at_most=3), None, False, "prediction_ms is not known"),
    ],
)
def test_measures_are_guarded_as_metrics_are(*, guard: GuardSpec, old: float | None, holds: bool, finding: str) -> None:
    """Bytes, seconds and milliseconds: less is better; a limit on what was never measured refuses."""
    champion = None if old is None else {"model_size_bytes": old}

    (found,) = check_measures([guard], challenger={"model_size_bytes": 4e6}, champion=champion)

    assert found.holds == holds
    assert found.finding.startswith(finding)
