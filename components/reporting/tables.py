"""The rows that the charts draw. Columns have names of our own: a hyperparameter's is a path to Vega, or anything."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.reporting.contents import Contents, Hyperparameter
from components.reporting.extent import objectives
from components.reporting.held_out import Confusion, Residuals
from components.reporting.importance import Importance
from components.tuning.result import CurvePoint, Trial

Rows = list[dict[str, Any]]

OUTCOMES = ("completed", "stopped", "failed", "running")
_MOST_CURVE_POINTS = 6000  # of all trials together: half a megabyte
_FEWEST_CURVE_POINTS = 6
_LONGEST_TEXT = 200
_UNITS = (("hours", 3600.0), ("minutes", 60.0))


def outcome(trial: Trial) -> str:
    """How a trial ended, in a word."""
    return {"Completed": "completed", "Stopped": "stopped", "Failed": "failed"}.get(trial.status, "running")


def column(place: int) -> str:
    """The column of a hyperparameter's values."""
    return f"p{place}"


def shown(hyperparameter: Hyperparameter, value: float | str | None) -> float | str | None:
    """A value as its axis takes it: Vega has no reverse logarithmic scale, but a log scale of what is left to 1."""
    if hyperparameter.scaling == "ReverseLogarithmic" and isinstance(value, float):
        return 1 - value
    return value


def trial_rows(contents: Contents) -> Rows:
    """A row a trial, with the best objective so far."""
    best, so_far, rows, extent = contents.best_trial, None, [], objectives(contents)
    for trial in contents.trials:
        better = max if contents.maximize else min
        value = _finite(trial.objective)
        if value is not None:
            so_far = value if so_far is None else better(so_far, value)
        row: dict[str, Any] = {
            "trial": trial.number,
            "job": trial.training_job,
            "outcome": outcome(trial),
            "objective": value,
            "drawn": extent.place(value),  # a brush over it picks it, wherever it belongs
            "so_far": so_far,
            "best": best is not None and trial.training_job == best.training_job,
            "seconds": trial.training_seconds,
        }
        if trial.failure:
            row["failure"] = " ".join(trial.failure.split())[:_LONGEST_TEXT]
        for place, each in enumerate(contents.hyperparameters):
            row[column(place)] = shown(each, each.value(trial))
        rows.append(row)
    return rows


def axis_rows(contents: Contents) -> tuple[Rows, Rows]:
    """Parallel coordinates: a row per trial and axis, at a height from 0 to 1; and a row per axis, with its ends."""
    extent = objectives(contents)
    low, high = extent.low, extent.high
    points: Rows = []
    # The best is drawn last, on top.
    for trial in sorted(
        contents.trials, key=lambda trial: _finite(trial.objective) or 0.0, reverse=not contents.maximize
    ):
        heights = [each.unit(trial) for each in contents.hyperparameters]
        value = _finite(trial.objective)
        if value is None or None in heights:
            continue  # a line with gaps would be read as another trial's
        heights.append(0.5 if low == high else (min(high, max(low, value)) - low) / (high - low))
        points += [{"trial": trial.number, "axis": place, "y": round(y or 0.0, 4)} for place, y in enumerate(heights)]
    ends = [
        {"axis": place, "name": each.name, "low": low_end, "high": high_end}
        for place, each in enumerate(contents.hyperparameters)
        for low_end, high_end in [_ends(each)]
    ]
    below, above = ("≤ ", "") if contents.maximize else ("", "≥ ")
    low_end, high_end = (f"{below if extent.beyond else ''}{low:.4g}", f"{above if extent.beyond else ''}{high:.4g}")
    ends.append({"axis": len(ends), "name": contents.metric, "low": low_end, "high": high_end})
    return points, ends


def _ends(each: Hyperparameter) -> tuple[str, str]:
    if each.kind == "categorical":
        return (each.values[0], each.values[-1]) if each.values else ("", "")
    return each.ends


