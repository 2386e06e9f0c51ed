"""The charts, in Altair. Each is a specification without data: the page hands every chart the same tables by name.

Nothing from outside becomes part of an expression or of a column's name: names of hyperparameters, metrics and classes
are values in a table, or titles.
"""

from __future__ import annotations

import altair as alt

from components.reporting.contents import Contents, Hyperparameter
from components.reporting.extent import Extent, family_objectives, objectives
from components.reporting.style import (
    BEST,
    BLUE,
    GREEN,
    PICKED,
    Spec,
    brush,
    chart,
    outcome_colour,
    outcome_shape,
    spec,
    title,
)
from components.reporting.tables import column

_FAMILY = ("#b3a1d6", "#8fbfa8", "#d9b48f", "#a7b8cc", "#d6a1b8")
_FEW_INTEGERS = 12
_FEW_CATEGORIES = 4
_MANY_LINES = 100
_EDGE = 8  # pixels


def objective(contents: Contents) -> Spec:
    """The objective over trials, with the best so far."""
    base = chart("trials")
    x = alt.X(
        "trial",
        type="quantitative",
        title="trial",
        axis=alt.Axis(tickMinStep=1, format="d"),
        scale=alt.Scale(zero=False, nice=False, padding=14),
    )
    y = _objective_y(contents)
    line = base.mark_line(interpolate="step-after", color=GREEN, strokeWidth=2).encode(
        x=x, y=alt.Y("so_far", type="quantitative", scale=_scale(objectives(contents)))
    )
    without = (
        base.transform_filter("datum.objective === null")
        .mark_point(filled=True, size=60)
        .encode(x=x, y=alt.value("height"), color=outcome_colour(), shape=outcome_shape(), tooltip=_tooltips(contents))
    )
    return spec(alt.layer(line, _trials(contents).encode(x=x, y=y), without, _star().encode(x=x, y=y)), 280)


def hyperparameter(contents: Contents, place: int) -> Spec:
    """The objective over one hyperparameter, on the scale it was searched on."""
    each = contents.hyperparameters[place]
    x, y = _own_axis(each, place), _objective_y(contents)
    return spec(alt.layer(_trials(contents).encode(x=x, y=y), _star().encode(x=x, y=y)), 200)


def parallel(contents: Contents) -> Spec:
    """All hyperparameters at once: a line a trial, the better the darker."""
    last = len(contents.hyperparameters)
    x = alt.X("axis", type="quantitative", axis=None, scale=alt.Scale(domain=[-0.35, last + 0.35], nice=False))
    height = alt.Scale(domain=[-0.1, 1.12], nice=False)
    y = alt.Y("y", type="quantitative", axis=None, scale=height)
    bottom, top = alt.YDatum(0, axis=None, scale=height), alt.YDatum(1, axis=None, scale=height)
    lines = (
        chart("lines")
        .transform_lookup(
            lookup="trial",
            from_=alt.LookupData(data=alt.NamedData(name="trials"), key="trial", fields=["objective", "best"]),
        )
        .mark_line()  # a width here would win over the best trial's own
        .encode(
            x=x,
            y=y,
            detail="trial:N",
            color=alt.condition(
                "datum.best",
                alt.value(BEST),
                alt.Color(
                    "objective",
                    type="quantitative",
                    title=title(contents.metric),
                    scale=alt.Scale(
                        scheme="blues",
                        reverse=not contents.maximize,
                        domain=objectives(contents).domain,
                        clamp=True,
                    ),
                    legend=None,
                ),
            ),
            strokeWidth=alt.condition("datum.best", alt.value(3), alt.value(1.6)),
            opacity=alt.when(f"datum.best && ({PICKED})")
            .then(alt.value(1))
            .when(PICKED)
            .then(alt.value(0.9 if len(contents.trials) <= _MANY_LINES else 0.5))
            .otherwise(alt.value(0.04)),
            tooltip=[alt.Tooltip("trial:Q"), alt.Tooltip("objective:Q", format=".6~g")],
        )
    )
    handles = lines.mark_point(size=12, opacity=0).encode(strokeWidth=alt.value(0)).add_params(brush())
    axes = chart("axes").mark_rule(color="#c6cdd5").encode(x=x, y=bottom, y2=alt.datum(1))
    room = alt.ExprRef(expr=f"width / {last + 1.2} - 6")
    names = chart("axes").mark_text(fontWeight=600, color="#1f2933", limit=room, dy=-24)
    high = chart("axes").mark_text(color="#5b6673", limit=room, dy=-9)
    low = chart("axes").mark_text(color="#5b6673", limit=room, dy=11)
    return spec(
        alt.layer(
            axes,
            lines,
            handles,
            names.encode(x=x, y=top, text="name:N"),
            high.encode(x=x, y=top, text="high:N"),
            low.encode(x=x, y=bottom, text="low:N"),
        ),
        320,
    )


