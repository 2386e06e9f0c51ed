"""A project folder with one table, and its store."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_builders import Watched, shop, write_csv


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder with `shop.csv`."""
    write_csv(shop(), tmp_path / "shop.csv")
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Watched:
    return Watched(folder / "store")
