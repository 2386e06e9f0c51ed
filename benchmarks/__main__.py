"""Run the benchmarks: `python -m benchmarks [NAME …]`, all without a name; 1 if a bar is missed."""

from __future__ import annotations

import importlib
import sys

from benchmarks.bars import Bar, print_bars

# In the order of the letters in README.md; what the commands cost comes first.
NAMES = (
    "command_start",
    "digits_search",
    "trivial_trials",
    "regret",
    "early_stopping",
    "warm_start",
    "warm_months",
    "mlflow_logging",
    "suggest",
    "promotion_odds",
    "whole_line",
    "flights_year",
    "predict_batch",
    "serving_load",
)


def main(names: list[str]) -> int:
    """Run the named benchmarks in order, each printing its table."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 64
    bars: list[Bar] = []
    for name in names or NAMES:
        bars += importlib.import_module(f"benchmarks.{name}").main() or []
    print_bars(bars)
    return 0 if all(bar.held for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
