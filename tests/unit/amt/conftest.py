"""A store with data and a supervising client for each test of the local AMT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from amt_cases import a_store

from components.amt.client import LocalAmt
from components.storage.local import FolderStore


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return a_store(tmp_path / "store")


@pytest.fixture
def amt(tmp_path: Path, store: FolderStore) -> Iterator[LocalAmt]:
    client = LocalAmt(home=tmp_path / "amt", store=store, stop_grace_s=0.2)
    yield client
    client.close()
