"""Bad input: one line on stderr with law and value, the right exit code, nothing left behind."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import REPO, Finished, Retune, environment_of

SCRIPT_TUNING = {
    "objective": {"metric": "loss", "type": "minimize"},
    "strategy": "random",
    "max_jobs": 6,
    "max_parallel_jobs": 2,
    "space": {"x": {"continuous": [0.1, 0.5]}},
}


@pytest.fixture
def bare(tmp_path: Path) -> Retune:
    """`retune` whose run must end before it needs any service."""
    home = tmp_path / "home"
    return Retune(home=home, cwd=REPO, environment=environment_of(home))


def refused(finished: Finished, *, code: int, says: str) -> None:
    assert finished.code == code, finished.err
    assert finished.out == ""
    lines = finished.err.strip().splitlines()
    assert len(lines) == 1, finished.err
    assert re.search(says, lines[0]), lines[0]


def nothing_left(retune: Retune) -> None:
    left = [p for p in retune.home.rglob("*") if p.is_file()] if retune.home.exists() else []
    assert left == []


def csv(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    return {"source": str(path), "target": "y"}


ROWS = "".join(f"{i},{i * 7 % 13},{'ab'[i % 3 == 0]}\n" for i in range(200))


WRONG_RANGE = {"space": {"eta": {"continuous": [0.5, 0.1]}}}
LOG_FROM_0 = {"space": {"eta": {"continuous": [0, 1], "scaling": "logarithmic"}}}
WRONG_WAY = {"objective": {"metric": "validation:accuracy", "type": "minimize"}, "space": {"eta": {"integer": [0, 1]}}}
NO_SOURCE = {"entry_point": "t.py", "source_dir": "nowhere", "metrics": [{"name": "loss", "regex": "(.)"}]}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"tuning": WRONG_RANGE}, r"tuning\.space\.eta: low < high must hold, got \[0\.5, 0\.1\]"),
        ({"tuning": LOG_FROM_0}, "logarithmic scaling needs low > 0"),
        ({"tuning": WRONG_WAY}, r"tuning\.objective\.type: must be maximize, .* got minimize"),
        ({"tunning": {}}, "tunning: unknown key; did you mean tuning"),
        ({"training": {"hyperparameters": {"num_round": 3, "etta": 1}}}, "etta: .*did you mean eta"),
        ({"training": NO_SOURCE, "tuning": SCRIPT_TUNING}, "nowhere"),
    ],
    ids=["wrong range", "log scale from 0", "wrong way", "unknown key", "unknown hyperparameter", "no source_dir"],
)  # fmt: skip
def test_a_spec_that_breaks_a_law_is_refused(
    parts: dict[str, Any], says: str, bare: Retune, write_spec: Callable[..., Path]
) -> None:
    """The spec's errors cost a second and write nothing."""
    base = {"objective": {"metric": "validation:accuracy", "type": "maximize"}}
    if "tuning" in parts:
        parts = {**parts, "tuning": {**base, **parts["tuning"]}}

    finished = bare("run", str(write_spec(**parts)))

    refused(finished, code=66 if "source_dir" in says or "nowhere" in says else 65, says=says)
    nothing_left(bare)


def test_a_missing_spec_names_the_nearest(bare: Retune) -> None:
    """A wrong path costs one look."""
    refused(bare("run", "flows/specs/digit.yaml"), code=66, says=r"did you mean flows/specs/digits\.yaml")
    nothing_left(bare)


