"""How sure a gain is: the interval, on data whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from paired_cases import pair
from scipy.stats import binomtest

from components.registry.metrics import Answers, CannotScoreError, evaluate, evaluate_weighted, is_known
from components.registry.paired_comparison import TooFewRowsError, compare
from components.registry.promotion_metric import KnownMetric, Metric, ScorerMetric

REPETITIONS = 200
METRICS = ("accuracy", "balanced_accuracy", "f1", "f1_binary", "recall", "precision_weighted", "auc", "aucpr",
           "average_precision", "logloss", "error", "rmse", "mae", "r2", "mphe")  # fmt: skip


def promoted(metric: Metric, *, rows: int, auc: tuple[float, float], alike: float) -> float:
    """Share of repetitions in which the first of two models would be promoted at confidence 0.9."""
    draw = np.random.default_rng(5)
    wins = 0
    for _ in range(REPETITIONS):
        new, old = pair(draw, rows=rows, auc=auc, alike=alike)
        wins += compare(metric, new, old, confidence=0.9).low > 0
    return wins / REPETITIONS


def wrong(*mistakes: Sequence[int], rows: int) -> list[Answers]:
    """Models that are right but on these rows."""
    labels = np.arange(rows) % 2 * 1.0
    return [
        Answers(
            labels=labels, predicted=np.where(np.isin(np.arange(rows), rows_), 1 - labels, labels), probabilities=None
        )
        for rows_ in mistakes
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_a_weighted_metric_is_that_of_the_repeated_rows(metric: str) -> None:
    """A row that counts three times is a row that stands there three times: the bootstrap scores what it says."""
    answers, _ = pair(np.random.default_rng(0), rows=60, auc=(0.8, 0.8), alike=0.5)
    weights = np.random.default_rng(1).integers(0, 4, (5, 60)).astype(np.float64)

    values = evaluate_weighted(metric, answers, weights)

    assert is_known(metric)
    for value, row in zip(values, weights, strict=True):
        assert value == pytest.approx(evaluate(metric, answers.take(np.repeat(np.arange(60), row.astype(int)))))


@pytest.mark.parametrize(("name", "rows"), [("auc", 400), ("f1", 400), ("accuracy", 400), ("accuracy", 40)])
def test_an_equal_model_is_seldom_promoted(name: str, rows: int) -> None:
    """A/A: at confidence 0.9 a challenger that is no better is promoted in at most 10 % of 200 repetitions."""
    assert promoted(KnownMetric(name), rows=rows, auc=(0.8, 0.8), alike=0.9) <= 0.1


def test_a_better_model_mostly_is() -> None:
    """Better by 0.02 AUC: promoted in at least 80 % of 200 repetitions, on 600 rows of two models much alike."""
    assert promoted(KnownMetric("auc"), rows=600, auc=(0.82, 0.8), alike=0.97) >= 0.8


def test_the_interval_of_accuracy_is_mcnemars_test() -> None:
    """It leaves 0 out exactly where the mid-p test, computed here from the binomial itself, rejects at 5 % a side."""
    for won in range(15):
        new, old = wrong(range(20, 24), range(20 + 4 - won, 24 + 4), rows=100)
        lost = sum((new.predicted != new.labels) & (old.predicted == old.labels))
        gained = sum((new.predicted == new.labels) & (old.predicted != old.labels))
        differ = int(gained + lost)
        made = compare(KnownMetric("accuracy"), new, old, confidence=0.9)
        if differ == 0:
            assert (made.low, made.high) == (0, 0)
            continue
        more = binomtest(int(gained), differ, alternative="greater").pvalue
        tie = binomtest(int(gained) + 1, differ, alternative="greater").pvalue if gained < differ else 0.0
        assert (made.low > 0) == ((more + tie) / 2 < 0.05)
        assert made.gain == pytest.approx((gained - lost) / 100)
        assert made.low <= made.gain <= made.high
        assert made.probability == pytest.approx(1 - (more + tie) / 2)


def test_a_loss_that_falls_is_a_gain() -> None:
    """Whichever way the metric goes, a gain above 0 is better; and the other way round it is the same below 0."""
    new, old = pair(np.random.default_rng(3), rows=500, auc=(0.9, 0.7), alike=0.5)
    forth, back = (compare(KnownMetric("logloss"), *each, confidence=0.9) for each in ((new, old), (old, new)))

    assert forth.challenger < forth.champion
    assert 0 < forth.low < forth.gain < forth.high
    assert (back.gain, back.low, back.high) == pytest.approx((-forth.gain, -forth.high, -forth.low), abs=1e-9)


def test_the_same_answers_give_the_same_interval() -> None:
    """A decision taken up again after a crash is the same decision."""
    new, old = pair(np.random.default_rng(4), rows=200, auc=(0.85, 0.8), alike=0.8)

    assert compare(KnownMetric("auc"), new, old, confidence=0.9) == compare(
        KnownMetric("auc"), new, old, confidence=0.9
    )


def test_more_confidence_is_a_wider_interval() -> None:
    """0.99 holds 0.9, which holds the gain."""
    new, old = pair(np.random.default_rng(4), rows=200, auc=(0.85, 0.8), alike=0.8)
    narrow, wide = (compare(KnownMetric("auc"), new, old, confidence=each) for each in (0.9, 0.99))

    assert wide.low < narrow.low < narrow.gain < narrow.high < wide.high


@pytest.mark.parametrize(
    ("rows", "positives", "law"), [(29, 0.5, "29 rows are too few"), (200, 0.01, "too few rows of a class")]
)
def test_too_few_rows_are_told(rows: int, positives: float, law: str) -> None:
    """Where an interval would be made up there is none, and the message says what is missing."""
    new, old = pair(np.random.default_rng(6), rows=rows, auc=(0.9, 0.8), alike=0.5, positives=positives)

    with pytest.raises(TooFewRowsError, match=law):
        compare(KnownMetric("auc"), new, old, confidence=0.9)


@pytest.mark.parametrize(
    ("scorer", "own", "sign"),
    [("roc_auc", "auc", 1), ("balanced_accuracy", "balanced_accuracy", 1), ("neg_log_loss", "logloss", -1)],
)
def test_a_scikit_learn_scorer_is_what_it_says(scorer: str, own: str, sign: int) -> None:
    """Any scorer by its name, asked as scikit-learn asks an estimator; a loss is negative there."""
    new, old = pair(np.random.default_rng(7), rows=80, auc=(0.9, 0.7), alike=0.8)
    theirs = compare(ScorerMetric(scorer), new, old, confidence=0.9)

    assert ScorerMetric(scorer).value(new) == pytest.approx(sign * evaluate(own, new))
    assert theirs.gain == pytest.approx(compare(KnownMetric(own), new, old, confidence=0.9).gain)
    assert theirs.low < theirs.gain < theirs.high


def test_a_scorer_that_needs_what_is_not_there_says_so() -> None:
    """Labels alone have no Brier score."""
    (answers,) = wrong([1, 2, 3], rows=40)

    with pytest.raises(CannotScoreError, match="neg_brier_score cannot be computed"):
        ScorerMetric("neg_brier_score").value(answers)
