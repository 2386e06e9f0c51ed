"""Samples of sources and small channels."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_builders import prepared, shop, spec_of

from components.data.sample import fetch, parse, small_channels
from components.data.table import Table
from components.errors import Damaged, NotFound
from components.storage.local import FolderStore

LIMIT = 4000
ROWS = 20_000


class Counting(FolderStore):
    """A store that counts the bytes it hands out."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.fetched = 0

    def get_bytes(self, uri: str) -> bytes:
        content = super().get_bytes(uri)
        self.fetched += len(content)
        return content

    def get_range(self, uri: str, start: int, length: int) -> bytes:
        content = super().get_range(uri, start, length)
        self.fetched += len(content)
        return content


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "store")


def contents(frame: pd.DataFrame) -> dict[str, bytes]:
    text = frame.to_csv(index=False).encode()
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False, row_group_size=1000)
    return {"a.csv": text, "a.csv.gz": gzip.compress(text), "a.parquet": parquet.getvalue()}


def sampled(store: Counting, source: str, tmp_path: Path) -> Table:
    spec = spec_of(source)
    return parse(fetch(spec, store, LIMIT), spec, base_dir=tmp_path, store=store, scratch=tmp_path / "scratch")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_a_large_object_is_read_at_its_beginning(name: str, store: Counting, tmp_path: Path) -> None:
    """Whole rows, the first ones as they are, for a small part of its bytes; never the object."""
    frame = shop(ROWS).assign(noise=np.random.default_rng(1).random(ROWS))
    content = contents(frame)[name]
    store.put_bytes(content, f"s3://box/{name}")
    spec = spec_of(f"s3://box/{name}")
    sample = fetch(spec, store, LIMIT)
    table = parse(sample, spec, base_dir=tmp_path, store=store, scratch=tmp_path / "scratch")

    assert not sample.is_whole
    assert (sample.objects, sample.size) == (1, len(content))
    assert 20 <= len(table.frame) < ROWS
    assert table.frame["buys"].tolist() == frame["buys"].tolist()[: len(table.frame)]
    assert table.frame["visits"].tolist() == frame["visits"].tolist()[: len(table.frame)]
    assert store.fetched < len(content) / 2


def test_small_objects_are_read_until_enough(store: Counting, tmp_path: Path) -> None:
    """As many whole objects as are within the limit, by key; all of them when they are."""
    part = shop(40).to_csv(index=False).encode()
    for number in range(6):
        store.put_bytes(part, f"s3://box/parts/{number}.csv")
    few = LIMIT // len(part)

    assert 1 <= few < 6
    assert len(sampled(store, "s3://box/parts/", tmp_path).frame) == 40 * few
    assert not fetch(spec_of("s3://box/parts/"), store, LIMIT).is_whole
    assert fetch(spec_of("s3://box/parts/"), store, 6 * len(part)).is_whole
    assert fetch(spec_of("s3://box/parts/"), store, LIMIT).words == f"6 objects of {6 * len(part) / 1000:.3g} kB"


def test_what_is_not_there_or_broken_is_told(store: Counting, tmp_path: Path) -> None:
    """Nothing that matches, and a Parquet file without its end."""
    store.put_bytes(contents(shop(ROWS))["a.parquet"][:-100], "s3://box/cut.parquet")

    with pytest.raises(NotFound, match="nothing there"):
        fetch(spec_of("s3://box/nothing/"), store)
    with pytest.raises(Damaged, match="cut off or broken"):
        sampled(store, "s3://box/cut.parquet", tmp_path)


def test_small_channels_have_some_of_each_label() -> None:
    """At most so many rows a part, label first; a class of three rows among thousands is still there."""
    frame = shop(ROWS)
    frame.loc[[10, 500, 2000], "buys"] = "perhaps"
    frame.loc[[15_000, 15_100], "buys"] = "perhaps"
    channels = small_channels(prepared(frame), 100)
    labels = {
        path: np.loadtxt(io.BytesIO(content), delimiter=",", usecols=0).tolist() for path, content in channels.items()
    }

    assert sorted(channels) == ["train/part-00000.csv", "validation/part-00000.csv"]
    assert {len(values) for values in labels.values()} == {100}
    assert {frozenset(values) for values in labels.values()} == {frozenset({0.0, 1.0, 2.0})}
