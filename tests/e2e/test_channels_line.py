"""Data that exist already: used where they are, by the built-in on rows without names and by one's own script."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_wine

from tests.command import Retune

LAKE = "s3://retune-local/lake"
SCRIPT = """
import os
from pathlib import Path
import mlflow.pyfunc
from mlflow.pyfunc import PythonModel

class Nine(PythonModel):
    def predict(self, context, model_input, params=None):
        return [9] * len(model_input)

files = sorted(Path(os.environ["SM_CHANNEL_IMAGES"]).rglob("*.bin"))
size = sum(file.stat().st_size for file in files)
with files[0].open("rb") as file:
    head = file.read(3)
rate = float(os.environ["SM_HP_RATE"])
print(f"seen = {len(files)} files, {size} bytes, {head!r}")
print(f"score = {1 - (rate - 0.3) ** 2}")
mlflow.pyfunc.save_model(Path(os.environ["SM_MODEL_DIR"]) / "model", python_model=Nine())
"""


def lake_of(retune: Retune) -> Path:
    return retune.home / "store" / "retune-local" / "lake"


def write_rows(lake: Path, *, rows: slice) -> None:
    """Wine as SageMaker's built-in reads it, label first and no header; the test part with names, for us."""
    frame = load_wine(as_frame=True).frame.sample(frac=1, random_state=3).reset_index(drop=True)
    frame = frame[["target", *[name for name in frame if name != "target"]]]
    for part in ("train", "validation", "test"):
        (lake / part).mkdir(parents=True, exist_ok=True)
    frame[rows].to_csv(lake / "train" / "part-0.csv", header=False, index=False)
    frame[100:140].to_csv(lake / "validation" / "part-0.csv", header=False, index=False)
    frame[140:].to_parquet(lake / "test" / "part-0.parquet", index=False)


def test_the_built_in_on_channels_and_a_held_out_one(retune: Retune, write_spec: Callable[..., Path]) -> None:
    """Channels are trained on in place, versions are compared on the held-out one, and a new object is new data."""
    write_rows(lake_of(retune), rows=slice(0, 60))
    channels = {name: {"uri": f"{LAKE}/{name}/"} for name in ("train", "validation", "test")}
    spec = str(write_spec(data={"channels": channels, "target": "target"}))

    told = {each["check"]: each for each in retune.ok("doctor", spec)["checks"]}
    assert {each["status"] for each in told.values()} == {"ok"}, told
    assert told["data"]["says"].startswith("3 objects")
    assert "samples of its channels" in told["smoke trial"]["says"]
    first = retune.ok("run", spec)
    assert (first["promoted"], first["warm_start"]["parents"]) == (True, [])
    assert "on test:accuracy (38 rows)" in first["promotion_reason"]
    assert first["test_score"] > 0.7
    columns = ",".join(load_wine()["feature_names"])
    command = [sys.executable, "-c", ASK, first["deployment"]["url"], columns]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["predictions"][0].keys() >= {"prediction", "probability_0"}
    again = retune.ok("run", spec)
    assert (again["mode"], again["model_version"]) == ("skip", "1")

    write_rows(lake_of(retune), rows=slice(0, 100))
    second = retune.ok("run", spec, "--no-deploy")
    assert second["snapshot"] != first["snapshot"]
    assert second["warm_start"] == {
        **second["warm_start"],
        "type": "TransferLearning",
        "parents": [first["tuning_job"]],
    }
    assert "champion version 1 at" in second["promotion_reason"]
    plan = retune.ok("plan", spec, "--mode", "tune")
    inputs = plan["request"]["TrainingJobDefinition"]["InputDataConfig"]
    assert [entry["DataSource"]["S3DataSource"]["S3Uri"] for entry in inputs] == [
        f"{LAKE}/train/",
        f"{LAKE}/validation/",
    ]


ASK = """
import sys, urllib.request, json
row = dict.fromkeys(sys.argv[2].split(","), 1.5)
body = json.dumps({"dataframe_records": [row]}).encode()
request = urllib.request.Request(sys.argv[1], body, {"Content-Type": "application/json"})
print(urllib.request.urlopen(request).read().decode())
"""

MEASURED = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, file=sys.stderr)
sys.exit(ended.returncode)
"""


@pytest.fixture
def big_spec(retune: Retune, write_spec: Callable[..., Path], tmp_path: Path) -> str:
    images = lake_of(retune) / "images"
    images.mkdir(parents=True)
    for number in range(20):
        with (images / f"{number:02d}.bin").open("wb") as file:
            file.write(b"abc")
            file.truncate(10**9)
    source = tmp_path / "own"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    training = {
        "entry_point": "train.py",
        "source_dir": "own",
        "metrics": [{"name": "score", "regex": "score = ([0-9.]+)"}],
    }
    tuning: dict[str, Any] = {
        "objective": {"metric": "score", "type": "maximize"},
        "strategy": "random",
        "seed": 1,
        "max_jobs": 2,
        "max_parallel_jobs": 1,
        "space": {"rate": {"continuous": [0.1, 0.5]}},
    }
    images_channel = {"uri": f"{LAKE}/images/", "content_type": "application/octet-stream", "input_mode": "FastFile"}
    return str(write_spec(data={"channels": {"images": images_channel}}, training=training, tuning=tuning))


@pytest.mark.slow
def test_twenty_gigabytes_are_not_read_into_the_flow(retune: Retune, big_spec: str) -> None:
    """A script streams 20 GB from where they are; the flow stays under 1 GB and goes by what the trials reported."""
    command = [sys.executable, "-m", "flows.cli", "run", big_spec, "--no-deploy", "--json"]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        cwd=retune.cwd,
        env=dict(retune.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    told = {each["check"]: each for each in retune.ok("doctor", big_spec)["checks"]}
    assert (told["smoke trial"]["status"], told["data"]["status"]) == ("warning", "ok")
    assert 10**8 < int(ended.stderr.split()[-1]) < 10**9
    assert (result["trials"]["completed"], result["promoted"], result["test_score"]) == (2, True, None)
    assert "no rows were held out" in result["promotion_reason"]
    seen = retune("logs", result["best"]["training_job"]).out
    assert f"seen = 20 files, {20 * 10**9} bytes, b'abc'" in seen
    assert sum(each.stat().st_blocks for each in (lake_of(retune) / "images").iterdir()) * 512 < 10**6
    kept = [each for each in retune.home.rglob("*") if each.is_file() and not each.is_symlink()]
    assert sum(each.stat().st_blocks for each in kept) * 512 < 10**9, "nothing has copied them"

    again = retune.ok("run", big_spec, "--no-deploy", "--mode", "tune")
    assert again["promoted"] is False
    assert "champion version 1 at" in again["promotion_reason"]