def curve_rows(contents: Contents) -> Rows:
    """The objective's emissions, thinned where there are many; the last one of a trial is marked."""
    best = contents.best_trial
    found = [(trial, _points(contents.curves, trial, contents.metric)) for trial in contents.trials]
    curves = [(trial, points) for trial, points in found if len(points) > 1]
    curves.sort(key=lambda curve: curve[0] is best)  # drawn last, on top
    each = max(_FEWEST_CURVE_POINTS, _MOST_CURVE_POINTS // max(1, len(curves)))
    return [
        {
            "trial": trial.number,
            "outcome": outcome(trial),
            "step": point.step + 1,
            "value": point.value,
            "last": point is points[-1],
            "best": best is not None and trial.training_job == best.training_job,
        }
        for trial, points in curves
        for point in _thinned(points, each)
    ]


def _points(curves: Mapping[str, Sequence[CurvePoint]], trial: Trial, metric: str) -> list[CurvePoint]:
    found = curves.get(trial.training_job, ())
    return [point for point in found if point.metric == metric and math.isfinite(point.value)]


def _thinned(points: list[CurvePoint], most: int) -> list[CurvePoint]:
    if len(points) <= most:
        return points
    places = {round(place * (len(points) - 1) / (most - 1)) for place in range(most)}
    return [points[place] for place in sorted(places)]


def time_unit(contents: Contents) -> tuple[str, float]:
    """What a search's time is told in, and its seconds."""
    started = [trial for trial in contents.trials if trial.started is not None and trial.ended is not None]
    if not started:
        return "seconds", 1.0
    first, last = min(map(_start_s, started)), max(map(_end_s, started))
    return next(((unit, size) for unit, size in _UNITS if last - first >= 3 * size), ("seconds", 1.0))


def time_rows(contents: Contents) -> tuple[Rows, Rows]:
    """When each trial ran, from the first start; and what was charged by when, a row a moment."""
    ended = [trial for trial in contents.trials if trial.started is not None and trial.ended is not None]
    if not ended:
        return [], []
    first, (_, unit_s) = min(map(_start_s, ended)), time_unit(contents)
    times = [
        {
            "trial": trial.number,
            "outcome": outcome(trial),
            "from": round((_start_s(trial) - first) / unit_s, 4),
            "to": round((_end_s(trial) - first) / unit_s, 4),
        }
        for trial in ended
    ]
    charged, by_moment = 0.0, {0.0: 0.0}
    for trial in sorted(ended, key=_end_s):
        charged += (trial.billable_seconds if trial.billable_seconds is not None else trial.training_seconds) or 0
        by_moment[round((_end_s(trial) - first) / unit_s, 4)] = charged
    price = 1.0 if contents.usd_per_s is None else contents.usd_per_s
    return times, [{"at": moment, "charged": round(seconds * price, 6)} for moment, seconds in by_moment.items()]


def _start_s(trial: Trial) -> float:
    return 0.0 if trial.started is None else trial.started.timestamp()


def _end_s(trial: Trial) -> float:
    return 0.0 if trial.ended is None else trial.ended.timestamp()


def family_rows(contents: Contents) -> Rows:
    """This search beside its parents, trial by trial, with the best so far of each."""
    return [
        row for name, trials in _family(contents) for row in _family_member(name, trials, maximize=contents.maximize)
    ]


def _family(contents: Contents) -> Iterator[tuple[str, Sequence[Trial]]]:
    for parent in contents.parents:
        yield parent.name, parent.trials
    yield contents.tuning_job, contents.trials


def _family_member(name: str, trials: Sequence[Trial], *, maximize: bool) -> Iterator[dict[str, Any]]:
    so_far: float | None = None
    for number, trial in enumerate(trials, start=1):
        value = _finite(trial.objective)
        if value is not None:
            so_far = value if so_far is None else (max if maximize else min)(so_far, value)
        if so_far is not None:
            yield {"search": name, "number": number, "objective": value, "so_far": so_far}


def importance_rows(importance: Importance) -> Rows:
    """A row a hyperparameter, the most important first."""
    return [
        {
            "name": name,
            "share": round(share, 4),
            "low": round(max(0.0, share - importance.spreads[name]), 4),
            "high": round(min(1.0, share + importance.spreads[name]), 4),
        }
        for name, share in importance.shares.items()
    ]


def confusion_rows(confusion: Confusion) -> Rows:
    """A row a cell; `share` is of the true class."""
    return [
        {"truth": truth, "told": told, "rows": count, "share": round(count / max(1, sum(counts)), 4)}
        for truth, counts in zip(confusion.classes, confusion.counts, strict=True)
        for told, count in zip(confusion.classes, counts, strict=True)
    ]


def residual_rows(residuals: Residuals) -> Rows:
    """A row a point."""
    return [
        {"told": _short(told), "truth": _short(truth), "off": _short(truth - told)} for told, truth in residuals.points
    ]


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
