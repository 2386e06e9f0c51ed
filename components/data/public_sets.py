"""Published data sets by name: scikit-learn's own, and nycflights13 as shipped under `data/`."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.data.table import Table
from components.errors import Damaged, InvalidData, NotFound
from components.near_names import near

SKLEARN_SETS = ("breast_cancer", "diabetes", "digits", "iris", "wine")
FLIGHTS_FILE = Path("data/nycflights13/flights.parquet")
LATE_AFTER_MINUTES = 15
# dep_time, dep_delay, arr_time, air_time and tailnum are known only after departure: not read at all
FLIGHTS_COLUMNS = [
    "year",
    "month",
    "day",
    "sched_dep_time",
    "sched_arr_time",
    "arr_delay",
    "carrier",
    "flight",
    "origin",
    "dest",
    "distance",
]


def sklearn_fingerprint(name: str) -> str:
    """What changes when scikit-learn's set may have changed; does not import scikit-learn.

    Raises:
        InvalidData: No such set.
    """
    if name not in SKLEARN_SETS:
        meant = near(name, SKLEARN_SETS)
        hint = f" (did you mean {meant}?)" if meant else ""
        raise InvalidData("data.source", [f"sklearn:// knows {', '.join(SKLEARN_SETS)}, got {name!r}{hint}"])
    return f"{name} {importlib.metadata.version('scikit-learn')}"


def sklearn_table(name: str) -> Table:
    """A set of scikit-learn: its features, and column `target`."""
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    return Table(name=f"sklearn://{name}", frame=frame.astype("float64"), is_published=True)


def flights_fingerprint(month: str, base_dir: Path) -> str:
    """Digest of the shipped file, and the month.

    Raises:
        InvalidData: Not a month of 2013.
        NotFound: The file is not there.
    """
    if not re.fullmatch(r"2013-(0[1-9]|1[0-2])", month):
        raise InvalidData("data.source", [f"nycflights13:// has months 2013-01 to 2013-12, got {month!r}"])
    path = base_dir / FLIGHTS_FILE
    if not path.is_file():
        raise NotFound(f"nycflights13 is read from {path}, which is not there: run in the project's folder")
    return f"{month} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def flights_table(month: str, base_dir: Path) -> Table:
    """A month of departures from New York, by scheduled departure, with what is known before departure.

    Rows without `arr_delay` (cancelled, diverted) are left out. Columns: weekday (Monday 1 to Sunday 7), scheduled
    departure and arrival in minutes since midnight, carrier, origin, dest, distance (miles); target `late`: more than
    15 minutes late on arrival.
    """
    number = int(month.removeprefix("2013-"))
    path = base_dir / FLIGHTS_FILE
    try:
        rows = pq.read_table(path, columns=FLIGHTS_COLUMNS)
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"{path}: the Parquet file is cut off or broken ({error}): restore it") from error
    rows = rows.filter(pc.equal(rows["month"], number)).to_pandas()
    # carrier and flight number settle what departs in the same minute, so the order is the rows' own
    rows = rows.sort_values(["day", "sched_dep_time", "carrier", "flight"], kind="stable", ignore_index=True)
    flown = rows[rows["arr_delay"].notna()]
    dates = pd.to_datetime(flown[["year", "month", "day"]])
    frame = pd.DataFrame(
        {
            "weekday": dates.dt.weekday + 1.0,
            "scheduled_departure_minute": _minutes(flown["sched_dep_time"]),
            "scheduled_arrival_minute": _minutes(flown["sched_arr_time"]),
            "carrier": flown["carrier"].astype(object),
            "origin": flown["origin"].astype(object),
            "dest": flown["dest"].astype(object),
            "distance": flown["distance"].astype("float64"),
            "late": (flown["arr_delay"] > LATE_AFTER_MINUTES).astype("boolean"),
        }
    ).reset_index(drop=True)
    note = f"{len(rows) - len(flown)} cancelled or diverted flights left out (no arr_delay)"
    return Table(name=f"nycflights13://{month}", frame=frame, is_published=True, notes=(note,))


def _minutes(clock: pd.Series[int]) -> pd.Series[float]:
    """1745 is 17:45 is 1065."""
    return (clock // 100 * 60 + clock % 100).astype("float64")
