"""`retune doctor` as a user types it: one small trial on this machine, and an account seen from a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws_account import Account, account_at
from tests.command import REPO, Retune, environment_of

PRINTS = """
import argparse, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
rate = parser.parse_args().rate
print("rows", sum(1 for _ in open(os.environ["SM_CHANNEL_TRAIN"] + "/part-00000.csv")))
"""
TUNING = {
    "objective": {"metric": "loss", "type": "minimize"},
    "strategy": "bayesian",
    "max_jobs": 6,
    "max_parallel_jobs": 2,
    "space": {"rate": {"continuous": [0.1, 0.5]}},
}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Retune]:
    """`retune` without any server; what it keeps for a moment is in a folder of the test's own."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    yield Retune(home=home, cwd=REPO, environment=environment_of(home, TMPDIR=str(temporary)))
    assert not home.exists()
    assert [path.name for path in temporary.iterdir() if path.name.startswith("retune-")] == []


@pytest.fixture
def account(aws_endpoint: str) -> Iterator[Account]:
    with account_at(aws_endpoint) as made:
        yield made


def own_script(tmp_path: Path, script: str) -> dict[str, Any]:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(script)
    training = {
        "entry_point": "train.py",
        "source_dir": "code",
        "metrics": [{"name": "loss", "regex": "loss = ([0-9.a-z]+)"}, {"name": "rows", "regex": "rows ([0-9]+)"}],
    }
    return {"training": training, "tuning": TUNING}


def found(document: dict[str, Any], check: str) -> dict[str, Any]:
    return next(each for each in document["checks"] if each["check"] == check)


def test_the_built_in_algorithm_is_tried(bare: Retune) -> None:
    """A line a check and a count; the trial's objective is there, and nothing stays behind."""
    finished = bare("doctor", "flows/specs/digits.yaml")
    lines = finished.out.splitlines()

    assert finished.code == 0, finished.out
    assert {line.split()[0] for line in lines[:-1]} == {"ok"}
    assert "validation:accuracy = 0." in lines[-2]
    assert "on 1,000 rows, here" in lines[-2]
    assert lines[-1] == f"{len(lines) - 1} ok, 0 warning, 0 failed"


def test_a_grid_in_the_cloud_is_tried_here(bare: Retune, account: Account, write_spec: Callable[..., Path]) -> None:
    """One training job, whatever strategy, instances, retries and bucket; the account is left as it was."""
    environment = account.furnish()
    account.quotas["ml.m5.large for spot training job usage"] = 20.0
    tuning = {
        "objective": {"metric": "validation:mlogloss", "type": "minimize"},
        "strategy": "grid",
        "space": {"max_depth": {"categorical": ["2", "3", "4"]}, "eta": {"categorical": ["0.1", "0.3"]}},
    }
    training = {
        "hyperparameters": {"objective": "multi:softprob", "num_class": 3, "num_round": 8},
        "instance": {"type": "ml.m5.large", "count": 2},
        "sagemaker": {"RetryStrategy": {"MaximumRetryAttempts": 2}},
    }
    spec = str(write_spec(tuning=tuning, training=training))
    document = bare.ok("doctor", spec, "--engine", "sagemaker", **environment)

    assert [check for check in document["checks"] if check["status"] != "ok"] == []
    assert found(document, "quota")["says"].startswith("6 instances are needed")
    assert "validation:mlogloss = " in found(document, "smoke trial")["says"]
    assert account.client("s3").list_objects_v2(Bucket=environment["RETUNE_BUCKET"])["KeyCount"] == 0
    assert account.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []


@pytest.mark.parametrize(
    ("script", "code", "says", "log"),
    [
        (PRINTS + "print('loss =', rate)\n", 0, "loss = 0.", None),
        (PRINTS + "raise KeyError('no such column')\n", 70, "no such column", "KeyError: 'no such column'"),
        (PRINTS + "print('Loss:', rate)\n", 65, "the regex of loss must match", "Loss: 0."),
        (PRINTS + "print('loss = nan')\n", 65, "must be a finite number", "loss = nan"),
    ],
    ids=["well", "fails", "mute", "nan"],
)
def test_ones_own_script_is_tried(
    script: str,
    code: int,
    says: str,
    log: str | None,
    bare: Retune,
    write_spec: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """It ran and its metric came through; it failed, with its last lines; it ran and no line matched; no number."""
    finished = bare("doctor", str(write_spec(**own_script(tmp_path, script))), "--json")
    trial = found(finished.document, "smoke trial")

    assert (finished.code, finished.document["exit_code"]) == (code, code)
    assert trial["status"] == ("failed" if code else "ok")
    assert says in trial["says"]
    assert log is None or any(log in line for line in trial["log"]), trial
    if says.startswith("the regex"):
        assert "found were rows" in trial["says"]


def test_a_trial_that_takes_its_time_proves_nothing(
    bare: Retune, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    """Stopped at the limit of a training job before its metric came: a warning, for a longer run may well be sound."""
    parts = own_script(tmp_path, PRINTS + "import time\ntime.sleep(600)\n")
    parts["training"]["max_runtime_s"] = 2
    trial = found(bare.ok("doctor", str(write_spec(**parts))), "smoke trial")

    assert trial["status"] == "warning"
    assert "said nothing of loss within" in trial["says"]


def test_the_trial_can_be_left_out(bare: Retune, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    """`--no-smoke` runs no script, and the text of a failure names its check."""
    spec = str(write_spec(**own_script(tmp_path, PRINTS + "sys.exit(1)\n")))
    tried, untried = bare("doctor", spec), bare("doctor", spec, "--no-smoke")

    assert (tried.code, untried.code) == (70, 0)
    assert "failed   smoke trial" in tried.out
    assert "         | rows 107" in tried.out
    assert "smoke trial" not in untried.out


def test_without_credentials_the_rest_is_still_looked_at(
    bare: Retune, account: Account, write_spec: Callable[..., Path]
) -> None:
    """What needs them is not looked at and says so; the rest is, the trial too; the exit code is that of a refusal."""
    environment = account.furnish()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environment[name]
    finished = bare("doctor", str(write_spec()), "--engine", "sagemaker", "--json", **environment)
    document = json.loads(finished.out)

    assert finished.code == 77
    assert "AWS_PROFILE" in found(document, "credentials")["says"]
    assert found(document, "bucket")["says"] == "not looked at: credentials must be right first"
    for name in ("spec", "data", "request", "image", "MLflow", "smoke trial"):
        assert found(document, name)["status"] == "ok", found(document, name)
