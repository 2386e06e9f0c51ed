"""What a command costs before it does anything, against an empty Python process.

Ratios, because a machine's seconds say little about another's. The libraries show what `retune` saves by importing
each only where it is used.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

EMPTY = "python -c pass"
RETUNE = str(Path(sys.executable).with_name("retune"))
COMMANDS = {
    EMPTY: [sys.executable, "-c", "pass"],
    "retune --help": [RETUNE, "--help"],
    **{
        f"import {name}": [sys.executable, "-c", f"import {name}"]
        for name in ("boto3", "pandas", "optuna", "xgboost", "mlflow", "prefect")
    },
}
REPEATS = 5


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure each command in turn, the first time thrown away, and print the medians."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for repeat in range(REPEATS + 1):
        for name, command in COMMANDS.items():
            once = seconds(command)
            if repeat:
                taken[name].append(once)
    medians = {name: sorted(times)[REPEATS // 2] for name, times in taken.items()}
    table = Table("command", "median s", f"times {EMPTY}", title=f"starting a command ({REPEATS} runs, warm)")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, median in medians.items():
        table.add_row(name, f"{median:.2f}", f"{median / medians[EMPTY]:.1f}")
    Console().print(table)
