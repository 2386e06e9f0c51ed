"""The figures of a report: scales, the best so far, money and time, importance, held-out rows, words."""

from __future__ import annotations

import numpy as np
import pytest

from components.registry.metrics import Answers
from components.reporting.contents import Hyperparameter, hyperparameters_of
from components.reporting.held_out import OTHERS, Confusion, Residuals, held_out
from components.reporting.importance import importance_of
from components.reporting.summary import counts, duration, figures, sentences
from components.reporting.tables import axis_rows, curve_rows, time_rows, trial_rows
from tests.unit.reporting.report_cases import METRIC, RANGES, contents, curve, trial, trials


@pytest.mark.parametrize(
    ("scaling", "value", "height"),
    [("Linear", "0.25", 0.25), ("Logarithmic", "0.1", 0.5), ("ReverseLogarithmic", "0.9", 0.5)],
)
def test_a_value_lies_where_its_scale_puts_it(scaling: str, value: str, height: float) -> None:
    """A hyperparameter's height on its axis is that of its own scale, as the search drew from it."""
    low, high = {"Linear": (0, 1), "Logarithmic": (0.01, 1), "ReverseLogarithmic": (0, 0.99)}[scaling]
    each = Hyperparameter(name="x", kind="continuous", scaling=scaling, low=low, high=high)

    assert each.unit(trial(1, 0.5, x=value)) == pytest.approx(height)


def test_a_range_is_read_as_amt_writes_it() -> None:
    """Kinds, bounds and scales come from the job's own ranges, by name; Auto is what the local AMT takes."""
    auto = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Auto"}]}

    assert [(each.name, each.kind, each.scaling) for each in hyperparameters_of(RANGES)] == [
        ("booster", "categorical", "Linear"),
        ("eta", "continuous", "Logarithmic"),
        ("max_depth", "integer", "Linear"),
        ("momentum", "continuous", "ReverseLogarithmic"),
    ]
    assert hyperparameters_of(auto)[0].scaling == "Logarithmic"


def test_an_integer_s_range_is_told_in_full() -> None:
    """The ends of an integer's axis are not rounded to a few digits: 12345 rounds is what was asked for."""
    ends = Hyperparameter(name="x", kind="integer", low=1, high=12345).ends

    assert ends == ("1", "12,345")


@pytest.mark.parametrize("value", ["nan", "inf", "", "text", "-1"])
def test_a_value_that_no_axis_can_hold_is_left_out(value: str) -> None:
    """A value that is no number, or lies outside a logarithm, has no place on its axis and breaks nothing."""
    each = Hyperparameter(name="x", kind="continuous", scaling="Logarithmic", low=0.01, high=1)

    assert each.unit(trial(1, 0.5, x=value)) is None


@pytest.mark.parametrize(("maximize", "wanted"), [(True, [0.5, 0.5, 0.7, 0.7]), (False, [0.5, 0.4, 0.4, 0.4])])
def test_the_best_so_far_follows_the_direction(maximize: bool, wanted: list[float]) -> None:  # noqa: FBT001
    """The line of the best so far only improves, in the objective's own direction, and passes over failed trials."""
    made = tuple(trial(number, value) for number, value in enumerate((0.5, 0.4, 0.7, None), start=1))

    assert [row["so_far"] for row in trial_rows(contents(trials=made, maximize=maximize))] == wanted


def test_an_objective_that_is_no_number_is_none() -> None:
    """NaN and infinity are no JSON: such a trial is shown like one without an objective."""
    made = (trial(1, float("nan")), trial(2, float("inf")))

    assert [row["objective"] for row in trial_rows(contents(trials=made))] == [None, None]
    assert axis_rows(contents(trials=made))[0] == []


def test_curves_are_thinned_and_keep_their_ends() -> None:
    """Many long curves together stay below a few thousand points, and each still ends where it ended."""
    made = trials(50)
    found = curve_rows(contents(trials=made, curves={each.training_job: curve(each, points=1000) for each in made}))

    assert len(found) <= 6000
    ends = {row["trial"]: row["step"] for row in found if row["last"]}
    assert ends == {each.number: 500 if each.status == "Stopped" else 1000 for each in made}


def test_cost_adds_up_by_the_time_trials_end() -> None:
    """What was charged starts at nothing and ends at all billable seconds at the price, in the search's unit."""
    times, spending = time_rows(contents())

    assert (spending[0], spending[-1]) == ({"at": 0.0, "charged": 0.0}, {"at": 12.0, "charged": 0.024})
    assert (times[0]["from"], times[-1]["to"]) == (0.0, 12.0)


