"""What was spent: the ledger by model and month, against the month's cap."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from components.project_settings import read_project_settings
from components.settings import read_settings
from components.tuning.ledger import month_of, total_usd
from flows.engines import open_ledger
from flows.line import project_root
from flows.money import settle


def spend() -> dict[str, Any]:
    """The ledger as `retune spend --json` prints it, after jobs that have ended are settled.

    Keys: `month` (now, UTC), `cap_usd` (of the settings; null without one), `total_usd` (of this month), `models`
    (`{month, model, jobs, reserved_usd, spent_usd}`, the newest month first).
    """
    settings = read_settings()
    project = read_project_settings(project_root(Path.cwd() / "any.yaml"))
    ledger = open_ledger(settings, project)
    if any(entry.spent_usd is None for entry in ledger.entries()):
        settle(settings, ledger)
    entries, month = ledger.entries(), month_of(time.time())
    groups = sorted({(entry.month, entry.model) for entry in entries}, reverse=True)
    return {
        "month": month,
        "cap_usd": project.budget.max_cost_usd_per_month,
        "total_usd": round(total_usd(entries, month), 6),
        "models": [
            {
                "month": of_month,
                "model": model,
                "jobs": len(rows := [e for e in entries if (e.month, e.model) == (of_month, model)]),
                "reserved_usd": round(sum(row.reserved_usd for row in rows if row.spent_usd is None), 6),
                "spent_usd": round(sum(row.spent_usd or 0.0 for row in rows), 6),
            }
            for of_month, model in groups
        ],
    }
