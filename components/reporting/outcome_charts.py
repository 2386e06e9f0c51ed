"""The charts of training and its outcome: learning curves, time, cost, and the best model on held-out rows."""

from __future__ import annotations

from dataclasses import replace

import altair as alt

from components.reporting.contents import Contents
from components.reporting.extent import extent_of
from components.reporting.held_out import Confusion
from components.reporting.style import (
    BEST,
    BLUE,
    PICKED,
    RED,
    Spec,
    chart,
    outcome_colour,
    outcome_shape,
    outcome_stroke,
    spec,
    title,
)
from components.reporting.tables import Rows, time_unit

_STRAIGHT_LABELS = 4  # characters that fit under a cell
_SHARES = ["#f6f9fc", "#9ecae1", "#3182bd", "#08519c"]  # nothing is nearly white: a stray row is seen among many cells


def curves(contents: Contents, rows: Rows) -> Spec:
    """The objective while it was trained; where a trial was stopped, a mark."""
    x = alt.X("step", type="quantitative", title="emission of the metric", axis=alt.Axis(tickMinStep=1))
    y = alt.Y("value", type="quantitative", title=title(contents.metric), scale=_curves_scale(contents, rows))
    base = chart("curves")
    lines = base.mark_line().encode(
        x=x,
        y=y,
        detail="trial:N",
        color=alt.condition("datum.best", alt.value(BEST), outcome_colour()),
        strokeWidth=alt.condition("datum.best", alt.value(2.6), alt.value(1.2)),
        opacity=alt.when(PICKED).then(alt.value(0.7)).otherwise(alt.value(0.05)),
        tooltip=[alt.Tooltip("trial:Q"), alt.Tooltip("outcome:N")],
    )
    ends = (
        base.transform_filter("datum.last && datum.outcome !== 'completed'")
        .mark_point(filled=True, size=55)
        .encode(
            x=x,
            y=y,
            color=outcome_colour(),
            shape=outcome_shape(),
            opacity=alt.when(PICKED).then(alt.value(1)).otherwise(alt.value(0.08)),
            tooltip=[alt.Tooltip("trial:Q"), alt.Tooltip("outcome:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q")],
        )
    )
    return spec(alt.layer(lines, ends), 280)


def _curves_scale(contents: Contents, rows: Rows) -> alt.Scale:
    """All of the curves of ordinary trials, from where they began; one that diverged goes along the edge."""
    ends = {row["trial"]: row["value"] for row in rows if row["last"]}
    ordinary = extent_of(ends.values(), maximize=contents.maximize)
    values = [row["value"] for row in rows if ordinary.holds(ends[row["trial"]])]
    drawn = replace(ordinary, low=min(values), high=max(values)) if values else ordinary
    return alt.Scale(domain=drawn.domain, zero=False, nice=True, clamp=True)


def timeline(contents: Contents) -> Spec:
    """When each trial ran."""
    bars = (
        chart("times")
        .mark_bar(strokeWidth=1.5)  # a trial that took no whole second is seen all the same
        .encode(
            stroke=outcome_stroke(),
            x=_time_x("from", contents),
            x2="to:Q",
            y=alt.Y("trial", type="ordinal", title="trial", axis=alt.Axis(labelOverlap=True, ticks=False)),
            color=outcome_colour(),
            opacity=alt.when(PICKED).then(alt.value(1)).otherwise(alt.value(0.15)),
            tooltip=[alt.Tooltip("trial:Q"), alt.Tooltip("outcome:N"), alt.Tooltip("from:Q"), alt.Tooltip("to:Q")],
        )
    )
    return spec(bars, 260)


def spending(contents: Contents) -> Spec:
    """What was charged by when."""
    named = "seconds charged" if contents.usd_per_s is None else "USD, at the cloud's price"
    y = alt.Y("charged", type="quantitative", title=named, stack=None)
    area = chart("spending").mark_area(interpolate="step-after", color=BLUE, opacity=0.18, line={"color": BLUE})
    tooltips = [alt.Tooltip("at:Q"), alt.Tooltip("charged:Q", format=".4~g")]
    return spec(area.encode(x=_time_x("at", contents), y=y, tooltip=tooltips), 260)


def _time_x(field: str, contents: Contents) -> alt.X:
    axis = alt.Axis(tickCount=6, labelOverlap=True)
    return alt.X(field, type="quantitative", title=f"{time_unit(contents)[0]} from the first start", axis=axis)


def confusion(found: Confusion) -> Spec:
    """Which class was taken for which; a row's colours add up to one."""
    base = chart("confusion")
    axis = alt.Axis(labelLimit=90, labelAngle=0 if max(map(len, found.classes)) <= _STRAIGHT_LABELS else -40)
    x = alt.X("told", type="nominal", title="predicted", sort=None, axis=axis)
    y = alt.Y("truth", type="nominal", title="true", sort=None, axis=alt.Axis(labelLimit=110))
    cells = base.mark_rect().encode(
        x=x,
        y=y,
        color=alt.Color("share", type="quantitative", legend=None, scale=alt.Scale(range=_SHARES, domain=[0, 1])),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("truth", "told")]
        + [alt.Tooltip("rows:Q"), alt.Tooltip("share:Q", format=".1%")],
    )
    numbers = base.mark_text(fontSize=11).encode(
        x=x,
        y=y,
        text="rows:Q",
        color=alt.condition("datum.share > 0.55", alt.value("white"), alt.value("#1f2933")),
        opacity=alt.condition("datum.rows === 0", alt.value(0.3), alt.value(1)),
    )
    return spec(alt.layer(cells, numbers), max(260, 26 * len(found.classes)))


def residuals() -> Spec:
    """True less predicted over predicted; the line is no error."""
    x = alt.X("told", type="quantitative", title="predicted", scale=alt.Scale(zero=False))
    y = alt.Y("off", type="quantitative", title="true less predicted")
    points = chart("residuals").mark_point(filled=True, size=18, opacity=0.35, color=BLUE)
    tooltips = [alt.Tooltip(f"{name}:Q", format=".6~g") for name in ("told", "truth")]
    zero = alt.Chart(alt.NamedData(name="residuals")).mark_rule(color=RED).encode(y=alt.datum(0))
    return spec(alt.layer(points.encode(x=x, y=y, tooltip=tooltips), zero), 280)
