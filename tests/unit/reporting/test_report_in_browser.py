"""The report as a reader opens it: a file from disk, in a real browser, with the network off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from components.reporting.report import render
from components.reporting.style import GREY, RED
from tests.browser import Page, opened
from tests.unit.reporting.report_cases import contents, hostile, trials

DRAWN = "document.body.dataset.drawn"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_text(render(contents()), encoding="utf-8")
    return file


def places(page: Page, chart: str) -> list[float]:
    """Left, top, right and bottom of a chart's plot."""
    box = f"document.querySelector('[data-chart={chart}] .background').getBoundingClientRect()"
    found: list[float] = page.ask(f"(b => [b.left, b.top, b.right, b.bottom])({box})")
    return found


def faint(page: Page, chart: str) -> int:
    """Points that step back behind the picked ones."""
    points: int = page.ask(
        f"[...document.querySelectorAll('[data-chart={chart}] .mark-symbol path')]"
        ".filter(e => Number(e.getAttribute('opacity') ?? 1) < 0.2).length"
    )
    return points


@pytest.mark.parametrize("width", [1300, 390])
def test_every_chart_is_drawn_offline(width: int, report: Path, tmp_path: Path) -> None:
    """Offline every chart is drawn, nothing is fetched or complained about, and nothing is wider than the page."""
    with opened(report, profile=tmp_path / "profile", width=width) as page:
        drawn = int(page.wait_for(DRAWN))
        empty = page.ask(
            "[...document.querySelectorAll('[data-chart]')]"
            ".filter(e => !e.querySelector('svg.marks [role=graphics-symbol], svg.marks path, svg.marks rect'))"
            ".map(e => e.dataset.chart)"
        )
        wide = page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        charts = page.ask("document.querySelectorAll('[data-chart]').length")

    assert (drawn, empty, wide) == (charts, [], 0)
    assert charts == 12
    assert (page.requests, page.complaints) == ([], [])


def test_what_is_brushed_in_one_chart_is_picked_in_all(report: Path, tmp_path: Path) -> None:
    """Dragging over half of a chart picks its trials, and others step back elsewhere; a double click lets go."""
    with opened(report, profile=tmp_path / "profile") as page:
        page.wait_for(DRAWN)
        before = faint(page, "hyperparameter-1")
        left, top, right, bottom = places(page, "objective")
        page.drag((left + 2, top + 2), ((left + right) / 2, bottom - 2))
        told = page.wait_for(
            "!document.getElementById('picked').hidden && document.getElementById('picked').textContent"
        )
        page.wait_for("!!document.querySelector('[data-chart=hyperparameter-1] .mark-symbol path[opacity=\"0.08\"]')")
        after = faint(page, "hyperparameter-1")

        page.double_click(((left + right) / 4, (top + bottom) / 2))
        page.wait_for("document.getElementById('picked').hidden")
        page.wait_for("!document.querySelector('[data-chart=hyperparameter-1] .mark-symbol path[opacity=\"0.08\"]')")

    # Trials 1 to 6 are in the left half; the sixth failed and has no point.
    assert told.startswith("5 of 12 trials picked")
    assert (before, after) == (0, 6)
    assert page.complaints == []


def test_names_that_mean_harm_are_only_shown(tmp_path: Path) -> None:
    """Names and texts that try to break out of the page, a script or an expression are shown, and none of them runs."""
    file = tmp_path / "report.html"
    file.write_text(render(hostile()), encoding="utf-8")

    with opened(file, profile=tmp_path / "profile") as page:
        drawn = int(page.wait_for(DRAWN))
        charts = page.ask("document.querySelectorAll('[data-chart]').length")
        harmed = page.ask("document.body.dataset.harmed ?? null")
        made = page.ask("document.querySelectorAll('img, body > svg, main script, header script').length")
        title = page.ask("document.querySelector('h1').textContent")

    assert (drawn, harmed, made) == (charts, None, 0)
    assert title == "<img src=x onerror=\"document.body.dataset.harmed='image'\">"
    assert (page.requests, page.complaints) == ([], [])


def test_paper_takes_whole_charts(report: Path, tmp_path: Path) -> None:
    """On paper, which is narrower than the window that drew the charts, no chart is cut off, nor a colour left out."""
    with opened(report, profile=tmp_path / "profile") as page:
        page.wait_for(DRAWN)
        page.call("Emulation.setEmulatedMedia", media="print")
        # Printing sets the page's width and tells no script: so does this.
        cut = page.ask(
            "(document.body.style.width = '700px', [...document.querySelectorAll('.card')]"
            ".filter(card => [...card.querySelectorAll('svg.marks')].some(drawn =>"
            " drawn.getBoundingClientRect().right > card.getBoundingClientRect().right))"
            ".map(card => card.querySelector('h2').textContent))"
        )
        colours = page.ask("getComputedStyle(document.body).printColorAdjust")

    assert (cut, colours) == ([], "exact")


def test_the_edges_of_a_search_are_drawn_as_they_are(tmp_path: Path) -> None:
    """The one trial there is has its value on the axis, a running one is not drawn as failed, the best line is bold."""
    first, second = trials(2)
    running = replace(second, objective=None, status="InProgress")
    file = tmp_path / "report.html"
    given = contents(trials=(first, running), curves={}, parents=())
    file.write_text(render(given), encoding="utf-8")

    with opened(file, profile=tmp_path / "profile") as page:
        page.wait_for(DRAWN)
        labels = page.ask(
            "[...document.querySelectorAll('[data-chart=objective] .role-axis-label text')].map(e => e.textContent)"
        )
        colours = page.ask(
            "[...document.querySelectorAll('[data-chart=objective] .mark-symbol path[fill]')]"
            ".map(e => e.getAttribute('fill'))"
        )
        widths = page.ask(
            "[...document.querySelectorAll('[data-chart=parallel] .mark-line path')]"
            ".map(e => e.getAttribute('stroke-width'))"
        )

    assert "0.54" in labels
    assert GREY in colours
    assert RED not in colours
    assert widths == ["3"]


def test_what_is_drawn_at_the_edge_can_be_picked(tmp_path: Path) -> None:
    """A brush over the edge of a cut axis picks the trial that is drawn there, not one whose value would lie there."""
    made = tuple(replace(each, objective=1e8) if each.number == 3 else each for each in trials(20))
    file = tmp_path / "report.html"
    file.write_text(render(contents(trials=made, maximize=False, curves={}, parents=())), encoding="utf-8")

    with opened(file, profile=tmp_path / "profile") as page:
        page.wait_for(DRAWN)
        left, top, right, bottom = places(page, "objective")
        page.drag((left + 2, top + 2), (right - 2, top + 0.07 * (bottom - top)))
        told = page.wait_for(
            "!document.getElementById('picked').hidden && document.getElementById('picked').textContent"
        )

    assert told.startswith("1 of 20 trials picked")
