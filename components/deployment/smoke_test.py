"""Made-up rows, what a version must answer to them, and whether an endpoint does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.errors import Damaged

TOLERANCE = 1e-6
_ROWS = 3


@dataclass(frozen=True, kw_only=True)
class SmokeCase:
    """A question and its answer.

    Attributes:
        version: That must answer.
        rows: Raw rows.
        answers: The registered model's own.
    """

    version: str
    rows: Sequence[Mapping[str, Any]]
    answers: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        """As it is stored."""
        return json.dumps({"version": self.version, "rows": list(self.rows), "answers": list(self.answers)})

    @classmethod
    def of(cls, text: bytes) -> SmokeCase:
        """From what is stored. Raises Damaged."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise Damaged(f"a stored smoke test must be as retune writes it, got {error}") from None

    @property
    def body(self) -> bytes:
        """Of the request."""
        return json.dumps({"dataframe_records": list(self.rows)}).encode()

    def fault(self, answer: bytes) -> str | None:
        """What is wrong with an endpoint's answer; None when it is the registered model's to 1e-6."""
        try:
            document = json.loads(answer)
            got, version = document["predictions"], str(document["model_version"])
        except (ValueError, TypeError, KeyError):
            return f"it must answer predictions and model_version in JSON, got {answer[:200]!r}"
        if version != self.version:
            return f"version {self.version} must answer, got {version}"
        if not isinstance(got, list) or len(got) != len(self.answers):
            return f"it must answer {len(self.answers)} rows, got {str(got)[:200]}"
        for number, (one, wanted) in enumerate(zip(got, self.answers, strict=True)):
            if not _same(one, wanted):
                return f"row {number} must be answered as the registered model does, {wanted}, got {str(one)[:200]}"
        return None


def made_up_rows(preprocessing: str) -> list[dict[str, Any]]:
    """Three rows with a value in every column: numbers, categories there are, true and false.

    Args:
        preprocessing: JSON text that travels with the model.
    """
    columns = json.loads(preprocessing)["columns"]
    return [{column["name"]: _value(column, row) for column in columns} for row in range(_ROWS)]


def _value(column: Mapping[str, Any], row: int) -> Any:
    if column["kind"] == "number":
        return float(row)
    if column["kind"] == "boolean":
        return row % 2 == 0
    categories = column["categories"] or [""]
    return categories[row % len(categories)]


def _same(one: Any, wanted: Mapping[str, Any]) -> bool:
    if not isinstance(one, dict) or one.keys() != wanted.keys():
        return False
    for name, value in wanted.items():
        got = one[name]
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (got, value))
        if numbers and not math.isclose(got, value, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return False
        if not numbers and got != value:
            return False
    return True
