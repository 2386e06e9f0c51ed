"""How far the axes of a report reach when a trial diverged, when there is one value, and when there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.reporting.charts import objective
from components.reporting.contents import hyperparameters_of
from components.reporting.extent import extent_of
from components.reporting.importance import importance_of
from components.reporting.outcome_charts import curves
from components.reporting.panels import panels_of
from components.reporting.tables import axis_rows, curve_rows
from tests.unit.reporting.report_cases import METRIC, RANGES, contents, curve, trials

CROWDED = [0.1 * number for number in range(1, 11)] + [0.05 + 0.001 * number for number in range(20)]  # a search's end
ORDINARY = [1 + 0.05 * number for number in range(20)]


@pytest.mark.parametrize("disasters", [[1e9], [3e4, 1e5, 1e9] * 5], ids=["one", "nearly half"])
@pytest.mark.parametrize("maximize", [False, True])
def test_trials_that_diverged_do_not_press_the_others_into_a_line(disasters: list[float], maximize: bool) -> None:  # noqa: FBT001
    """An axis ends where the ordinary trials do, on the worse side of either direction, and counts what is beyond."""
    sign = -1 if maximize else 1
    found = extent_of([sign * value for value in (*ORDINARY, *disasters)], maximize=maximize)

    assert sorted([found.low * sign, found.high * sign]) == pytest.approx([1.0, 1.95])
    assert found.beyond == len(disasters)
    assert f"{'below' if maximize else 'above'} {sign * 1.95:.4g}" in found.note()


@pytest.mark.parametrize(
    "values",
    [[*ORDINARY, -1e9], [1.0, 1.01, 1.02, 5.0], [1.0 * number**3 for number in range(9)], [0.5] * 30 + [0.7], CROWDED],
    ids=["the best is far", "few", "a long tail", "nearly all the same", "crowded at the best"],
)
def test_no_axis_is_cut_without_need(values: list[float]) -> None:
    """The best is never beyond an axis, nor is anything of few trials or of ones that differ by their nature."""
    found = extent_of(values, maximize=False)

    assert (found.low, found.high, found.beyond, found.note()) == (min(values), max(values), 0, "")


def test_one_value_has_room_around_it() -> None:
    """An axis of one value, or none, or of what is no number, has two ends that differ."""
    assert extent_of([0.54], maximize=True).domain == pytest.approx([0.513, 0.567])
    assert extent_of([0.0, 0.0], maximize=True).domain == [-0.05, 0.05]
    assert extent_of([None, float("nan"), float("inf")], maximize=True).domain == [0.0, 1.0]


def test_a_report_of_a_search_with_a_disaster_is_drawn_for_the_others() -> None:
    """Points, parallel axes and curves are scaled for the ordinary trials, and the words say what is at the edge."""
    made = tuple(replace(each, objective=1e8) if each.number == 3 else each for each in trials(20))
    given = contents(
        trials=made, maximize=False, parents=(), curves={each.training_job: curve(each, METRIC) for each in made}
    )
    lines, axes = axis_rows(given)
    panels, _ = panels_of(given)

    assert str(objective(given)).count("'domain': [0.5, 0.878]") == 3
    assert axes[-1]["high"] == "≥ 0.86"
    assert sorted({row["y"] for row in lines if row["axis"] == len(axes) - 1})[-2:] == [0.8889, 1.0]
    assert "'domain': [0.25, 0.8" in str(curves(given, curve_rows(given)))
    assert "1 trial lies far above 0.86 and is drawn at the edge." in panels[0].note


def test_the_best_line_is_drawn_over_all_others() -> None:
    """Lines come in order of the objective, so that of many the best ones are on top; the best curve is, too."""
    for maximize in (True, False):
        given = contents(maximize=maximize)
        lines, _ = axis_rows(given)
        last = [lines[-1]["trial"], curve_rows(given)[-1]["trial"]]
        assert last == {True: [9, 9], False: [10, 10]}[maximize]


def test_importance_passes_over_what_is_no_number() -> None:
    """An objective that is NaN is none, here as in the charts: the report is made all the same."""
    made = [replace(each, objective=float("nan")) if each.number == 2 else each for each in trials(14)]

    found, _ = importance_of(made, hyperparameters_of(RANGES))

    assert found is not None
    assert found.trials == 11
