"""(h) The line's own time: wall clock minus the search, on a fresh home and again, over one fresh Prefect server start.

`retune run flows/specs/digits.yaml` in a home of its own: snapshot, services, MLflow, registration, and everything that
has to be started for it. The search, from Create to Completed, is taken off: what is left is what retune itself costs.
The second run tunes again in the same home.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from components.deployment.ports import listen

ROOT = Path(__file__).parent.parent
RETUNE = str(Path(sys.executable).with_name("retune"))
RUN = (RETUNE, "run", "flows/specs/digits.yaml", "--max-jobs", "20", "--json")
FIRST, SECOND = 2.0, 0.7
START_TIMEOUT_S = 180.0


def main() -> list[Bar]:
    """Measure a fresh server start, a first run and a second run."""
    with tempfile.TemporaryDirectory() as folder:
        server_s = prefect_server_start_s(Path(folder) / "prefect")
        home = Path(folder) / "home"
        try:
            first_s = line_s(home)
            second_s = line_s(home, "--mode", "tune")
        finally:
            subprocess.run((RETUNE, "down"), env=_environment(home), capture_output=True, check=False)
    table = Table("", "s", "of a server start", title="the line without its search")
    for name, value in (("prefect server start", server_s), ("first run", first_s), ("second run", second_s)):
        table.add_row(name, f"{value:.1f}", f"{value / server_s:.2f}")
    Console().print(table)
    return [
        Bar.upper("h: first run without its search, over a fresh Prefect server start", first_s / server_s, FIRST),
        Bar.upper("h: second run without its search, over a fresh Prefect server start", second_s / server_s, SECOND),
    ]


def line_s(home: Path, *more: str) -> float:
    """Seconds of one run without those from Create to Completed."""
    began = time.perf_counter()
    done = subprocess.run((*RUN, *more), cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=True)
    wall_s = time.perf_counter() - began
    job = json.loads(done.stdout)["tuning_job"]
    listed = subprocess.run(
        (RETUNE, "jobs", "--json"), cwd=ROOT, env=_environment(home), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = next(row for row in json.loads(listed.stdout)["jobs"] if row["name"] == job)
    search = datetime.fromisoformat(found["ended"]) - datetime.fromisoformat(found["started"])
    return wall_s - search.total_seconds()


def prefect_server_start_s(home: Path) -> float:
    """Seconds until a Prefect server with a fresh home answers."""
    with listen(0) as probe:
        port = probe.getsockname()[1]
    environment = _environment(home) | {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    began = time.perf_counter()
    server = subprocess.Popen(
        (sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while time.perf_counter() - began < START_TIMEOUT_S:
            try:
                httpx.get(f"http://127.0.0.1:{port}/api/health").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return time.perf_counter() - began
        return float("nan")
    finally:
        server.terminate()
        server.wait()


def _environment(home: Path) -> dict[str, str]:
    outside = ("PREFECT_", "MLFLOW_", "AWS_", "RETUNE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    return kept | {"RETUNE_HOME": str(home)}


if __name__ == "__main__":
    main()
