"""What an instance costs: told, listed, in the table, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import Refused, Unavailable
from components.tuning.prices import PRICES_DATE, price_of


def listed(usd: str, kind: str = "Training") -> dict[str, Any]:
    """A GetProducts answer, as the Price List API words one."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": usd}}
    product = {
        "product": {"attributes": {"platoinstancetype": kind}},
        "terms": {"OnDemand": {"offer": {"priceDimensions": {"rate": dimension}}}},
    }
    return {"PriceList": [json.dumps(product)]}


def test_what_is_told_wins_then_the_list_then_the_table(tmp_path: Path) -> None:
    """Each says where its price comes from; the dearest of several types counts."""
    cache = tmp_path / "scratch" / "prices.json"
    told = price_of(["ml.m5.large"], region="us-east-1", told={"ml.m5.large": 0.5}, ask=None, cache=cache)
    assert (told.usd_per_hour, told.source) == (0.5, "settings")
    asked: list[str] = []

    def ask(**request: Any) -> Any:
        asked.append(request["Filters"][1]["Value"])
        return listed("0.1200000000")

    for _ in range(2):
        found = price_of(["ml.m5.large"], region="eu-west-1", told={}, ask=ask, cache=cache)
        assert (found.usd_per_hour, found.source) == (0.12, "AWS Price List")
    assert asked == ["ml.m5.large"]
    both = price_of(["ml.m5.large", "ml.m5.xlarge"], region="us-east-1", told={}, ask=None, cache=cache)
    assert (both.instance_type, both.source) == ("ml.m5.xlarge", f"table of {PRICES_DATE}")


def test_a_list_that_does_not_answer_is_asked_once_and_the_table_takes_its_place(tmp_path: Path) -> None:
    """A network without the Price List costs one wait, not one for every look at a price."""
    asked: list[None] = []

    def ask(**_request: Any) -> Any:
        asked.append(None)
        raise Unavailable("no network")

    for _ in range(3):
        price = price_of(["ml.m5.large"], region="us-east-1", told={}, ask=ask, cache=tmp_path / "prices.json")
        assert price.usd_per_hour == 0.115
    assert len(asked) == 1


def test_an_unknown_price_is_refused_with_the_way_to_tell_it(tmp_path: Path) -> None:
    """No guess is made of another region's price, nor of hosting's for training's."""
    with pytest.raises(Refused, match=r"ml\.m5\.large in eu-west-1 .*retune\.toml"):
        price_of(
            ["ml.m5.large"],
            region="eu-west-1",
            told={},
            ask=lambda **_: listed("0.1", "Hosting"),
            cache=tmp_path / "prices.json",
        )
