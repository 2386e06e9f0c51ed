"""Metrics from a container's output, as AMT reads them from CloudWatch (amt.md 3.7).

Each definition's regex is searched for in each line, in two forms: as CloudWatch shows it (a TAB is `#011`) and as
written. The value is the first group, as float32; what is no number is ignored. Patterns come from outside, so one
that does not end is cut off by a timer: `re` looks for signals while it matches.
"""

from __future__ import annotations

import collections
import functools
import json
import math
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.amt.records import float32

LONGEST_MATCH_S = 2.0
_ESCAPED_TAB = "#011"


class TooSlow(Exception):
    """A pattern needed too long on one line."""


class Extractor:
    """Finds metric values in lines of output.

    Args:
        definitions: `{"Name", "Regex"}` as in the request. A pattern Python cannot compile matches nothing.
    """

    def __init__(self, definitions: Sequence[Mapping[str, str]]) -> None:
        self._patterns: list[tuple[str, str, str]] = []
        self.broken: list[str] = []
        for definition in definitions:
            needed = _needed_text(definition["Regex"])
            try:
                if not needed:
                    re.compile(definition["Regex"])
            except (re.error, RecursionError, OverflowError) as error:
                self.broken.append(f"metric {definition['Name']!r}: the regex is not valid: {error}")
                continue
            self._patterns.append((definition["Name"], definition["Regex"], needed))

    def values(self, line: str) -> Iterator[tuple[str, float]]:
        """Metric name and float32 value for each definition that matches a line (without its line end)."""
        escaped = line.replace("\t", _ESCAPED_TAB)
        for name, regex, needed in self._patterns:
            if needed and needed not in escaped:
                continue
            pattern = _compiled(regex)
            match = pattern.search(escaped) or (pattern.search(line) if escaped != line else None)
            if match is None:
                continue
            try:
                value = float(match.group(1) if pattern.groups else match.group())
            except (TypeError, ValueError):
                continue
            yield name, float32(value)


# Compiled when first needed: a built-in algorithm brings 33 patterns (5 ms), and a training emits a few of them.
_compiled = functools.lru_cache(maxsize=64)(re.compile)

# The built-in algorithms' regexes all hold `#011<part>-<metric>:`; 67 of them on every line would cost milliseconds.
_BUILT_IN = re.compile(r"\.\*\\\[\[0-9\]\+\\\]\.\*(#011[a-z0-9_\-]+:)\(.*")


def _needed_text(regex: str) -> str:
    """Text a line must hold for a built-in algorithm's regex to match; empty when that is not known."""
    found = _BUILT_IN.fullmatch(regex)
    return found.group(1) if found else ""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after `seconds`; main thread only.

    Raises:
        TooSlow: From inside, when the time is over.
    """

    def interrupt(_number: int, _frame: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)


class MetricFile:
    """The record of what a training job emitted: one JSON line per value, numbered from 1.

    `step` counts a metric's own emissions from 0.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._steps: dict[str, int] = {}
        self.last: dict[str, dict[str, Any]] = {}
        self.count = 0

    def add(self, values: Sequence[tuple[str, float]], timestamp_s: float) -> None:
        """Append values."""
        lines = []
        for metric, value in values:
            self.count += 1
            step = self._steps.get(metric, 0)
            self._steps[metric] = step + 1
            entry = {"metric": metric, "step": step, "value": value, "timestamp_s": timestamp_s, "seq": self.count}
            self.last[metric] = entry
            lines.append(json.dumps(entry) + "\n")
        content = "".join(lines).encode()
        while content:
            content = content[os.write(self._descriptor, content) :]

    def close(self) -> None:
        """Make it durable."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)


def read_curve(path: Path, after: int = 0) -> list[dict[str, Any]]:
    """The values a training job emitted so far, in order.

    Args:
        path: A file written by `MetricFile`; it may not exist yet.
        after: Leave out values with a `seq` up to this one.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    entries = []
    for line in content.split(b"\n")[:-1]:
        entry = json.loads(line)
        if entry["seq"] > after:
            entries.append(entry)
    return entries


def read_curves(paths: Sequence[Path], after: int = 0) -> list[dict[str, Any]]:
    """The values of several attempts as one curve, numbered on.

    Args:
        paths: Files written by `MetricFile`, the earliest attempt first.
        after: Leave out values with a `seq` up to this one.
    """
    if len(paths) == 1:
        return read_curve(paths[0], after)
    steps: collections.Counter[str] = collections.Counter()
    entries: list[dict[str, Any]] = []
    for path in paths:
        for entry in read_curve(path):
            entries.append({**entry, "step": steps[entry["metric"]], "seq": len(entries) + 1})
            steps[entry["metric"]] += 1
    return entries[after:]


def usable(value: float) -> bool:
    """Whether a value can be an objective: NaN and the infinities cannot (design: NaN is a failed objective)."""
    return math.isfinite(value)
