from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from amt_cases import a_store
from spot_cases import MARKET, SpotContract

from components.amt.client import LocalAmt


class Rig:
    """The client in process, with the store its jobs use."""

    def __init__(self, folder: Path) -> None:
        self.store = a_store(folder / "store")
        self.amt = LocalAmt(home=folder / "amt", store=self.store, spot=MARKET)

    def __getattr__(self, name: str) -> object:
        return getattr(self.amt, name)


class TestLocalSpot(SpotContract):
    """The client in process."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[Rig]:
        rig = Rig(tmp_path)
        yield rig
        rig.amt.close()
