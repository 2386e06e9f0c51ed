"""The report in a paragraph and a row of figures."""

from __future__ import annotations

from collections.abc import Sequence

from components.reporting.contents import Contents, plain
from components.reporting.style import title
from components.reporting.tables import outcome

_MINUTE_S = 60
_HOUR_S = 3600


def sentences(contents: Contents) -> list[str]:
    """What was decided, found, paid and promoted, a sentence each."""
    return [text for text in (_decision(contents), _best(contents), _cost(contents), _promotion(contents)) if text]


def figures(contents: Contents) -> list[tuple[str, str]]:
    """The numbers to see first: label and value."""
    best, result = contents.best_trial, contents.result or {}
    found = [
        (f"best {contents.metric}", "-" if best is None else number(best.objective)),
        ("trials", str(len(contents.trials))),
        ("trained", duration(sum(trial.training_seconds or 0 for trial in contents.trials))),
        ("in the cloud" if contents.engine == "local" else "cost", _usd(contents)),
    ]
    if result.get("test_score") is not None:
        found.insert(1, ("test score", number(result["test_score"])))
    if result.get("model_version") is not None:
        state = "champion" if result.get("promoted") else "challenger"
        found.append((state, f"version {result['model_version']}"))
    return found


def counts(contents: Contents) -> str:
    """How the trials ended: `38 completed, 12 stopped`."""
    ended = [outcome(trial) for trial in contents.trials]
    told = [f"{ended.count(name)} {name}" for name in ("completed", "stopped", "failed", "running") if name in ended]
    return ", ".join(told) or "none yet"


def number(value: float | None) -> str:
    """Five significant digits, or a dash."""
    return "-" if value is None else f"{value:.5g}"


def duration(seconds: float) -> str:
    """As people say it: `48 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _decision(contents: Contents) -> str:
    result = contents.result
    if result is None:
        return f"Search {contents.tuning_job} is {contents.status}; no model version rests on it yet."
    return f"It was decided to {result.get('mode')}: {result.get('reason')}."


def _best(contents: Contents) -> str:
    best = contents.best_trial
    direction = "maximised" if contents.maximize else "minimised"
    if best is None:
        return f"No trial has reported {contents.metric} ({direction}) yet: {counts(contents)}."
    values = ", ".join(f"{title(name)} {title(_short(text))}" for name, text in sorted(best.hyperparameters.items()))
    found = f"Trial {best.number} is the best: {contents.metric} {number(best.objective)} ({direction})"
    found += f", with {values}" if values else ""
    parents = f", warm-started from {_listed([parent.name for parent in contents.parents])}" if contents.parents else ""
    return f"{found}. {contents.strategy} search, {_trials(len(contents.trials))}: {counts(contents)}{parents}."


def _cost(contents: Contents) -> str:
    trained = duration(sum(trial.training_seconds or 0 for trial in contents.trials))
    spent = (contents.result or {}).get("spent", {})
    if contents.engine == "local":
        cloud = "the price of the instance is unknown" if contents.usd_per_s is None else f"about {_usd(contents)}"
        return f"It trained for {trained} on this machine; in the cloud: {cloud}."
    paid = spent.get("cost_usd")
    return f"It trained for {trained}" + ("." if paid is None else f" and cost {paid:.4f} USD.")


def _promotion(contents: Contents) -> str:
    result = contents.result
    if result is None or result.get("model_version") is None:
        return ""
    became = "became champion" if result.get("promoted") else "was not made champion"
    return f"Version {result['model_version']} {became}: {result.get('promotion_reason')}."


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def _usd(contents: Contents) -> str:
    if contents.usd_per_s is None:
        return "price unknown"
    charged = sum(_charged(trial.billable_seconds, trial.training_seconds) for trial in contents.trials)
    usd = charged * contents.usd_per_s
    return f"{usd:.2f} USD" if usd >= 1 else f"{usd:.4f} USD"


def _charged(billable: int | None, trained: int | None) -> int:
    return (billable if billable is not None else trained) or 0


def _short(text: str) -> str:
    text = plain(text)
    try:
        value = float(text)
    except ValueError:
        return text
    return f"{value:.4g}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
