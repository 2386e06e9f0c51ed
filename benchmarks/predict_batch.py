"""(j) `retune predict` on ten million rows: peak memory of the whole process tree, and rows a second.

The bank-marketing rows again and again, numbers shaken so that columns are not made of a few distinct values, with a
row number that is passed through; once as Parquet and once as CSV.gz. The files are made in a stream and deleted.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "data/bank-marketing/bank-additional-full.csv.gz"
RETUNE = str(Path(sys.executable).with_name("retune"))
ROWS = int(os.environ.get("PREDICT_ROWS", "10000000"))
MOST_MB = 1000.0
LOOK_EVERY_S = 0.1
_SHAKEN = ("age", "euribor3m", "cons.price.idx", "cons.conf.idx", "nr.employed")


def main() -> list[Bar]:
    """Train a model, then predict both files."""
    table = Table("input", "MB", "rows/s", "peak MB", "output MB", title=f"retune predict, {ROWS:,} rows")
    bars = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        try:
            run(place, "run", "flows/specs/bank-marketing.yaml", "--max-jobs", "2", "--no-deploy")
        finally:
            run(place, "down")
        for name in ("rows.parquet", "rows.csv.gz"):
            write(place / name)
            output = place / "answers.parquet"
            done, peak_mb = run(
                place,
                *("predict", "bank-marketing", "--input", str(place / name), "--output", str(output)),
                *("--keep", "row", "--json"),
            )
            assert done["rows"] == ROWS == pq.ParquetFile(output).metadata.num_rows
            check_order(output)
            size, answers = ((path.stat().st_size / 1e6) for path in (place / name, output))
            table.add_row(name, f"{size:,.0f}", f"{done['rows_per_s']:,.0f}", f"{peak_mb:,.0f}", f"{answers:,.0f}")
            bars.append(Bar.upper(f"j: peak MB of predict on {ROWS:,} rows of {name}", peak_mb, MOST_MB))
            (place / name).unlink()
    Console().print(table)
    return bars


def run(place: Path, *arguments: str) -> tuple[dict[str, Any], float]:
    """A command's document, and the most memory it and its children held at once, MB."""
    outside = ("PREFECT_", "MLFLOW_", "AWS_", "RETUNE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
    command = subprocess.Popen(
        (RETUNE, *arguments, *(() if "--json" in arguments else ("--json",))),
        cwd=ROOT,
        env=kept | {"RETUNE_HOME": str(place / "home")},
        stdout=subprocess.PIPE,
        text=True,
    )
    peak, ended = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        process = psutil.Process(command.pid)
        while not ended.wait(LOOK_EVERY_S):
            try:
                family = (process, *process.children(recursive=True))
                peak = max(peak, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, _ = command.communicate()
    ended.set()
    watcher.join()
    assert command.returncode == 0, arguments
    return json.loads(out), peak / 1e6


def write(path: Path) -> None:
    """Ten million rows, a piece at a time."""
    pieces = rows()
    first = next(pieces)
    if path.suffix == ".parquet":
        with pq.ParquetWriter(path, first.schema) as parquet:
            for piece in chain([first], pieces):
                parquet.write_table(piece)
        return
    with gzip.open(path, "wb", compresslevel=1) as packed, pacsv.CSVWriter(packed, first.schema) as text:
        for piece in chain([first], pieces):
            text.write_table(piece)


def rows() -> Iterator[pa.Table]:
    """The source's rows with shaken numbers and a row number, again and again."""
    source = pd.read_csv(SOURCE, sep=";").drop(columns=["y"])
    random = np.random.default_rng(0)
    made = 0
    while made < ROWS:
        piece = source.head(ROWS - made).copy()
        for name in _SHAKEN:
            piece[name] = piece[name] * random.normal(1, 0.01, len(piece))
        piece.insert(0, "row", np.arange(made, made + len(piece)))
        made += len(piece)
        yield pa.Table.from_pandas(piece, preserve_index=False)


def check_order(output: Path) -> None:
    """Every row is there once, in its place."""
    at = 0
    for batch in pq.ParquetFile(output).iter_batches(columns=["row"]):
        numbers = batch.column("row").to_pandas().astype("int64").to_numpy()
        assert (numbers == np.arange(at, at + len(numbers))).all()
        at += len(numbers)


if __name__ == "__main__":
    main()
