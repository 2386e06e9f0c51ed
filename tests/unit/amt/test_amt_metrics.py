"""Metrics from a container's output."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from components.amt.metrics import Extractor, MetricFile, TooSlow, read_curve, time_limit


def found(regex: str, line: str) -> list[tuple[str, float]]:
    """What one definition finds in one line."""
    return list(Extractor([{"Name": "m", "Regex": regex}]).values(line))


@pytest.mark.parametrize(
    ("regex", "line", "value"),
    [
        (r".*#011validation-auc:(\S+)", "[3]\ttrain-auc:0.5\tvalidation-auc:0.75", 0.75),
        ("\tvalidation-auc:([0-9.]+)", "[3]\ttrain-auc:0.5\tvalidation-auc:0.75", 0.75),
        (r"loss = ([0-9.]+)", "epoch 1 loss = 0.5, then loss = 0.25", 0.5),
        (r"loss = (\S+)", "loss = 1e-3", 0.0010000000474974513),
        (r"loss=(.*?);", "loss=-2.5;", -2.5),
    ],
)
def test_the_first_group_of_a_search_is_the_value(regex: str, line: str, value: float) -> None:
    """A regex is searched for in the line as CloudWatch shows it and as written; values are float32."""
    assert found(regex, line) == [("m", value)]


@pytest.mark.parametrize("line", ["loss = none", "loss = ", "other"])
def test_what_is_no_number_is_ignored(line: str) -> None:
    """A capture that does not parse as a number emits nothing."""
    assert found(r"loss = (\w*)", line) == []


def test_nan_is_emitted() -> None:
    """NaN is a value: as the last one it makes a failed objective."""
    ((_, value),) = found(r"loss = (\S+)", "loss = nan")
    assert math.isnan(value)


def test_a_broken_regex_is_told_and_the_others_work() -> None:
    """A pattern Python cannot compile finds nothing and says so; the others go on."""
    extractor = Extractor([{"Name": "bad", "Regex": "("}, {"Name": "good", "Regex": "x=([0-9])"}])
    assert list(extractor.values("x=1")) == [("good", 1.0)]
    assert len(extractor.broken) == 1


def test_a_catastrophic_regex_is_interrupted() -> None:
    """Matching that does not end is cut off by the timer."""
    extractor = Extractor([{"Name": "m", "Regex": r"(a+)+b"}])
    with pytest.raises(TooSlow), time_limit(0.05):
        list(extractor.values("a" * 60))


def test_the_curve_counts_steps_per_metric_and_values_in_all(tmp_path: Path) -> None:
    """`step` counts a metric's own emissions from 0, `seq` all of them from 1; a torn last line is not read."""
    path = tmp_path / "metrics.jsonl"
    record = MetricFile(path)
    record.add([("a", 1.0), ("b", 2.0)], 10.0)
    record.add([("a", 3.0)], 11.0)
    record.close()
    with path.open("a") as torn:
        torn.write('{"metric": "a"')
    curve = read_curve(path)
    assert [(entry["metric"], entry["step"], entry["seq"]) for entry in curve] == [
        ("a", 0, 1),
        ("b", 0, 2),
        ("a", 1, 3),
    ]
    assert read_curve(path, after=2) == curve[2:]
    assert read_curve(tmp_path / "none") == []
