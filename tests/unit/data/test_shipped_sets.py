"""The data sets this project ships or knows, and the specs that use them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from data_builders import published, read
from ruamel.yaml import YAML

from components.data.data_spec import DataSpec
from components.data.snapshot import DataSnapshot, publish, raw_part
from components.data.transform import Preprocessing
from components.errors import InvalidData, NotFound
from components.storage.local import FolderStore

ROOT = Path(__file__).parents[3]


def shipped(name: str, folder: Path) -> DataSnapshot:
    document = YAML(typ="safe").load((ROOT / "flows" / "specs" / f"{name}.yaml").read_text())
    return publish(
        DataSpec.model_validate(document["data"]),
        base_dir=ROOT,
        store=FolderStore(folder / "store"),
        base_uri="s3://retune-local",
        scratch=folder / "scratch",
    )


@pytest.mark.parametrize("name", ["abalone", "bank-marketing", "nycflights13"])
def test_shipped_files_are_the_originals(name: str) -> None:
    """Every shipped file has the SHA-256 its README gives, with origin and licence."""
    readme = (ROOT / "data" / name / "README.md").read_text()
    told = dict(re.findall(r"^\| `([^`]+)` \| \d+ \| `([0-9a-f]{64})`", readme, flags=re.MULTILINE))
    files = [path for path in (ROOT / "data" / name).iterdir() if path.name != "README.md"]
    assert files
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}.items() <= told.items()
    assert "**Licence:**" in readme
    assert "**Cite:**" in readme


@pytest.mark.parametrize("name", ["abalone", "bank-marketing", "digits", "flights"])
def test_no_shipped_column_looks_like_an_identifier(name: str, tmp_path: Path) -> None:
    """Counts, prices and minutes come twice in tables of some size: nobody is warned of them."""
    assert shipped(name, tmp_path).identifiers == ()


def test_digits(tmp_path: Path) -> None:
    """AWS's example: 64 pixels, the first 1,257 rows train, the last 540 validate, labels 0 to 9."""
    snapshot = shipped("digits", tmp_path)
    assert snapshot.rows == {"train": 1257, "validation": 540, "test": 0}
    assert len(snapshot.features) == 64
    assert snapshot.classes is None
    labels = raw_part(snapshot, "validation", FolderStore(tmp_path / "store")).labels
    assert sorted(labels.unique()) == list(range(10))


def test_bank_marketing(tmp_path: Path) -> None:
    """41,188 calls by date, without `duration`; 1 means yes."""
    snapshot = shipped("bank-marketing", tmp_path)
    assert sum(snapshot.rows.values()) == 41188
    assert len(snapshot.features) == 19
    assert "duration" not in {column.name for column in snapshot.features}
    assert snapshot.classes == ("no", "yes")
    assert not any(column.has_missing for column in snapshot.features)  # "unknown" is an answer
    store = FolderStore(tmp_path / "store")
    months = [raw_part(snapshot, part, store).features["month"] for part in ("train", "test")]
    assert months[0].iloc[0] == "may"
    assert months[1].iloc[-1] == "nov"


def test_bank_rows_as_a_client_sends_them(tmp_path: Path) -> None:
    """Raw rows with texts, numbers as text and a missing value become what the trees know."""
    snapshot = shipped("bank-marketing", tmp_path)
    raw = raw_part(snapshot, "validation", FolderStore(tmp_path / "store")).features.head(3)
    model = Preprocessing.from_json(snapshot.preprocessing)
    sent = raw.astype(str).assign(job=["?", *raw["job"].iloc[1:]])
    matrix, wanted = model.transform(sent), model.transform(raw)
    job = model.feature_names.index("job")
    assert str(matrix[0, job]) == "nan"
    matrix[0, job] = wanted[0, job]
    assert matrix.tolist() == wanted.tolist()


def test_abalone(tmp_path: Path) -> None:
    """4,177 shells of a file without header, with a whole number to predict."""
    snapshot = shipped("abalone", tmp_path)
    assert sum(snapshot.rows.values()) == 4177
    assert snapshot.classes is None
    assert {column.name: column.kind for column in snapshot.features}["Sex"] == "category"


def test_flights(tmp_path: Path) -> None:
    """A month by scheduled departure, flown flights only, late or not, nothing known after departure."""
    snapshot = shipped("flights", tmp_path)
    assert sum(snapshot.rows.values()) == 27902
    assert snapshot.classes == ("False", "True")
    assert {column.name for column in snapshot.features} == {
        "weekday",
        "scheduled_departure_minute",
        "scheduled_arrival_minute",
        "carrier",
        "origin",
        "dest",
        "distance",
    }
    assert snapshot.notes == ("932 cancelled or diverted flights left out (no arr_delay)",)


def test_months_of_flights() -> None:
    """Every month of 2013 can be read; its share of late flights is the published one."""
    late = {month: read(f"nycflights13://2013-{month:02d}", ROOT).frame["late"] for month in (1, 6, 9, 12)}
    shares = {month: round(float(each.mean()) * 100, 1) for month, each in late.items()}
    assert shares == {1: 22.7, 6: 30.8, 9: 13.2, 12: 32.6}


def test_flights_are_sorted_by_time() -> None:
    """Rows come in the order of scheduled departure, day after day."""
    frame = read("nycflights13://2013-03", ROOT).frame
    new_day = frame["weekday"].diff().fillna(0) != 0
    assert new_day.sum() == 30
    assert (frame["scheduled_departure_minute"].diff().fillna(0)[~new_day] >= 0).all()
    assert frame["weekday"].iloc[0] == 5  # 1 March 2013 was a Friday


@pytest.mark.parametrize("month", ["2014-01", "2013-13", "2013-3", "2013", "", "../2013-03"])
def test_months_that_are_not_there(month: str) -> None:
    """Only the twelve months of 2013 are shipped."""
    with pytest.raises(InvalidData, match="2013-01 to 2013-12"):
        read(f"nycflights13://{month}", ROOT)


def test_flights_outside_the_project(tmp_path: Path) -> None:
    """Without the shipped file the message says where it was looked for."""
    with pytest.raises(NotFound, match=r"data/nycflights13/flights.parquet.*run in the project's folder"):
        read("nycflights13://2013-03", tmp_path)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [("iris", 150, 5), ("wine", 178, 14), ("breast_cancer", 569, 31), ("diabetes", 442, 11)],
)
def test_sklearn_sets(name: str, rows: int, columns: int, tmp_path: Path) -> None:
    """Each small set of scikit-learn passes the checks and has its target in column `target`."""
    frame = read(f"sklearn://{name}", tmp_path).frame
    assert frame.shape == (rows, columns)
    spec = DataSpec.model_validate({"source": f"sklearn://{name}", "target": "target", "split": {"by": "random"}})
    assert sum(published(tmp_path, spec).rows.values()) == rows


def test_unknown_sklearn_sets(tmp_path: Path) -> None:
    """A set that is not there is answered with the nearest."""
    with pytest.raises(InvalidData, match=r"got 'digit' \(did you mean digits\?\)"):
        read("sklearn://digit", tmp_path)
    with pytest.raises(InvalidData, match="breast_cancer, diabetes, digits, iris, wine"):
        read("sklearn://../../etc", tmp_path)
