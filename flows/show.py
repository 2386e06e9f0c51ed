"""What a command came to, on stdout: one JSON document, or text for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def show(document: dict[str, Any], as_json: bool, text: Callable[[dict[str, Any]], str]) -> None:  # noqa: FBT001  one caller's flag
    """Write a document, as JSON or as `text` says it."""
    sys.stdout.write(
        (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) if as_json else text(document)) + "\n"
    )
    sys.stdout.flush()
