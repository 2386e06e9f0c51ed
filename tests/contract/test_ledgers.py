"""The ledger's contract, on SQLite and on S3's conditional writes (moto's server)."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from components.errors import OverBudget, Refused, Unavailable
from components.storage.s3_document import S3Document
from components.tuning.ledger import Ledger, Order, S3Ledger, SqliteLedger, month_of, total_usd

NOVEMBER_S = 1_795_000_000.0


def order(job: str, at_s: float) -> Order:
    return Order(job=job, model="m", at_s=at_s, region="us-east-1", usd_per_s=0.001)


class LedgerContract:
    """Subclass with a fixture `ledger`: makes a ledger on the same rows each time it is called."""

    def test_a_reservation_counts_until_it_is_settled(self, ledger: Callable[[], Ledger]) -> None:
        """The worst case first, then what it came to."""
        made = ledger().reserve(order("a", NOVEMBER_S), lambda _: 3.0)
        assert (made.month, made.counts_usd) == ("2026-11", 3.0)
        ledger().settle("a", 1.25)
        ledger().settle("a", 1.25)
        (entry,) = ledger().entries("2026-11")
        assert (entry.job, entry.model, entry.reserved_usd, entry.spent_usd) == ("a", "m", 3.0, 1.25)
        assert ledger().entries("2026-12") == ()

    def test_others_of_the_month_are_told_and_one_s_own_row_is_not(self, ledger: Callable[[], Ledger]) -> None:
        """The same job again replaces its row, in the month it began in."""
        told: list[float] = []
        wanted = lambda others: told.append(others) or 2.0  # noqa: E731
        ledger().reserve(order("a", NOVEMBER_S), wanted)
        ledger().reserve(order("b", NOVEMBER_S), wanted)
        ledger().reserve(order("c", NOVEMBER_S + 40 * 86_400), wanted)
        again = ledger().reserve(order("a", NOVEMBER_S + 40 * 86_400), wanted)
        assert told == [0.0, 2.0, 0.0, 2.0]
        assert again.month == "2026-11"
        assert total_usd(ledger().entries(), "2026-11") == 4.0

    def test_a_refusal_reserves_nothing(self, ledger: Callable[[], Ledger]) -> None:
        """What is not allowed leaves no row."""

        def refuse(_others: float) -> float:
            raise OverBudget("no")

        with pytest.raises(OverBudget):
            ledger().reserve(order("a", NOVEMBER_S), refuse)
        assert ledger().entries() == ()

    def test_reservations_at_the_same_time_never_exceed_the_cap(self, ledger: Callable[[], Ledger]) -> None:
        """Of ten that want 3 of 10 USD at once, three get it."""

        def wanted(others: float) -> float:
            if others + 3 > 10:
                raise OverBudget("no")
            return 3.0

        outcomes: list[bool] = []

        def reserve(name: str) -> None:
            try:
                ledger().reserve(order(name, time.time()), wanted)
                outcomes.append(True)
            except OverBudget:
                outcomes.append(False)

        threads = [threading.Thread(target=reserve, args=(f"job-{number}",)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [False] * 7 + [True] * 3
        assert total_usd(ledger().entries(), month_of(time.time())) == 9.0


class TestSqliteLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Callable[[], Ledger]:
        return lambda: SqliteLedger(tmp_path / "home" / "ledger.sqlite")

    def test_looking_makes_no_file(self, tmp_path: Path) -> None:
        """`retune spend` before any run leaves nothing behind."""
        assert SqliteLedger(tmp_path / "ledger.sqlite").entries() == ()
        assert list(tmp_path.iterdir()) == []


class TestS3Ledger(LedgerContract):
    @pytest.fixture
    def s3(self, aws_endpoint: str) -> Iterator[Any]:
        client = boto3.client("s3", endpoint_url=aws_endpoint)
        client.create_bucket(Bucket="ledgers")
        yield client
        client.close()

    @pytest.fixture
    def ledger(self, s3: Any) -> Callable[[], Ledger]:
        uri = f"s3://ledgers/{uuid.uuid4().hex}/ledger.json"
        return lambda: S3Ledger(S3Document(s3, uri))

    def test_a_bucket_that_is_not_there_is_said(self, s3: Any) -> None:
        """Neither lost money nor a stack: the object's URI and what S3 says."""
        with pytest.raises((Refused, Unavailable), match="no-such-bucket"):
            S3Ledger(S3Document(s3, "s3://no-such-bucket/ledger.json")).reserve(order("a", NOVEMBER_S), lambda _: 1.0)

    def test_the_object_can_be_read_by_people(self, ledger: Callable[[], Ledger], s3: Any) -> None:
        """It is JSON, an entry a job."""
        ledger().reserve(order("a", NOVEMBER_S), lambda _: 1.0)
        (found,) = s3.list_objects_v2(Bucket="ledgers")["Contents"]
        body = s3.get_object(Bucket="ledgers", Key=found["Key"])["Body"].read()
        assert json.loads(body)["entries"][0]["job"] == "a"
