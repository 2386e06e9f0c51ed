"""Reference pages against the code they describe."""

from __future__ import annotations

import re

from components import errors, naming
from tests.command import REPO


def test_every_error_is_in_the_table_of_exit_codes() -> None:
    """Name, code and whether trying again helps are those of the tree."""
    rows = (REPO / "docs/reference/exit-codes.md").read_text()
    told = {
        name: (int(code), again == "yes")
        for code, names, again in re.findall(r"^\| (\d+) \| (`[^|]*`) \| (\w+) \|", rows, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    tree = {
        each.__name__: (each.exit_code, each.retryable)
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.RetuneError) and not each.__name__.startswith("_")
    }
    del tree["RetuneError"]
    assert told == tree


def test_every_tag_is_in_the_table_of_tags() -> None:
    """What is written somewhere is explained, and nothing else is."""
    told = set(re.findall(r"`(retune\.[a-z_]+)`", (REPO / "docs/reference/tags.md").read_text())) - {"retune.toml"}
    assert told == {value for name, value in vars(naming).items() if name.startswith("TAG_")}
