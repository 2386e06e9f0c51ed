"""A metric of one's own project: `module:function`, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from paired_cases import pair

from components.errors import InvalidInput
from components.registry.metrics import CannotScoreError
from components.registry.paired_comparison import compare
from components.registry.promotion_metric import OwnMetric, is_own, metric_of, refuse_unknown

PROFIT = """
import sys
sys.path.append("/spoilt")

def profit(labels, predictions, probabilities):
    assert set(labels) <= {"no", "yes"} and probabilities.shape == (len(labels), 2)
    called = predictions == "yes"
    return 5.0 * (called & (labels == "yes")).sum() - called.sum()

def fails(labels, predictions, probabilities):
    raise ValueError("no prices today")

def sums(labels, predictions, probabilities):
    return float("nan")

rate = 0.5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder with a module of metrics."""
    (tmp_path / "money.py").write_text(PROFIT)
    return tmp_path


def metric(project: Path, name: str) -> OwnMetric:
    return OwnMetric(name=name, base_dir=project, scratch=project / "scratch", classes=("no", "yes"))


def test_one_s_own_metric_is_asked_in_the_data_s_own_terms(project: Path) -> None:
    """It gets labels and predictions as text and a probability per class; more is better, with an interval."""
    new, old = pair(np.random.default_rng(1), rows=120, auc=(0.95, 0.6), alike=0.5)
    profit = metric(project, "money:profit")
    made = compare(profit, new, old, confidence=0.9)
    called = new.predicted == 1

    assert profit.value(new) == 5 * (called & (new.labels == 1)).sum() - called.sum()
    assert made.gain == profit.value(new) - profit.value(old)
    assert made.low < made.gain < made.high
    assert list((project / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("money:fails", "ValueError: no prices today"),
        ("money:sums", "must return a finite number"),
        ("money:nowhere", "has no attribute 'nowhere'"),
    ],
)
def test_what_it_does_wrong_is_told_in_a_line(project: Path, name: str, law: str) -> None:
    """A function that fails, or answers nonsense, scores nothing."""
    new, _ = pair(np.random.default_rng(1), rows=50, auc=(0.9, 0.9), alike=0.5)

    with pytest.raises(CannotScoreError, match=law):
        metric(project, name).value(new)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("money:nowhere", "money:nowhere must be a function, got: AttributeError"),
        ("money:rate", "a function is needed, got float"),
        ("no_such_module:profit", "No module named 'no_such_module'"),
        ("turnover", "turnover cannot be recomputed; name a metric"),
    ],
)
def test_a_metric_that_is_not_there_is_refused_before_anything_starts(project: Path, name: str, law: str) -> None:
    """A spec's word is looked up first."""
    with pytest.raises(InvalidInput, match=law):
        refuse_unknown(name, base_dir=project)


def test_names_are_told_apart(project: Path) -> None:
    """A part in front of a metric is no module, and a scorer of scikit-learn is found by its name."""
    assert [is_own(name) for name in ("money:profit", "a.b:c", "validation:auc", "auc")] == [True, True, False, False]
    refuse_unknown("money:profit", base_dir=project)
    named = metric_of("neg_median_absolute_error", base_dir=project, scratch=project, classes=None)
    assert (named.name, named.greater_is_better) == ("neg_median_absolute_error", True)
