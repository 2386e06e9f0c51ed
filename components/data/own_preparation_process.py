"""The process that `data.prepare` runs in; imports nothing of ours, so that the function's imports are its own."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

ANSWER = "answer.json"
ROWS = "rows.parquet"


def main(prepare: str, base_dir: str, folder: str) -> None:
    """Call `module:function` and leave what it returned in `folder`: the answer last."""
    module, _, name = prepare.partition(":")
    sys.path.insert(0, base_dir)
    try:
        returned = getattr(importlib.import_module(module), name)()
    except Exception as error:  # noqa: BLE001  one's own code: told in one line, whatever it raises
        traceback.print_exc()
        *_, last = traceback.extract_tb(error.__traceback__)
        sys.exit(f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})")
    if isinstance(returned, str | os.PathLike):
        told = {"kind": "where", "where": os.fspath(returned)}
    else:
        _write(returned, Path(folder) / ROWS, prepare)
        told = {"kind": "rows"}
    (Path(folder) / ANSWER).write_text(json.dumps(told), encoding="utf-8")


def _write(returned: Any, path: Path, prepare: str) -> None:
    if not hasattr(returned, "to_parquet"):
        raise TypeError(f"{prepare} must return a DataFrame, a path, a glob or a URI, got {type(returned).__name__}")
    if any(name is not None for name in returned.index.names):  # such as what groupby leaves: columns, not numbers
        returned = returned.reset_index()
    returned.to_parquet(path, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
