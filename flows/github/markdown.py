"""A run as Markdown, for a job's summary and a pull request's comment: pure, and safe with what others have named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flows.standing import verdict

_TRIALS = 10
_LONGEST = 300
_LONGEST_GRAPH = 20_000
# Anything that Markdown, HTML, a mention or an issue's number could begin with.
_LIVE = re.compile(r"[\\`*_{}\[\]()<>#+!|~@$&:]|(?<=[wW])\.")


def plain(value: Any) -> str:
    """Text that stays text: one line, cut at 300 characters, nothing of it a link, a mention or markup."""
    text = " ".join(str(value).split())
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _LIVE.sub(lambda found: f"&#{ord(found[0])};", shown)


def heading(model: str) -> str:
    """Of all that is said of a model."""
    return f"## {plain(model)}"


def plan_section(plan: Mapping[str, Any]) -> str:
    """What a run would do, and what it may cost."""
    rows = [("plan", f"{plan['mode']}; {plan['reason']}"), ("job", plan.get("tuning_job") or plan.get("training_job"))]
    cost = plan.get("cost")
    if cost:
        expected = "" if cost["expected_usd"] is None else f"about {cost['expected_usd']:.2f} USD, "
        cap = "no cap" if cost["cap_usd"] is None else f"cap {cost['cap_usd']:.2f} USD"
        rows.append(("cost", f"{expected}at the worst {cost['worst_case_usd']:.2f} USD ({cap})"))
    return _facts([*rows, *_parents(plan.get("warm_start") or {})])


def result_section(result: Mapping[str, Any], report: str = "") -> str:
    """What a run came to.

    Args:
        result: As `retune run --json` prints it.
        report: Address of its report; empty for none.
    """
    trials, spent, best, refit = result["trials"], result["spent"], result["best"], result.get("refit_of")
    rows = [
        ("mode", f"{result['mode']}; {result['reason']}"),
        ("champion", f"version {result['champion']}" if result["champion"] else "none"),
        ("this version", f"version {result['model_version']}" if result["model_version"] else "none"),
        ("promoted", verdict(result)),
        ("test score", _number(result["test_score"])),
        ("best", f"{best['training_job']} at {_number(best['objective'])}" if best else "none"),
        ("trials", f"{trials['completed']} completed, {trials['stopped']} stopped, {trials['failed']} failed"),
        ("cost", f"{_usd(spent['cost_usd'])} for {spent['billable_seconds']} billable s"),
        *_parents(result["warm_start"]),
    ]
    if refit:
        rows.append(("hyperparameters", f"of version {refit['version']}, found by {refit['tuning_job']}"))
    links = [
        f"[{name}]({url})"
        for name, url in (("MLflow", (result.get("mlflow") or {}).get("url")), ("report", report))
        if url and re.fullmatch(r"https?://[^\s()<>\[\]]+", url)
    ]
    return "\n\n".join([_facts(rows), *([" · ".join(links)] if links else [])])


def trials_section(trials: Sequence[Mapping[str, Any]], objective_type: str) -> str:
    """The best trials as a table; empty without any.

    Args:
        trials: As `retune trials --json` prints them.
        objective_type: `Maximize` or `Minimize`.
    """
    known = [trial for trial in trials if trial["objective"] is not None]
    known.sort(key=lambda trial: trial["objective"], reverse=objective_type.lower() == "maximize")
    if not known:
        return ""
    names = sorted({name for trial in known[:_TRIALS] for name in trial["hyperparameters"]})
    rows = [
        (
            trial["training_job"],
            _number(trial["objective"]),
            *(trial["hyperparameters"].get(name, "") for name in names),
        )
        for trial in known[:_TRIALS]
    ]
    more = f"\n\n{len(known) - _TRIALS} more with an objective." if len(known) > _TRIALS else ""
    return _table(("trial", "objective", *names), rows) + more


def lineage_section(graph: str) -> str:
    """A Mermaid graph, folded; empty when it is none that a fence can hold."""
    if not graph.startswith("graph ") or "```" in graph or len(graph) > _LONGEST_GRAPH:
        return ""
    return f"<details><summary>Lineage</summary>\n\n```mermaid\n{graph}\n```\n\n</details>"


def failure_section(code: int, said: str) -> str:
    """A run that ended with an exit code and its last words."""
    return f"**ended with exit code {code}**\n\n{plain(said or 'without a word')}"


def _parents(warm_start: Mapping[str, Any]) -> list[tuple[str, Any]]:
    parents = warm_start.get("parents") or ()
    return [("warm start", f"{warm_start['type']} from {', '.join(parents)}")] if parents else []


def _facts(rows: Sequence[tuple[str, Any]]) -> str:
    return _table(("", ""), [(name, "-" if value is None else value) for name, value in rows])


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *([plain(cell) for cell in row] for row in rows)]
    lines[0] = [plain(cell) for cell in head]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _usd(value: float | None) -> str:
    return "price unknown" if value is None else f"{value:.4f} USD"
