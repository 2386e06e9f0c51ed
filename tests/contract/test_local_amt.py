from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from amt_cases import a_store
from amt_contract import AmtContract, Rig

from components.amt.client import LocalAmt


class TestLocalAmt(AmtContract):
    """The client in process."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[Rig]:
        store = a_store(tmp_path / "store")
        amt = LocalAmt(home=tmp_path / "amt", store=store)
        yield Rig(client=amt, store=store, wait_for_change=amt.wait_for_change)
        amt.close()
