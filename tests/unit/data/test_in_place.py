"""Data in place: existing objects as channels, known by their listing alone."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.data.data_spec import ChannelSpec, ChannelsSpec
from components.data.held_out import check_columns, held_out_part
from components.data.in_place import MOST_HELD_OUT_BYTES, described_by_number, survey
from components.data.transform import Preprocessing
from components.errors import InvalidData, NotFound
from components.storage.local import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "store")
    store.put_bytes(b"1,2\n", "s3://lake/train/a.csv")
    store.put_bytes(b"0,3\n", "s3://lake/train/b.csv")
    store.put_bytes(b"age,buys\n3,yes\n4,no\n", "s3://lake/test/rows.csv")
    return store


def spec_of(**fields: object) -> ChannelsSpec:
    channels = {name: ChannelSpec(uri=f"s3://lake/{name}/") for name in ("train", "test")}
    return ChannelsSpec(**{"channels": channels, **fields})  # type: ignore[arg-type]  # a test's mixed bag


def test_a_listing_is_the_data_s_identity(store: FolderStore) -> None:
    """The same objects give the same digest; one that is added, changed or listed for another channel another."""
    first = survey(spec_of(), store)
    assert first == survey(spec_of(), store)
    assert (first.objects, first.size_bytes) == (3, 28)
    swapped = {"train": ChannelSpec(uri="s3://lake/test/"), "test": ChannelSpec(uri="s3://lake/train/")}
    digests = {first.digest, survey(spec_of(channels=swapped), store).digest}
    store.put_bytes(b"0,4\n", "s3://lake/train/b.csv")
    digests.add(survey(spec_of(), store).digest)
    store.put_bytes(b"0,4\n", "s3://lake/train/c.csv")
    digests.add(survey(spec_of(), store).digest)
    assert len(digests) == 4


def test_an_empty_channel_is_named(store: FolderStore) -> None:
    """Whoever mistypes a prefix reads which channel has nothing."""
    channels = {"train": ChannelSpec(uri="s3://lake/trian/")}
    with pytest.raises(NotFound, match=r"data.channels.train: an object must be there, got s3://lake/trian/"):
        survey(spec_of(channels=channels), store)


def test_a_held_out_channel_is_read_and_handed_to_no_trial(store: FolderStore) -> None:
    """With a target, `test` is rows to compare versions on; without one it is a channel like any other."""
    spec = spec_of(target="buys")
    assert list(survey(spec, store).channels) == ["train"]
    assert list(survey(spec_of(), store).channels) == ["train", "test"]
    part, classes = held_out_part(spec, store)
    assert (list(part.features["age"]), list(part.labels), classes) == ([3.0, 4.0], ["yes", "no"], ("no", "yes"))
    with pytest.raises(InvalidData, match="every row needs a value of price"):
        held_out_part(spec_of(target="price"), store)


def test_a_held_out_channel_has_a_size_that_fits_in_memory(store: FolderStore, tmp_path: Path) -> None:
    """Rows to be scored here are refused before anything starts when they are too many."""
    with (tmp_path / "store" / "lake" / "test" / "rows.csv").open("r+b") as file:
        file.truncate(MOST_HELD_OUT_BYTES + 1)
    with pytest.raises(InvalidData, match="at most 256 MB are read, got 256 MB"):
        survey(spec_of(target="buys"), store)
    assert survey(spec_of(), store).size_bytes > MOST_HELD_OUT_BYTES


def test_columns_without_names_have_numbers() -> None:
    """A built-in's model takes f0, f1, ... or what the held-out channel calls them."""
    assert [column.name for column in described_by_number(2, None)[0].features] == ["f0", "f1"]
    snapshot, row = described_by_number(2, ["age", "size"])
    assert [column.name for column in snapshot.features] == ["age", "size"]
    assert Preprocessing.from_json(snapshot.preprocessing).transform(row.features).shape == (1, 2)


@pytest.mark.parametrize(
    ("fields", "law"),
    [
        ({"channels": {"train": ChannelSpec(uri="s3://b/x")}, "target": "y"}, "held-out channel test, got no such"),
        ({"channels": {"test": ChannelSpec(uri="s3://b/x")}, "target": "y"}, "a channel to train on is needed"),
        ({"columns": ("a", "b")}, "got them without target"),
        ({"channels": {"no name": ChannelSpec(uri="s3://b/x")}}, "a channel's name has"),
        ({"channels": {}}, "at least 1"),
    ],
)
def test_what_channels_cannot_mean_is_refused(fields: dict[str, object], law: str) -> None:
    """A spec whose held-out part or names make no sense is refused with the law it breaks."""
    with pytest.raises(ValueError, match=law):
        spec_of(**fields)


def test_what_a_held_out_file_is_in_memory_counts(store: FolderStore) -> None:
    """Three million rows of constants are a small Parquet file, and text packs well: neither passes for small."""
    rows = pd.DataFrame({f"c{number}": np.zeros(3_300_000, dtype=np.int8) for number in range(10)})
    packed = io.BytesIO()
    rows.to_parquet(packed)
    assert len(packed.getvalue()) < 10**6
    for content in (packed.getvalue(), gzip.compress(b"age,buys\n" + b"1,0\n" * 65_000_000, 1)):
        store.put_bytes(content, "s3://lake/test/rows.csv")
        assert survey(spec_of(target="buys"), store).objects == 3
        with pytest.raises(InvalidData, match="at most 256 MB of values, got more"):
            held_out_part(spec_of(target="buys"), store)


def test_the_built_in_s_columns_are_compared_before_anything_is_paid(store: FolderStore) -> None:
    """A held-out channel with other columns than the training rows is refused by the first line of those."""
    spec = spec_of(target="buys")
    part, _ = held_out_part(spec, store)
    check_columns(spec, part, store)
    store.put_bytes(b"1,2,3\n", "s3://lake/train/a.csv")
    with pytest.raises(InvalidData, match="the held-out channel's 1 features after its label, got 2"):
        check_columns(spec, part, store)
