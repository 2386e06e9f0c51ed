"""The report's page: one file, small, complete, and the same for the same contents."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from components.reporting.panels import panels_of
from components.reporting.report import render
from tests.unit.reporting.report_cases import HARM, contents, hostile
from tests.unit.reporting.vega_bundle import PLACE, bundle


def embedded(page: str) -> dict[str, Any]:
    """The charts and tables that a page carries."""
    packed = re.search(r'<script id="data" type="application/gzip">([^<]*)<', page)
    assert packed is not None
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return found


def test_the_chart_library_is_what_the_locked_tool_makes() -> None:
    """The packed JavaScript is what the locked vl-convert gives for Altair's Vega-Lite, byte for byte."""
    assert (
        hashlib.sha256(gzip.decompress(PLACE.read_bytes())).hexdigest() == hashlib.sha256(bundle().encode()).hexdigest()
    )


def test_a_page_is_one_small_file() -> None:
    """A report of twelve trials stays below half a megabyte and names no address to fetch anything from."""
    page = render(contents())

    assert len(page.encode()) < 500_000
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!data:)[a-z]+:", page) == []


def test_only_what_the_package_brought_may_run() -> None:
    """The page's policy allows its own script and the chart library by hash: no handler, other script or connection."""
    page = render(contents())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    script = re.search(r"<script>(.*)</script>\n</body>", page, re.DOTALL)
    assert policy is not None
    assert script is not None
    allowed = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"
        for text in (script[1].encode(), gzip.decompress(PLACE.read_bytes()))
    ]

    assert policy[1] == (
        f"default-src 'none'; script-src {' '.join(allowed)}; style-src 'unsafe-inline'; img-src data: blob:"
    )


def test_text_from_outside_is_escaped() -> None:
    """No name or text from outside reaches the page as markup, and none is taken for a place of the page's template."""
    page = render(hostile())
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)

    assert "<img" not in outside
    assert "<svg" not in outside
    assert len(re.findall("<script", page)) == 3
    assert "@@script@@" in page
    assert HARM[5] in page


def test_no_name_from_outside_becomes_part_of_a_chart_s_code() -> None:
    """Vega's expressions and column names are the same whatever hyperparameters, metrics and categories are called."""

    def code(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [str(node[key]) for key in ("field", "test", "filter", "expr", "labelExpr") if key in node]
            return own + [each for value in node.values() for each in code(value)]
        return [each for value in node for each in code(value)] if isinstance(node, list) else []

    written = [text for spec in embedded(render(hostile()))["charts"].values() for text in code(spec)]

    assert written
    assert [text for text in written if "harmed" in text or "alert" in text or "constructor" in text] == []


def test_every_chart_finds_its_table() -> None:
    """Each chart draws tables that are in the page, and each column it names is in a row of them."""
    found = embedded(render(contents()))

    for key, spec in found["charts"].items():
        names = re.findall(r'"data": \{"name": "(\w+)"\}', json.dumps(spec))
        assert names, key
        assert set(names) <= found["tables"].keys(), key
        columns = {column for name in names for row in found["tables"][name] for column in row}
        wanted = set(re.findall(r'"field": "(\w+)"', json.dumps(spec))) - {"objective", "best"}
        assert wanted <= columns, key


@pytest.mark.parametrize(
    ("changes", "there", "gone"),
    [
        ({"parents": ()}, {"confusion"}, {"family"}),
        ({"held_out": None, "held_out_note": "No rows were held out."}, {"family", "held-out"}, {"confusion"}),
        ({"trials": (), "curves": {}}, {"curves"}, {"timeline", "parallel"}),
    ],
    ids=["cold", "no rows", "no trials yet"],
)
def test_a_search_shows_what_it_has(changes: dict[str, Any], there: set[str], gone: set[str]) -> None:
    """What a search has nothing for is left out, or says why; a search without a single trial has a page too."""
    panels, _ = panels_of(replace(contents(), **changes))
    keys = {panel.key for panel in panels}

    assert there <= keys
    assert not gone & keys
    assert all(panel.spec is not None or panel.note for panel in panels)
    assert render(replace(contents(), **changes)).startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("count", "wanted"), [(1, "W"), (2, "HH"), (4, "HHHH"), (5, "SSSHH"), (6, "S" * 6), (7, "SSSHHHH")]
)
def test_cards_leave_no_hole_in_a_row(count: int, wanted: str) -> None:
    """However many hyperparameters there are, their cards fill each row; words alone never stand beside a chart."""
    ranges = {
        "ContinuousParameterRanges": [{"Name": f"x{place}", "MinValue": "0", "MaxValue": "1"} for place in range(count)]
    }
    panels, _ = panels_of(contents(ranges=ranges))
    sizes = "".join(panel.size[0].upper() for panel in panels if panel.key.startswith("hyperparameter"))

    assert sizes == wanted
    assert all(panel.size == "wide" for panel in panels if panel.spec is None)