def test_a_duplicate_key_is_refused(bare: Retune, tmp_path: Path) -> None:
    """The second of two equal keys must not win silently."""
    path = tmp_path / "twice.yaml"
    path.write_text("name: a\nname: b\n")

    refused(bare("run", str(path)), code=65, says="line 2: a key may stand once, got 'name' again")
    nothing_left(bare)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("a,b,y\n", "rows"),
        ("a,b,y\n" + ROWS.replace("b", "a"), "class"),
        ("a,b,z\n" + ROWS, "'y'|y "),
        ("a,b,y\n" + "".join(f"{i},{i % 2},{i % 2}\n" for i in range(200)), "must not tell the target"),
    ],
    ids=["empty CSV", "no rows", "one class", "unknown target", "leaking column"],
)
def test_data_that_must_not_be_trained_on_is_refused(
    text: str, says: str, bare: Retune, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    """The data's errors are told before anything is written, started or paid for."""
    spec = write_spec(data=csv(tmp_path / "rows.csv", text))

    refused(bare("run", str(spec)), code=65, says=says)
    nothing_left(bare)


def test_a_missing_source_is_refused(bare: Retune, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    """A file that is not there is named."""
    spec = write_spec(data={"source": str(tmp_path / "none.csv"), "target": "y"})

    refused(bare("run", str(spec)), code=66, says=r"none\.csv")
    nothing_left(bare)


def test_a_truncated_archive_is_refused(bare: Retune, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    """Half a gzip file is damage, not data."""
    path = tmp_path / "rows.csv.gz"
    whole = gzip.compress(("a,b,y\n" + ROWS).encode())
    path.write_bytes(whole[: len(whole) // 2])

    refused(bare("run", str(write_spec(data={"source": str(path), "target": "y"}))), code=74, says=r"rows\.csv\.gz")
    nothing_left(bare)


def test_an_unwritable_home_is_refused(bare: Retune, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    """A home that is a file cannot hold state."""
    blocked = tmp_path / "file"
    blocked.write_text("")

    finished = bare("run", str(write_spec()), RETUNE_HOME=str(blocked))

    refused(finished, code=73, says=f"{blocked}")


def test_a_full_disk_is_refused(bare: Retune, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    """A disk without room is told in one line, with what to do."""
    small = tmp_path / "small"
    small.mkdir()
    spec = write_spec()
    unshare = shutil.which("unshare")
    assert unshare is not None
    script = f"mount -t tmpfs -o size=64k none {small} && exec {sys.executable} -m flows.cli run {spec}"

    done = subprocess.run(
        [unshare, "--mount", "--map-root-user", "sh", "-c", script],
        cwd=REPO, env={**bare.environment, "RETUNE_HOME": str(small)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    refused(
        Finished(code=done.returncode, out=done.stdout, err=done.stderr),
        code=73,
        says="RETUNE_HOME needs 100 MB of free disk, got 0.1 MB",
    )


def test_a_busy_port_is_refused_before_training(bare: Retune, write_spec: Callable[..., Path]) -> None:
    """An explicit port that somebody holds is an error naming the holder."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        spec = write_spec(deployment={"port": port})

        refused(bare("run", str(spec)), code=75, says=rf"{port}.*(pid|process)")
    nothing_left(bare)


def test_s3_that_does_not_answer_is_refused(bare: Retune, write_spec: Callable[..., Path]) -> None:
    """A store out of reach is a retryable error that names the endpoint."""
    finished = bare(
        "run",
        str(write_spec()),
        RETUNE_BUCKET="some-bucket",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="y",
    )

    refused(finished, code=69, says="127.0.0.1:9")


def test_a_tracking_server_that_does_not_answer_is_refused(bare: Retune, write_spec: Callable[..., Path]) -> None:
    """MLflow out of reach costs no training."""
    finished = bare("run", str(write_spec()), MLFLOW_TRACKING_URI="http://127.0.0.1:9")

    refused(finished, code=69, says="127.0.0.1:9")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run"], 64, "Missing argument"),
        (["run", "flows/specs/digits.yaml", "--bogus"], 64, "No such option"),
        (["run", "flows/specs/digits.yaml", "--engine", "azure"], 65, "engine must be one of local, sagemaker"),
        (["run", "flows/specs/digits.yaml", "--engine", "sagemaker"], 65, "needs RETUNE_BUCKET .* and RETUNE_ROLE_ARN"),
        (["run", "flows/specs/digits.yaml", "--mode", "refit"], 65, "got none; run once without it"),
        (["run", "flows/specs/digits.yaml", "--max-jobs", "0"], 65, r"tuning\.max_jobs: must be .* got 0"),
        (["run", "flows/specs/digits.yaml", "--max-cost-usd", "0"], 65, r"budget\.max_cost_usd: must be .* got 0"),
        (["trials", "no-such-job"], 66, "no tuning job no-such-job"),
        (["logs", "no-such-job"], 66, "no training job no-such-job"),
        (["rollback", "no-such-model"], 66, "no-such-model"),
    ],
)
def test_a_command_line_that_cannot_be_followed_is_refused(
    arguments: list[str], code: int, says: str, bare: Retune
) -> None:
    """Usage errors are 64, wrong values 65, things that are not there 66."""
    finished = bare(*arguments)

    assert finished.code == code, finished.err
    assert re.search(says, finished.err), finished.err
    nothing_left(bare)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "import sys; print('cannot go on', file=sys.stderr); sys.exit(1)",
            "No training job succeeded after 5 attempts",
        ),
        ("print('trained, and silent')", "No objective metrics found"),
    ],
    ids=["exits 1", "prints no metric"],
)
def test_a_script_that_yields_nothing_fails_the_run_with_the_reason(
    script: str, says: str, retune: Retune, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    """No model, no version, no server: the search's own reason is told."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(script)
    training = {
        "entry_point": "train.py",
        "source_dir": str(tmp_path / "code"),
        "metrics": [{"name": "loss", "regex": "loss = ([0-9.]+)"}],
    }

    finished = retune("run", str(write_spec(training=training, tuning=SCRIPT_TUNING)))

    assert finished.code == 70, finished.err
    assert re.search(says, finished.err), finished.err
    assert len(finished.err.strip().splitlines()) == 1
