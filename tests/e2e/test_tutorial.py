"""The tutorial, word for word, on a table that somebody brings along."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.command import REPO, Retune

TUTORIAL = (REPO / "docs/tutorial.md").read_text()
# Where the tutorial says that each of its blocks goes.
FILES = (
    "flows/specs/churn.yaml",
    "flows/specs/scripts/churn/train.py",
    "flows/specs/scripts/churn/inference.py",
    "flows/specs/churn-script.yaml",
)


def people(rows: int) -> pd.DataFrame:
    """Customers with numbers, fractions that no 32-bit float holds exactly, words and gaps, some of whom leave."""
    draw = np.random.default_rng(3)
    age = draw.integers(18, 80, rows)
    plan = draw.choice(["basic", "family", "pro"], rows)
    rate = 0.001 * draw.integers(600, 900, rows)
    score = 0.05 * (age - 45) + (plan == "basic") - 4 * (rate - 0.75) + draw.normal(0, 0.7, rows)
    calls = np.where(draw.random(rows) < 0.1, np.nan, draw.integers(0, 9, rows))
    told = np.where(score > 0.5, "yes", "no")
    return pd.DataFrame({"age": age, "plan": plan, "rate": rate, "calls": calls, "churned": told})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tutorial_leads_from_a_table_to_answers(retune: Retune, tmp_path: Path) -> None:
    """Every file and every command of it, as they stand there: a champion by XGBoost, and one by a script."""
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "retune.toml").touch()
    people(2000).to_csv(project / "data/churn.csv", index=False)
    blocks = re.findall(r"^   ```(?:yaml|python)\n(.*?)^   ```", TUTORIAL, re.MULTILINE | re.DOTALL)
    for name, block in zip(FILES, blocks, strict=True):
        assert f"`{name}`" in TUTORIAL or f"`{Path(name).name}`" in TUTORIAL
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(re.sub("^   ", "", block, flags=re.MULTILINE))
    here = replace(retune, cwd=project)

    commands = re.findall(r"\.venv/bin/retune ([a-z][^`\n]*)", TUTORIAL)
    assert [command.split()[0] for command in commands] == ["plan", "run", "predict", "jobs", "report", "up", "run"]
    for command in commands:
        job = "" if "JOB" not in command else here.ok("jobs")["jobs"][0]["name"]
        finished = here(*command.replace("JOB", job).split())
        assert finished.code == 0, finished.err
    assert len(pd.read_csv(project / "answers.csv")) == 2000
    for model in ("churn", "churn-script"):
        assert here.ok("lineage", model)["champion"] == "1"
