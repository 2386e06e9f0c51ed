"""examples/three_methods as a reader runs it: one table of five searches."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[2]
ROW = re.compile(r"│ (\w[\w ]*?) +│ +(\d+) │ +([\d.]+) │ +(\d+) │ +([\d.e-]+) │ +([\d.]+) │")


def test_three_methods_stand_side_by_side(tmp_path: Path) -> None:
    """All five searches stand in one table with as many trials each, and AMT's grid finds what GridSearchCV finds."""
    command = [sys.executable, str(REPO / "examples" / "three_methods" / "run.py"), "--trials", "4"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=240, check=False)
    assert told.returncode == 0, told.stderr
    rows = {method: found for method, *found in ROW.findall(told.stdout)}
    assert list(rows) == ["AMT Grid", "AMT Random", "AMT Bayesian", "GridSearchCV", "RandomizedSearchCV"], told.stdout
    assert {trials for trials, *_ in rows.values()} == {"4"}
    assert all(0.5 < float(accuracy) <= 1 for _, accuracy, *_ in rows.values())
    assert rows["AMT Grid"][:4] == rows["GridSearchCV"][:4]
