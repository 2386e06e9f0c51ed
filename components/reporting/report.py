"""The report as one HTML file: no address in it, nothing is fetched, and nothing from outside runs.

Text from outside is escaped, data are packed JSON that no browser executes, and the page's own policy lets run what
this package brought, by its hash, and forbids every request. So a name that got through all the same would be dead
text. Packed, a page of 50 trials has 450 kB instead of 1.1 MB, nearly all of it the chart library.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from typing import Any

from components.reporting.contents import Contents, plain
from components.reporting.panels import Panel, panels_of
from components.reporting.summary import figures, number, sentences
from components.reporting.tables import outcome

_PAGE = files("components.reporting") / "page"


def render(contents: Contents) -> str:
    """The whole page."""
    panels, rows = panels_of(contents)
    packed = (_PAGE / "vega.js.gz").read_bytes()
    script = (_PAGE / "report.js").read_text(encoding="utf-8")
    drawn = {panel.key: panel.spec for panel in panels if panel.spec is not None}
    name = contents.model or contents.tuning_job
    attempts = f" (attempts: {', '.join(contents.attempts)})" if len(contents.attempts) > 1 else ""
    parts = {
        "policy": _policy(script, gzip.decompress(packed)),
        "title": escape(f"{name}: {contents.tuning_job}"),
        "style": (_PAGE / "report.css").read_text(encoding="utf-8"),
        "name": escape(name),
        "job": escape(f"{contents.tuning_job}{attempts} · engine {contents.engine} · {contents.made}".rstrip(" ·")),
        "summary": escape(" ".join(sentences(contents))),
        "figures": "".join(
            f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>" for label, value in figures(contents)
        ),
        "panels": "\n".join(_card(panel) for panel in panels),
        "trials": _trials(contents),
        "data": _text(gzip.compress(_json({"charts": drawn, "tables": rows}), 9, mtime=0)),
        "vega": _text(packed),
        "script": script,
    }
    page = (_PAGE / "report.html").read_text(encoding="utf-8")
    # One pass: what a part holds is not looked at for places.
    return "".join(parts[piece] if place % 2 else piece for place, piece in enumerate(page.split("@@")))


def _policy(script: str, library: bytes) -> str:
    allowed = " ".join(_hash(text) for text in (script.encode(), library))
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"


def _hash(text: bytes) -> str:
    return f"'sha256-{_text(hashlib.sha256(text).digest())}'"


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _card(panel: Panel) -> str:
    chart = f'<div class="chart" data-chart="{escape(panel.key)}"></div>' if panel.spec is not None else ""
    if panel.least_width:
        chart = f'<div class="scroll"><div style="min-width: {panel.least_width}px">{chart}</div></div>'
    return (
        f'<section class="card {panel.size}"><h2>{escape(panel.heading)}</h2>'
        f"<p>{escape(panel.note)}</p>{chart}</section>"
    )


def _trials(contents: Contents) -> str:
    """All trials as a table, for those who read, search or copy."""
    names = [each.name for each in contents.hyperparameters]
    head = ["trial", "outcome", contents.metric, *names, "seconds", "failure"]
    best = contents.best_trial
    body = []
    for trial in contents.trials:
        cells = [
            str(trial.number),
            outcome(trial),
            number(trial.objective),
            *(plain(trial.hyperparameters.get(name, "-"))[:24] for name in names),
            "-" if trial.training_seconds is None else str(trial.training_seconds),
            " ".join((trial.failure or "").split())[:300],
        ]
        mark = ' class="best"' if best is not None and trial.training_job == best.training_job else ""
        body.append(f'<tr{mark} title="{escape(trial.training_job)}">{_cells("td", cells)}</tr>')
    return f"<thead><tr>{_cells('th', head)}</tr></thead><tbody>{''.join(body)}</tbody>"


def _cells(kind: str, texts: Iterable[str]) -> str:
    return "".join(f"<{kind}>{escape(text)}</{kind}>" for text in texts)
