"""Small tables and specs for the tests of the data stage."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from components.data.data_spec import DataSpec, SplitSpec
from components.data.prepare import Prepared, prepare
from components.data.snapshot import DataSnapshot, publish
from components.data.source import locate
from components.data.table import Table
from components.errors import Unavailable
from components.storage import ObjectStore
from components.storage.local import FolderStore

ORDERED = SplitSpec(by="order")


def shop(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Customers of a shop, learnable and sound: numbers, text, booleans, missing values, two classes."""
    draw = np.random.default_rng(seed)
    age = draw.integers(18, 90, rows).astype(float)
    city = draw.choice(["Bonn", "Köln", "Trier"], rows).astype(object)
    member = draw.random(rows) < 0.5
    pays = 40 - 0.2 * age + 6 * (city == "Bonn") + 4 * member + draw.normal(0, 4, rows)
    age[::17], city[5::19] = np.nan, None
    return pd.DataFrame(
        {
            "age": age,
            "city": city,
            "member": pd.array(member, dtype="boolean"),
            "visits": draw.poisson(3, rows).astype(float),
            "buys": np.where(pays > np.median(pays), "yes", "no").astype(object),
        }
    )


def spec_of(source: str = "shop.csv", target: str = "buys", **fields: Any) -> DataSpec:
    return DataSpec(source=source, target=target, **{"split": ORDERED} | fields)


def table_of(frame: pd.DataFrame, **fields: Any) -> Table:
    return Table(name="shop", frame=frame, **fields)


def prepared(frame: pd.DataFrame, **fields: Any) -> Prepared:
    return prepare(table_of(frame), spec_of(**fields))


def write_csv(frame: pd.DataFrame, path: Path, **options: Any) -> Path:
    frame.to_csv(path, index=False, **options)
    return path


def write_text(text: str | bytes, path: Path) -> Path:
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(source: str, folder: Path, store: ObjectStore | None = None, **fields: Any) -> Table:
    """What a source's rows come out as."""
    spec = spec_of(source, **fields)
    return locate(
        spec, base_dir=folder, store=store or FolderStore(folder / "store"), scratch=folder / "scratch"
    ).read()


def published(folder: Path, spec: DataSpec | None = None, store: ObjectStore | None = None) -> DataSnapshot:
    """Publish the folder's `shop.csv`, or another spec's source."""
    return publish(
        spec or spec_of(),
        base_dir=folder,
        store=store or FolderStore(folder / "store"),
        base_uri="s3://retune-local/retune",
        scratch=folder / "scratch",
    )


class Watched(FolderStore):
    """A folder store that notes what is written, and fails at a given write."""

    def __init__(self, root: Path, fails_at: int = 0) -> None:
        super().__init__(root)
        self.written: list[str] = []
        self.read: list[str] = []
        self.fails_at = fails_at

    def put_bytes(self, content: bytes, uri: str) -> None:
        self.written.append(uri)
        if len(self.written) == self.fails_at:
            raise Unavailable("the store went away")
        super().put_bytes(content, uri)

    def get_bytes(self, uri: str) -> bytes:
        self.read.append(uri)
        return super().get_bytes(uri)