def test_importance_finds_what_decides() -> None:
    """Where the objective follows one hyperparameter alone, that one has nearly all of the importance."""
    found, caution = importance_of(trials(40), hyperparameters_of(RANGES))

    assert found is not None
    assert next(iter(found.shares)) == "max_depth"
    assert found.shares["max_depth"] > 0.8
    assert "explains" in caution


def test_importance_says_when_it_knows_nothing() -> None:
    """Too few trials, objectives that are all the same, and a forest that predicts nothing are said, not drawn."""
    ranges = hyperparameters_of(RANGES)
    noise = np.random.default_rng(0).normal(size=40)
    luck = [trial(each.number, float(noise[each.number - 1]), **each.hyperparameters) for each in trials(40)]
    level = [trial(each.number, 0.5, **each.hyperparameters) for each in trials(40)]

    assert importance_of(trials(9), ranges) == (None, "No estimate: it needs 10 completed trials, got 7.")
    assert importance_of(level, ranges)[1] == "No estimate: all 40 completed trials have the same objective."
    found, caution = importance_of(luck, ranges)
    assert found is not None
    assert not found.says_something
    assert caution.startswith("No estimate worth showing: from 40 completed trials")


def test_few_trials_are_told() -> None:
    """An estimate from few trials says how many, and what not to read from it."""
    assert importance_of(trials(20), hyperparameters_of(RANGES))[1].endswith(
        "from 18 trials only: read the order, not the lengths."
    )


def test_a_confusion_counts_every_row_once() -> None:
    """True class by predicted class, in code order; numeric class codes are classes when the job says so."""
    told = Answers(labels=np.array([0.0, 1, 1, 2]), predicted=np.array([0.0, 1, 2, 2]), probabilities=None)

    named = held_out(told, ["a", "b", "c"], of_classes=True)
    assert named == Confusion(classes=("a", "b", "c"), counts=((1, 0, 0), (0, 1, 1), (0, 0, 1)))
    coded = held_out(told, None, of_classes=True)
    assert isinstance(coded, Confusion)
    assert (coded.classes, coded.right) == (("0", "1", "2"), 3)


def test_rare_classes_of_many_are_one() -> None:
    """Beyond twenty classes the rarest are one, and no row is lost."""
    labels = np.repeat(np.arange(30.0), np.arange(1, 31))
    found = held_out(
        Answers(labels=labels, predicted=labels, probabilities=None), [f"c{n}" for n in range(30)], of_classes=True
    )

    assert isinstance(found, Confusion)
    assert (len(found.classes), found.classes[-1], found.rows, found.right) == (20, OTHERS, 465, 465)


def test_residuals_are_of_all_rows() -> None:
    """Errors are those of all rows, however few of them are drawn."""
    truth = np.arange(4000.0)
    found = held_out(Answers(labels=truth, predicted=truth - 2, probabilities=None), None, of_classes=False)

    assert isinstance(found, Residuals)
    assert (found.mae, found.rmse, found.bias, found.rows) == (2.0, 2.0, 2.0, 4000)
    assert len(found.points) == 1500


def test_the_summary_tells_decision_best_cost_and_promotion() -> None:
    """One paragraph has what was decided and why, the best trial, what it cost, and who serves and why."""
    told = " ".join(sentences(contents()))

    for fact in (
        "decided to tune: the data have drifted",
        f"Trial 9 is the best: {METRIC} 0.86 (maximised), with booster dart, eta",
        "10 completed, 1 stopped, 1 failed, warm-started from churn-9876543210-01",
        "trained for 12 min 0 s on this machine; in the cloud: about 0.0240 USD",
        "Version 2 became champion: 0.9 beats champion version 1 at 0.8",
    ):
        assert fact in told
    assert ("champion", "version 2") in figures(contents())


def test_a_search_that_runs_is_told_as_such() -> None:
    """A search without a version says how it stands, and one without a trial that there is none."""
    running = contents(result=None, status="InProgress", trials=())

    assert "is InProgress; no model version rests on it yet" in sentences(running)[0]
    assert counts(running) == "none yet"
    assert [duration(s) for s in (48, 200, 7500)] == ["48 s", "3 min 20 s", "2 h 5 min"]
