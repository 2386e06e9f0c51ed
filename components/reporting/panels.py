"""Which charts a search has something for, each with a heading and a sentence that says how to read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from components.reporting import charts, outcome_charts, tables
from components.reporting.contents import Contents
from components.reporting.extent import family_objectives, objectives
from components.reporting.held_out import Confusion, Residuals
from components.reporting.importance import importance_of
from components.reporting.style import Spec

_MANY = 40  # cards of hyperparameters: beyond it nobody looks at them
_IN_A_ROW = 3  # small cards; the last rows have two where three would leave a hole
_FOLDED = 2  # axes that make a line
_AXIS_WIDTH = 76  # pixels that an axis needs for its names to be read


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A card of the page.

    Attributes:
        key: Of its place in the page.
        heading: What it shows; may be somebody's text.
        note: How to read it.
        size: `wide`, `half` or `small`.
        spec: The chart; None where there is nothing to draw, and the note says why.
        least_width: Pixels below which the chart is scrolled sideways; 0 for none.
    """

    key: str
    heading: str
    note: str
    size: str
    spec: Spec | None
    least_width: int = 0


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
    size = {1: "wide", 2: "half"}.get(sum(panel.spec is not None for panel in found), "small")
    # What has words alone is a line below: beside a chart it would be an empty card.
    row = [replace(panel, size="wide" if panel.spec is None else size) for panel in found]
    row.sort(key=lambda panel: panel.spec is None)
    return [*_search(contents, rows), *row, *_hyperparameters(contents), *_training(contents, rows)], rows


def _search(contents: Contents, rows: dict[str, tables.Rows]) -> Iterator[Panel]:
    better = "higher" if contents.maximize else "lower"
    yield Panel(
        key="objective",
        heading="Objective over trials",
        note=f"Each point is a trial, the line the best so far; {better} is better. Drag over points to pick trials "
        f"in every chart; double-click to let go.{objectives(contents).note()}",
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
            least_width=_AXIS_WIDTH * (len(contents.hyperparameters) + 1),
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
            )
            + family_objectives(contents).note(),
            size="half",
            spec=charts.family(contents),
        )


def _hyperparameters(contents: Contents) -> Iterator[Panel]:
    shown = contents.hyperparameters[:_MANY]
    in_pairs = len(shown) - {0: 0, 1: 4, 2: 2}[len(shown) % _IN_A_ROW]
    for place, each in enumerate(shown):
        domain = ", ".join(each.values) if each.kind == "categorical" else " to ".join(each.ends)
        yield Panel(
            key=f"hyperparameter-{place}",
            heading=each.name,
            note=f"{each.kind}, {domain}" + ("" if each.kind == "categorical" else f", {_scale(each.scaling)}"),
            size="wide" if len(shown) == 1 else "half" if place >= in_pairs else "small",
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
        spec=outcome_charts.curves(contents, rows["curves"]) if drawn else None,
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
