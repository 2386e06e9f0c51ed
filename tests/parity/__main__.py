"""`python -m tests.parity` writes docs/reference/amt-parity.md; with `--check` it runs the tests the table names.

`--check`, which `make check` calls, fails when a row's test fails, is missing, skipped, or expected to fail. Anything
after it goes to pytest.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.parity import document, outcomes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "amt-parity.md"


def main(arguments: list[str]) -> int:
    """Write the page, or run its tests."""
    if arguments[:1] == ["--check"]:
        return outcomes.check(document.named_tests(), arguments[1:])
    PAGE.write_text(document.page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
