"""`data.prepare`: one's own function gives the rows, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from data_builders import shop, write_csv

from components.data.data_spec import DataSpec
from components.data.snapshot import DataSnapshot, publish
from components.errors import InvalidData, Refused
from components.storage.local import FolderStore

FRAME = """
import pandas as pd
print("fetching")
def rows():
    return pd.read_csv("shop.csv").query("visits >= 0")
"""


def published(folder: Path, code: str, **options: Any) -> DataSnapshot:
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / "rows.py").write_text(code)
    spec = DataSpec(prepare="own.rows:rows", target="buys")
    return publish(
        spec,
        base_dir=folder,
        store=FolderStore(folder / "store"),
        base_uri="s3://box",
        scratch=folder / "scratch",
        **options,
    )


def test_a_function_s_frame_is_the_data(tmp_path: Path) -> None:
    """A DataFrame is checked, split and published like any source; the same rows are the same snapshot."""
    write_csv(shop(), tmp_path / "shop.csv")
    first = published(tmp_path, FRAME)
    assert sum(first.rows.values()) == 200
    assert published(tmp_path, FRAME + "# a comment changes no row\n").digest == first.digest
    assert published(tmp_path, FRAME.replace(">= 0", ">= 1")).digest != first.digest
    assert [path.name for path in (tmp_path / "scratch").iterdir() if path.is_dir()] == []


def test_a_function_may_say_where_the_rows_are(tmp_path: Path) -> None:
    """A returned path, relative to the project, is read as a source is."""
    write_csv(shop(), tmp_path / "shop.csv")
    told = "from pathlib import Path\ndef rows():\n    return Path('shop.csv')\n"
    assert sum(published(tmp_path, told).rows.values()) == 200


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def rows():\n    raise RuntimeError('no such table')\n", "RuntimeError: no such table"),
        ("def rows():\n    return [1, 2]\n", "must return a DataFrame, a path, a glob or a URI, got list"),
        ("x = 1\n", "has no attribute 'rows'"),
        ("import nothing_of_the_kind\n", "No module named 'nothing_of_the_kind'"),
        ("import os\ndef rows():\n    os._exit(0)\n", "exit code 0"),
    ],
)
def test_a_function_that_gives_no_rows_is_told_with_its_last_words(tmp_path: Path, code: str, said: str) -> None:
    """What one's own code says when it fails is in the message; nothing is published."""
    with pytest.raises(InvalidData, match=said):
        published(tmp_path, code)
    assert not (tmp_path / "store").exists()


def test_its_environment_reaches_the_function_and_nothing_of_it_the_flow(tmp_path: Path) -> None:
    """The function's own modules are found first and its prints do not reach this process's stdout."""
    write_csv(shop(), tmp_path / "shop.csv")
    (tmp_path / "table.py").write_text("WHERE = 'shop.csv'\n")
    code = "import table, sys\ndef rows():\n    print('loud')\n    return table.WHERE\n"
    assert sum(published(tmp_path, code).rows.values()) == 200


def test_a_named_index_is_a_column(tmp_path: Path) -> None:
    """What groupby leaves as the index is data too."""
    write_csv(shop(), tmp_path / "shop.csv")
    code = "import pandas as pd\ndef rows():\n    return pd.read_csv('shop.csv').set_index('age')\n"
    assert "age" in [column.name for column in published(tmp_path, code).features]


def test_a_returned_place_is_held_to_the_project_s_list(tmp_path: Path) -> None:
    """A function cannot name a source that a spec may not name."""
    code = "def rows():\n    return 's3://elsewhere/rows.csv'\n"

    def allow(source: str) -> None:
        raise Refused(f"not {source}")

    with pytest.raises(Refused, match=r"not s3://elsewhere/rows\.csv"):
        published(tmp_path, code, allow=allow)
