"""(k) The model server under load over three swaps and a rollback: failed requests, and p99 over the quiet p99.

A bank-marketing champion and three further versions of the same files behind the real server; wrk (Debian's package of
that name) on 4 connections posts one row at a time: 30 s undisturbed, then 60 s with a promotion and a deploy at 10, 22
and 34 s and a rollback at 46 s. Both runs are on the same server, one after the other.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from components import naming
from components.deployment import loopback
from components.deployment.services import Services
from components.deployment.targets.local_server import LocalServer
from components.registry.mlflow_registry import Registry

ROOT = Path(__file__).parent.parent
RETUNE = str(Path(sys.executable).with_name("retune"))
MODEL = "bank-marketing"
CONNECTIONS = 4
QUIET_S, LOADED_S = 30, 60
CHANGES_AT_S = (10, 22, 34, 46)
MOST_TIMES = 3.0
_LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = %s
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What wrk saw.

    Attributes:
        requests: Answered.
        failed: Not 2xx, cut off, refused or timed out.
        p50_ms: Median latency.
        p99_ms: 99th percentile.
    """

    requests: int
    failed: int
    p50_ms: float
    p99_ms: float


def main() -> list[Bar]:
    """Serve, load quietly, load over the changes."""
    if shutil.which("wrk") is None:
        print("k: wrk is not on PATH (Debian: apt-get install wrk): not measured")
        return [Bar.upper("k: p99 over three swaps and a rollback, over the quiet p99", float("nan"), MOST_TIMES)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environment = _environment(home)
        command = (RETUNE, "run", f"flows/specs/{MODEL}.yaml", "--max-jobs", "2", "--no-deploy")
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        subprocess.run((RETUNE, "down"), cwd=ROOT, env=environment, check=True, capture_output=True)
        registry = Registry(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", model=MODEL)
        target = LocalServer(
            services=Services(folder=home / "services", environment=environment), tracking_uri=registry.tracking_uri
        )
        try:
            quiet, loaded, swaps = measure(registry, target, Path(folder))
        finally:
            target.services.stop_all()
    table = Table("", "requests", "failed", "p50 ms", "p99 ms", title=f"the model server, {CONNECTIONS} connections")
    for name, load in ((f"quiet, {QUIET_S} s", quiet), (f"{swaps} changes of version, {LOADED_S} s", loaded)):
        table.add_row(name, f"{load.requests:,}", str(load.failed), f"{load.p50_ms:.1f}", f"{load.p99_ms:.1f}")
    Console().print(table)
    return [
        Bar.upper("k: failed requests over three swaps and a rollback", loaded.failed + quiet.failed, 0),
        Bar.lower("k: changes of version that the server made meanwhile", swaps, len(CHANGES_AT_S)),
        Bar.upper(
            "k: p99 over three swaps and a rollback, over the quiet p99", loaded.p99_ms / quiet.p99_ms, MOST_TIMES
        ),
    ]


def measure(registry: Registry, target: LocalServer, folder: Path) -> tuple[Load, Load, int]:
    """The quiet load, the other, and the swaps in between."""
    first = registry.champion()
    assert first is not None
    client = registry._client  # noqa: SLF001  versions of the same files: nothing but the swap is measured
    source = client.get_model_version_download_uri(MODEL, str(first.version))
    others = [int(client.create_model_version(MODEL, source=source).version) for _ in range(3)]
    script = folder / "post.lua"
    script.write_text(_LUA % _lua_text(one_row(registry)))
    url = target.deploy(MODEL, str(first.version)).url
    load(url, script, 3)  # the first requests import what the model needs
    quiet = load(url, script, QUIET_S)

    def promote(version: int) -> None:
        registry.promote(version, by="bench", reason="load", now=datetime.now(UTC))
        target.deploy(MODEL, str(version))

    def roll_back() -> None:
        target.deploy(MODEL, str(registry.rollback(by="bench", reason="load", now=datetime.now(UTC)).version))

    changes = [*[lambda version=version: promote(version) for version in others], roll_back]
    loaded = load(url, script, LOADED_S, changes)
    assert target.find(MODEL) is not None
    return quiet, loaded, swaps_of(target)


def load(url: str, script: Path, seconds: int, changes: Sequence[Callable[[], None]] = ()) -> Load:
    """wrk for so long, with the changes at their times."""
    command = (
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "10s",
        "--latency",
        "-s",
        str(script),
        url,
    )
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as wrk:
        for at_s, change in zip(CHANGES_AT_S, changes, strict=False):
            time.sleep(max(0.0, began + at_s - time.monotonic()))
            change()
        text, _ = wrk.communicate()
    assert wrk.returncode == 0, text
    return read(text)


def read(text: str) -> Load:
    """wrk's own words."""
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    answered = re.search(r"(\d+) requests in", text)
    assert answered is not None, text
    faults = [*(errors.groups() if errors else ()), *(wrong.groups() if wrong else ())]
    return Load(
        requests=int(answered[1]),
        failed=sum(map(int, faults)),
        p50_ms=_milliseconds(text, "50%"),
        p99_ms=_milliseconds(text, "99%"),
    )


def swaps_of(target: LocalServer) -> int:
    """What the server itself has counted."""
    service = target.services.find(naming.model_service(MODEL))
    assert service is not None
    _, metrics = loopback.exchange("GET", f"{service.url}/metrics", timeout_s=30)
    return int(re.findall(r"^retune_swaps_total (\d+)$", metrics.decode(), re.MULTILINE)[0])


def one_row(registry: Registry) -> str:
    """A request with the first row of the model's own example."""
    champion = registry.champion()
    assert champion is not None
    with tempfile.TemporaryDirectory() as scratch:
        frame = registry.load(champion, Path(scratch)).input_example.head(1)
    return json.dumps({"dataframe_records": json.loads(frame.to_json(orient="records"))})


def _milliseconds(text: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([0-9.]+)(us|ms|s)\b", text)
    assert found is not None, text
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def _lua_text(text: str) -> str:
    return "[==[" + text + "]==]"


def _environment(home: Path) -> dict[str, str]:
    outside = ("PREFECT_", "MLFLOW_", "AWS_", "RETUNE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    return kept | {"RETUNE_HOME": str(home)}


if __name__ == "__main__":
    main()