def importance(count: int) -> Spec:
    """A bar a hyperparameter, with the spread of the estimate."""
    y = alt.Y("name", type="nominal", title=None, sort=None, axis=alt.Axis(labelLimit=140))
    bars = (
        chart("importance")
        .mark_bar(color=BLUE, height={"band": 0.6})
        .encode(
            x=alt.X("share", type="quantitative", title="share of the importance", axis=alt.Axis(format="%")),
            y=y,
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("share:Q", format=".1%")],
        )
    )
    spread = chart("importance").mark_rule(color="#1f2933").encode(x="low:Q", x2="high:Q", y=y)
    return spec(alt.layer(bars, spread), 40 + 30 * count)


def family(contents: Contents) -> Spec:
    """This search beside its parents: the best so far of each, by trials."""
    names = [*(parent.name for parent in contents.parents), contents.tuning_job]
    colours = [_FAMILY[place % len(_FAMILY)] for place in range(len(contents.parents))] + [BLUE]
    colour = alt.Color(
        "search",
        type="nominal",
        title=None,
        sort=None,
        scale=alt.Scale(domain=names, range=colours),
        legend=alt.Legend(orient="bottom", columns=1, labelLimit=280, symbolOpacity=1),
    )
    scale = _scale(family_objectives(contents))
    y = alt.Y("objective", type="quantitative", title=title(contents.metric), scale=scale)
    base = chart("family")
    x = alt.X("number", type="quantitative", title="trials of the search", axis=alt.Axis(tickMinStep=1, format="d"))
    points = base.mark_point(filled=True, size=26, opacity=0.45).encode(x=x, y=y, color=colour)
    line = base.mark_line(interpolate="step-after", strokeWidth=2.4).encode(x=x, y="so_far:Q", color=colour)
    return spec(alt.layer(points, line), 280)


def _objective_y(contents: Contents) -> alt.Y:
    return alt.Y("drawn", type="quantitative", title=title(contents.metric), scale=_scale(objectives(contents)))


def _scale(extent: Extent) -> alt.Scale:
    # A niced axis would have the edge anywhere. One that is cut reaches a little further, for a brush to begin there.
    padding = _EDGE if extent.beyond else 0
    return alt.Scale(domain=extent.domain, zero=False, nice=not extent.beyond, clamp=True, padding=padding)


def _own_axis(each: Hyperparameter, place: int) -> alt.X:
    name = title(each.name)
    if each.kind == "categorical":
        # In order by the scale: a sort by values would make them part of an expression.
        scale = alt.Scale(domain=list(each.values))
        axis = alt.Axis(labelLimit=100, labelAngle=0 if len(each.values) <= _FEW_CATEGORIES else -40)
        return alt.X(column(place), type="nominal", title=name, sort=None, scale=scale, axis=axis)
    low, high = each.low, each.high
    if each.scaling == "ReverseLogarithmic":
        # The axis counts down to what is left to 1, and is labelled with the value itself.
        scale = alt.Scale(type="log", domain=[1 - low, 1 - high], nice=False)
        axis = alt.Axis(labelExpr="format(1 - datum.value, '.6~g')", labelOverlap="greedy")
        return alt.X(column(place), type="quantitative", title=f"{name} (reverse log)", scale=scale, axis=axis)
    if each.scaling == "Logarithmic":
        scale = alt.Scale(type="log", domain=[low, high], nice=False)
        axis = alt.Axis(format=".6~g", tickCount=6, labelOverlap="greedy")
        return alt.X(column(place), type="quantitative", title=f"{name} (log)", scale=scale, axis=axis)
    scale = alt.Scale(domain=[low, high], nice=False, zero=False, padding=8)
    few = each.kind == "integer" and high - low <= _FEW_INTEGERS
    axis = alt.Axis(tickMinStep=1, format="d") if few else alt.Axis(format=".4~g", tickCount=5, labelOverlap=True)
    return alt.X(column(place), type="quantitative", title=name, scale=scale, axis=axis)


def _trials(contents: Contents) -> alt.Chart:
    made: alt.Chart = (
        chart("trials")
        .transform_filter("datum.objective !== null")
        .mark_point(filled=True, size=55, stroke="white", strokeWidth=0.5)
        .encode(
            color=outcome_colour(),
            shape=outcome_shape(),
            opacity=alt.when(PICKED).then(alt.value(0.85)).otherwise(alt.value(0.08)),
            tooltip=_tooltips(contents),
        )
        .add_params(brush())
    )
    return made


def _star() -> alt.Chart:
    made: alt.Chart = (
        chart("trials")
        .transform_filter("datum.best")
        .mark_point(shape="circle", size=190, color=BEST, strokeWidth=2, filled=False)
    )
    return made


def _tooltips(contents: Contents) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("trial:Q"),
        alt.Tooltip("outcome:N"),
        alt.Tooltip("objective", type="quantitative", title=title(contents.metric), format=".6~g"),
        *(
            alt.Tooltip(column(place), type="nominal", title=title(each.name))
            for place, each in enumerate(contents.hyperparameters)
            if each.scaling != "ReverseLogarithmic"
        ),
        alt.Tooltip("seconds:Q", title="training seconds"),
        alt.Tooltip("failure:N"),
    ]
