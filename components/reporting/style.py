"""What all charts have in common: colours, the page's type, and how a picked trial stands out."""

from __future__ import annotations

from typing import Any

import altair as alt

from components.reporting.tables import OUTCOMES

# Okabe and Ito's colours, which the colour-blind tell apart; shapes say the same again.
BLUE, ORANGE, RED, GREEN, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#8a94a0"
BEST = "#A3217A"
_COLOURS = (BLUE, ORANGE, RED, GREY)
_SHAPES = ("circle", "triangle-down", "cross", "square")
_LONGEST_TITLE = 48

# The page writes the picked trials' numbers into it; a lone 0 is all of them.
PICKED = "picked[0] === 0 || indexof(picked, datum.trial) >= 0"

Spec = dict[str, Any]


def title(text: str) -> str:
    """A name from outside as an axis, a tooltip or a sentence shows it.

    Vega-Lite writes a tooltip's titles into an expression and escapes quotes, but no backslashes.
    """
    flat = " ".join(text.split()).replace("\\", "/").replace('"', "'")
    return flat if len(flat) <= _LONGEST_TITLE else f"{flat[: _LONGEST_TITLE - 1]}…"


def chart(table: str) -> alt.Chart:
    """A chart of one of the page's tables."""
    return alt.Chart(alt.NamedData(name=table))


def brush() -> Any:
    """What a reader drags over the points: the page tells the other charts."""
    return alt.selection_interval(name="brush", encodings=["x", "y"])


def outcome_colour() -> alt.Color:
    """How a trial ended, by colour."""
    return alt.Color("outcome", type="nominal", scale=_outcome_scale(), legend=None)


def outcome_stroke() -> alt.Stroke:
    """The same, of an outline."""
    return alt.Stroke("outcome", type="nominal", scale=_outcome_scale(), legend=None)


def _outcome_scale() -> alt.Scale:
    return alt.Scale(domain=list(OUTCOMES), range=list(_COLOURS))


def outcome_shape() -> alt.Shape:
    """The same by shape."""
    scale = alt.Scale(domain=list(OUTCOMES), range=list(_SHAPES))
    return alt.Shape("outcome", type="nominal", scale=scale, legend=None)


def spec(drawn: Any, height: Any) -> Spec:
    """As the page takes it: as wide as its place, in the page's type."""
    placed = drawn.add_params(alt.param(name="picked", value=[0])).properties(
        width="container", height=height, background="transparent"
    )
    made: Spec = placed.configure(
        font="system-ui, -apple-system, 'Segoe UI', sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            gridColor="#e8ecf0",
            domainColor="#c6cdd5",
            tickColor="#c6cdd5",
            labelColor="#5b6673",
            titleColor="#1f2933",
            titleFontWeight=600,
            labelSeparation=6,
        ),
    ).to_dict(validate=False)
    return made
