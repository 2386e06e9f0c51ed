"""Which charts a search has something for, each with a heading and a sentence that says how to read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from components.reporting import charts, outcome_charts, tables
from components.reporting.contents import Contents
from components.reporting.held_out import Confusion, Residuals
from components.reporting.importance import importance_of
from components.reporting.style import Spec

_MANY = 40  # cards of hyperparameters: beyond it nobody looks at them
_IN_PAIRS = (2, 4)  # cards that three in a row would leave a hole beside
_FOLDED = 2  # axes that make a line


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A card of the page.

    Attributes:
        key: Of its place in the page.
        heading: What it shows; may be somebody's text.
        note: How to read it.
        size: `wide`, `half` or `small`.
        spec: The chart; None where there is nothing to draw, and the note says why.
    """

    key: str
    heading: str
    note: str
    size: str
    spec: Spec | None


def panels_of(contents: Contents) -> tuple[list[Panel], dict[str, tables.Rows]]:
    """The cards in reading order, and the tables they draw."""
    lines, axes = tables.axis_rows(contents)
    times, spending = tables.time_rows(contents)
    rows: dict[str, tables.Rows] = {
        "trials": tables.trial_rows(contents),
        "lines": lines,
        "axes": axes,
        "curves": tables.curve_rows(contents),
        "times": times,
        "spending": spending,
    }
    if contents.parents:
        rows["family"] = tables.family_rows(contents)
    found = [*_importance(contents, rows), *_family(contents), *_held_out(contents, rows)]
    size = {1: "wide", 2: "half"}.get(len(found), "small")
    row = [replace(panel, size=size) for panel in found]
    return [*_search(contents, rows), *row, *_hyperparameters(contents), *_training(contents, rows)], rows


def _search(contents: Contents, rows: dict[str, tables.Rows]) -> Iterator[Panel]:
    better = "higher" if contents.maximize else "lower"
    yield Panel(
        key="objective",
        heading="Objective over trials",
        note=f"Each point is a trial, the line the best so far; {better} is better. Drag over points to pick trials "
        "in every chart; double-click to let go.",
        size="wide",
        spec=charts.objective(contents) if contents.trials else None,
    )
    if len(contents.hyperparameters) + 1 > _FOLDED and rows["lines"]:
        yield Panel(
            key="parallel",
            heading="Parallel coordinates",
            note="A line is a trial across all hyperparameters, each on its own scale, to the objective at the right. "
            "Darker is better, the best is purple. Drag over an axis to pick lines.",
            size="wide",
            spec=charts.parallel(contents),
        )


def _importance(contents: Contents, rows: dict[str, tables.Rows]) -> Iterator[Panel]:
    found, caution = importance_of(contents.trials, contents.hyperparameters)
    readable = found is not None and found.says_something
    if found is not None and readable:
        rows["importance"] = tables.importance_rows(found)
    if contents.hyperparameters:
        how = (
            "How much worse a random forest predicts the objective of trials it has not seen (5 folds) when one "
            "hyperparameter's values are shuffled, as shares; the line is one standard deviation. "
        )
        yield Panel(
            key="importance",
            heading="Importance",
            note=(how if readable else "") + caution,
            size="half",
            spec=charts.importance(len(contents.hyperparameters)) if readable else None,
        )


def _family(contents: Contents) -> Iterator[Panel]:
    if contents.parents:
        yield Panel(
            key="family",
            heading="Beside its parents",
            note="The best so far of this search and of those it was warm-started from, by trials."
            + (
                " The parents searched on other data or another image: their levels may differ."
                if contents.warm_start == "TransferLearning"
                else ""
            ),
            size="half",
            spec=charts.family(contents),
        )


def _hyperparameters(contents: Contents) -> Iterator[Panel]:
    size = "half" if len(contents.hyperparameters) in _IN_PAIRS else "small"
    for place, each in enumerate(contents.hyperparameters[:_MANY]):
        domain = ", ".join(each.values) if each.kind == "categorical" else f"{each.low:g} to {each.high:g}"
        yield Panel(
            key=f"hyperparameter-{place}",
            heading=each.name,
            note=f"{each.kind}, {domain}" + ("" if each.kind == "categorical" else f", {_scale(each.scaling)}"),
            size=size,
            spec=charts.hyperparameter(contents, place),
        )


def _training(contents: Contents, rows: dict[str, tables.Rows]) -> Iterator[Panel]:
    drawn = bool(rows["curves"])
    yield Panel(
        key="curves",
        heading="Learning curves",
        note="The objective while each trial was trained; the best is purple, a mark is a stop or a failure."
        if drawn
        else "No trial emitted the objective more than once, as far as the engine knows"
        + ("; in the cloud the points between are in CloudWatch." if contents.engine == "sagemaker" else "."),
        size="wide",
        spec=outcome_charts.curves(contents) if drawn else None,
    )
    if rows["times"]:
        yield Panel(
            key="timeline",
            heading="Time",
            note="When each trial trained.",
            size="half",
            spec=outcome_charts.timeline(contents),
        )
        paid = "What was charged" if contents.engine == "sagemaker" else "What the cloud would have charged"
        yield Panel(
            key="spending",
            heading="Cost",
            note=f"{paid} by the time each trial ended"
            + ("." if contents.usd_per_s is not None else ", in seconds: no price is known for this instance."),
            size="half",
            spec=outcome_charts.spending(contents),
        )


def _held_out(contents: Contents, rows: dict[str, tables.Rows]) -> Iterator[Panel]:
    found = contents.held_out
    if isinstance(found, Confusion):
        rows["confusion"] = tables.confusion_rows(found)
        right = f"{found.right:,} of {found.rows:,} right ({found.right / max(1, found.rows):.1%})"
        yield Panel(
            key="confusion",
            heading="Confusion of the best model",
            note=f"{contents.held_out_note} {right}. Rows are the truth; the darker, the larger its share.",
            size="half",
            spec=outcome_charts.confusion(found),
        )
    elif isinstance(found, Residuals):
        rows["residuals"] = tables.residual_rows(found)
        yield Panel(
            key="residuals",
            heading="Residuals of the best model",
            note=f"{contents.held_out_note} Mean absolute error {found.mae:.4g}, RMSE {found.rmse:.4g}, mean error "
            f"{found.bias:+.3g} over {found.rows:,} rows"
            + ("." if len(found.points) == found.rows else f"; {len(found.points):,} of them are drawn."),
            size="half",
            spec=outcome_charts.residuals(),
        )
    elif contents.held_out_note:
        yield Panel(key="held-out", heading="Held-out rows", note=contents.held_out_note, size="half", spec=None)


def _scale(scaling: str) -> str:
    return {"Logarithmic": "log scale", "ReverseLogarithmic": "reverse log scale"}.get(scaling, "linear scale")
