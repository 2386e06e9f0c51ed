"""`python -m flows.github select | submit | collect | tell`: one step of the workflow."""

from __future__ import annotations

import sys
from pathlib import Path

from components.errors import RetuneError
from components.settings import read_settings
from flows.github import steps

_STEPS = {"select": steps.select, "submit": steps.submit, "collect": steps.collect, "tell": steps.tell}
_USAGE = 64


def main(arguments: list[str]) -> int:
    """Run a step; its exit code."""
    if len(arguments) != 1 or arguments[0] not in _STEPS:
        sys.stderr.write(f"one step is needed, of {', '.join(_STEPS)}\n")
        return _USAGE
    try:
        settings = read_settings()
        step = steps.Step(environment=settings.environment, root=Path.cwd(), folder=settings.home / "github")
        return _STEPS[arguments[0]](step)
    except RetuneError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
