"""What to say of a name that is not there: the one that was probably meant, else those there are, a dozen of them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

_SHOWN = 12
_SIMILAR = 0.7  # below, short words are like anything: nope like notes


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, whatever its case; None when none is like it."""
    word, by_case = name.lower(), {each.lower(): each for each in known}
    found = [each for each in by_case if sorted(each) == sorted(word)]  # letters swapped: dya, day
    found = found or difflib.get_close_matches(word, list(by_case), n=1, cutoff=_SIMILAR)
    return by_case[found[0]] if found else None


def hint(name: str, known: Collection[str], *, quoted: bool = False) -> str:
    """`did you mean X?`, or `there are X, Y and 3 more` when none is like it; nothing where none is known."""
    meant = near(name, known)
    if meant is not None:
        return f"did you mean {meant!r}?" if quoted else f"did you mean {meant}?"
    return f"there are {listed(known)}" if known else ""


def listed(names: Iterable[str]) -> str:
    """Names in a row; how many more there are when they are too many to read."""
    every = list(names)
    shown = ", ".join(every[:_SHOWN])
    return shown if len(every) <= _SHOWN else f"{shown} and {len(every) - _SHOWN} more"
