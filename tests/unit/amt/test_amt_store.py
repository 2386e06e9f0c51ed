"""The local AMT's record: durable, exclusive, and clear about what it cannot do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from components.amt.records import TrainingJob, TuningJob
from components.amt.store import AmtStore, NameTaken
from components.errors import Busy, CannotWrite, Damaged

OPEN_MANY = """
import sys
from pathlib import Path
from components.amt.store import AmtStore
print("ready", flush=True)
sys.stdin.readline()
for number in range(60):
    AmtStore(Path(sys.argv[1]) / str(number) / "amt.sqlite").close()
"""


def a_job(name: str = "job") -> TuningJob:
    """A job just created."""
    return TuningJob(
        name=name, arn="arn", request={}, tags=(), seed=1, status="InProgress", created_s=1.0, modified_s=1.0
    )


def a_trial(number: int = 1) -> TrainingJob:
    """A training job just proposed."""
    return TrainingJob(
        name=f"job-{number}", tuning_job="job", number=number, tuned={"a": "1"}, created_s=1.0, modified_s=2.0
    )


def test_what_is_recorded_comes_back(tmp_path: Path) -> None:
    """Jobs and training jobs come back as they were, from another connection too."""
    store, other = AmtStore(tmp_path / "amt.sqlite"), AmtStore(tmp_path / "amt.sqlite")
    store.add_tuning_job(a_job())
    store.add_training_job(a_trial())
    found = other.tuning_job("JOB")
    assert found is not None
    assert (found.name, found.modified_s) == ("job", 2.0)
    assert list(other.training_jobs("job")) == [TrainingJob(**{**vars(a_trial()), "transitions": [], "metrics": []})]
    assert other.tuning_job("none") is None
    assert other.training_job("none") is None
    store.close()
    other.close()


def test_names_are_unique_without_regard_to_case(tmp_path: Path) -> None:
    """The second job of a name is refused by the record itself."""
    store = AmtStore(tmp_path / "amt.sqlite")
    store.add_tuning_job(a_job("Job"))
    with pytest.raises(NameTaken):
        store.add_tuning_job(a_job("jOB"))
    store.close()


def test_a_status_moves_only_from_where_it_was_expected(tmp_path: Path) -> None:
    """Of two moves from the same status one wins, so an end never overwrites a stop."""
    store = AmtStore(tmp_path / "amt.sqlite")
    store.add_tuning_job(a_job())
    assert store.move_tuning_job("job", expected=("InProgress",), to="Stopping", at_s=5.0)
    assert not store.move_tuning_job("job", expected=("InProgress",), to="Completed", at_s=6.0)
    store.close()


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """What is written in a transaction that fails is not there afterwards."""
    store = AmtStore(tmp_path / "amt.sqlite")
    store.add_tuning_job(a_job())

    def half() -> None:
        with store.transaction():
            store.add_training_job(a_trial())
            raise KeyError("the other half")

    with pytest.raises(KeyError):
        half()
    assert store.training_jobs("job") == []
    store.close()


def test_many_may_open_a_new_home_at_once(tmp_path: Path) -> None:
    """Processes that open a home for the first time at the same moment all get it."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_MANY, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert said == [""] * 4


def test_a_record_that_somebody_else_writes_for_too_long_is_busy(tmp_path: Path) -> None:
    """A lock that is not let go within the time is told as something to try again."""
    store = AmtStore(tmp_path / "amt.sqlite", busy_timeout_s=0.01)
    other = sqlite3.connect(tmp_path / "amt.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy, match="try again"):
        store.add_tuning_job(a_job())
    other.close()
    store.add_tuning_job(a_job())
    store.close()


def test_a_home_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """A home that is a file, and a record that is no database, are told by name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="needs a home it can write to"):
        AmtStore(tmp_path / "file" / "amt.sqlite")
    (tmp_path / "amt.sqlite").write_text("this is not a database, " * 100)
    with pytest.raises(Damaged, match="no usable record"):
        AmtStore(tmp_path / "amt.sqlite")
