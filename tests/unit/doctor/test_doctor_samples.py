"""What the doctor says of a source that it does not fetch whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from components.data.sample import MOST_BYTES
from tests.aws_account import BUCKET, Account

ROWS = 9000
SOURCE = f"s3://{BUCKET}/rows.csv"


def put_rows(account: Account, labels: list[str]) -> None:
    """More than is fetched: few rows, each of 2 kB."""
    draw = np.random.default_rng(0)
    texts = [letter * 2000 for letter in "abc"]
    frame = pd.DataFrame({"text": draw.choice(texts, ROWS), "size": draw.random(ROWS).round(3), "kind": labels})
    content = frame.to_csv(index=False).encode()
    assert len(content) > MOST_BYTES
    account.client("s3").put_object(Bucket=BUCKET, Key="rows.csv", Body=content)


def test_the_first_rows_of_a_large_source_are_looked_at(account: Account, examined: Callable[..., Any]) -> None:
    """What they say is told as theirs; a column that is not there is missing in the rest as well."""
    environment = account.furnish()
    put_rows(account, (["good", "bad", "good"] * ROWS)[:ROWS])
    split = {"by": "random", "stratify": True}
    sound, code = examined(
        "sagemaker", environment=environment, data={"source": SOURCE, "target": "kind", "split": split}
    )
    lost, lost_code = examined("sagemaker", data={"source": SOURCE, "target": "knd"})

    assert (sound["data"]["status"], code) == ("ok", 0), sound["data"]
    assert sound["data"]["says"].startswith("in the first rows of 1 object of 18")
    assert (lost["data"]["status"], lost_code) == ("failed", 65)
    assert "did you mean 'kind'" in lost["data"]["says"]


def test_what_the_first_rows_lack_is_a_warning(account: Account, examined: Callable[..., Any]) -> None:
    """Rows in the order of their label: the sample has one class, the source has two, and nothing is wrong with it."""
    environment = account.furnish()
    put_rows(account, ["good"] * (ROWS - 20) + ["bad"] * 20)
    data = {"source": SOURCE, "target": "kind"}
    findings, code = examined("sagemaker", environment=environment, data=data, smoke=True)

    assert (findings["data"]["status"], code) == ("warning", 0)
    assert "(one class)" in findings["data"]["says"]
    assert findings["smoke trial"]["says"] == "not tried: the first rows alone cannot be prepared"
