"""`retune lineage`: where a model's versions come from, from their tags in MLflow alone."""

from __future__ import annotations

import json
from textwrap import shorten
from typing import Any

from components import naming
from components.registry.model_version import ModelVersion, Promotion
from components.settings import read_settings
from components.tuning.trials_saved import sentence
from flows.versions import registry_of_model

_CHARACTERS = 140  # of a promotion's reason in the tree; the JSON has all of it
_MARKS = {"champion": "[bold green]champion[/bold green]", "challenger": "[yellow]challenger[/yellow]"}


def lineage_of(model: str) -> dict[str, Any]:
    """A model's lineage, the newest version first, as `retune lineage --json` prints it.

    Keys: `model`, `champion`, `challenger`, `versions`: `{version, aliases, created, mode, reason, snapshot, source,
    engine, tuning_job, training_job, refit_of, warm_start, trials, spent, test_score, test_metric, promoted,
    promotion_reason, changes}`; `changes` are those that made it champion: `{kind, at, by, reason, previous}`.

    Raises:
        NotFound: There is no such model.
    """
    registry = registry_of_model(model, read_settings())
    versions, history = registry.versions(), registry.history()
    holders = {"champion": registry.champion(), "challenger": registry.challenger()}
    numbers = {alias: None if version is None else version.version for alias, version in holders.items()}
    return {
        "model": model,
        **{alias: None if number is None else str(number) for alias, number in numbers.items()},
        "versions": [
            _row(version, [alias for alias, number in numbers.items() if number == version.version], history)
            for version in sorted(versions, key=lambda each: -each.version)
        ],
    }


def _row(version: ModelVersion, aliases: list[str], history: tuple[Promotion, ...]) -> dict[str, Any]:
    result = version.result
    contest = result.get("promotion") or {}
    promoted = version.tags.get(naming.TAG_PROMOTED)
    return {
        "version": str(version.version),
        "aliases": aliases,
        "created": version.created.isoformat(timespec="seconds"),
        "mode": version.tags.get(naming.TAG_MODE),
        "reason": version.tags.get(naming.TAG_REASON),
        "snapshot": version.tags.get(naming.TAG_SNAPSHOT),
        "source": _source(version),
        "engine": version.tags.get(naming.TAG_ENGINE),
        "tuning_job": version.tags.get(naming.TAG_TUNING_JOB),
        "training_job": version.training_job,
        "refit_of": result.get("refit_of"),
        "warm_start": result.get("warm_start", {"type": None, "parents": [], "rejected": []}),
        "trials": result.get("trials"),
        "spent": result.get("spent"),
        "test_score": result.get("test_score"),
        "test_metric": contest.get("metric") if contest.get("part") == "test" else None,
        "promoted": None if promoted is None else promoted == "yes",
        "promotion_reason": version.tags.get(naming.TAG_PROMOTION_REASON),
        "changes": [
            {
                "kind": change.kind,
                "at": change.at,
                "by": change.by,
                "reason": change.reason,
                "previous": None if change.previous is None else str(change.previous),
            }
            for change in history
            if change.version == version.version
        ],
    }


def _source(version: ModelVersion) -> str | None:
    """Where its data were, as the spec of its run names them; None where that is not on record."""
    try:
        data = json.loads(version.tags.get(naming.TAG_SPEC, "{}")).get("data") or {}
    except ValueError:
        return None
    channels = data.get("channels") or {}
    if channels:
        return ", ".join(f"{name} {channel['uri']}" for name, channel in sorted(channels.items()))
    return data.get("source")


def as_mermaid(document: dict[str, Any]) -> str:
    """The same as a Mermaid graph: versions, their searches, and the parents of these."""
    lines = ["graph TD"]
    for row in reversed(document["versions"]):
        mark = " champion" if row["version"] == document["champion"] else ""
        name = row["tuning_job"] or row["training_job"] or f"version-{row['version']}"
        job, data = _node(name), _node(row["snapshot"] or "unknown")
        lines += [
            f'    v{row["version"]}["version {row["version"]}{mark}"]',
            f'    {job}["{name}"] --> v{row["version"]}',
            f'    {data}[("data {(row["snapshot"] or "unknown")[:12]}")] --> {job}',
        ]
        lines += [
            f"    {_node(parent)} -. {row['warm_start']['type']} .-> {job}" for parent in row["warm_start"]["parents"]
        ]
        if row["refit_of"] is not None:
            lines.append(f"    v{row['refit_of']['version']} -. hyperparameters .-> {job}")
    return "\n".join(dict.fromkeys(lines))


def as_tree(document: dict[str, Any]) -> str:
    """The same as a tree for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    tree = Tree(f"[bold]{escape(document['model'])}[/bold]")
    for row in document["versions"]:
        mark = f" {_MARKS[row['aliases'][0]]}" if row["aliases"] else ""  # a champion was challenger before
        node = tree.add(f"version {row['version']}{mark} · {row['created'][:19]} · {escape(str(row['mode']))}")
        node.add(escape(f"why   {row['reason']}"))
        source = "" if row["source"] is None else f" of {row['source']}"
        node.add(escape(f"data  {(row['snapshot'] or '-')[:12]}{source}"))
        if row["test_score"] is not None:
            node.add(escape(f"test  {row['test_metric'] or 'score'} {row['test_score']:.6g}"))
        if row["promoted"] is not None:
            told = f"promoted {'yes' if row['promoted'] else 'no'}; {row['promotion_reason']}"
            node.add(escape(shorten(told, _CHARACTERS, placeholder=" ...")))
        job = row["tuning_job"] or row["training_job"]
        search = node.add(escape(f"job   {job} on {row['engine']}{_trials(row)}{_spent(row)}"))
        if row["refit_of"] is None:
            search.add(escape(f"model of {row['training_job']}"))
        else:
            refit = row["refit_of"]
            search.add(escape(f"hyperparameters of version {refit['version']}, found by {refit['tuning_job']}"))
        beyond = {each["tuning_job"]: f"; {each['reason']}" for each in row["warm_start"].get("beyond_amt", ())}
        for parent in row["warm_start"]["parents"]:
            search.add(escape(f"parent {parent} ({row['warm_start']['type']}){beyond.get(parent, '')}"))
        if row["warm_start"].get("trials_saved"):
            search.add(escape(sentence(row["warm_start"]["trials_saved"])))
        for each in row["warm_start"]["rejected"]:
            search.add(escape(f"no parent {each['tuning_job']}: {each['reason']}"))
        for change in row["changes"]:
            why = "" if change["reason"] == row["promotion_reason"] else f": {change['reason']}"
            node.add(escape(f"{change['kind']} {change['at'][:19]} by {change['by']}{why}"))
    console = Console(width=160, highlight=False)
    with console.capture() as captured:
        console.print(tree)
    return captured.get().rstrip("\n")


def _trials(row: dict[str, Any]) -> str:
    count = None if row["trials"] is None else sum(row["trials"].values())
    return "" if count is None else f", {count} trial{'' if count == 1 else 's'}"


def _spent(row: dict[str, Any]) -> str:
    return "" if row["spent"] is None else f", {row['spent']['cost_usd']:.4f} USD"


def _node(name: str) -> str:
    return "n_" + "".join(character if character.isalnum() else "_" for character in name)
