"""The example scripts, called as SageMaker's script mode calls them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from container_folder import Container, Rows, csv_text
from sklearn.metrics import average_precision_score, roc_auc_score

REPO = Path(__file__).resolve().parents[3]
EXAMPLE = REPO / "flows" / "specs" / "scripts" / "average_precision"
MLFLOW_SCRIPT = Path(__file__).parent / "scripts" / "mlflow_model"


def run_script(container: Container, data: tuple[Rows, Rows], folder: Path, *arguments: str) -> str:
    """Run `train.py` of a folder with the environment of script mode; its stdout."""
    for name, rows in zip(("train", "validation"), data, strict=True):
        container.put(name, "part-0.csv", csv_text(rows))
    model = container.base / "model"
    model.mkdir()
    channels = container.base / "input" / "data"
    environment = os.environ | {
        "SM_CHANNEL_TRAIN": str(channels / "train"),
        "SM_CHANNEL_VALIDATION": str(channels / "validation"),
        "SM_MODEL_DIR": str(model),
    }
    command = [sys.executable, str(folder / "train.py"), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_the_example_prints_its_metrics_and_leaves_a_model_that_scores_them(
    container: Container, two_classes: tuple[Rows, Rows]
) -> None:
    """The spec's regexes find both metrics on one line, and `inference.py` in the model folder reproduces them."""
    out = run_script(container, two_classes, EXAMPLE, "--learning_rate", "0.2", "--max_iter", "20")
    folder = container.base / "model"
    specification = importlib.util.spec_from_file_location("example_inference", folder / "inference.py")
    assert specification is not None
    assert specification.loader is not None
    inference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(inference)
    rows = np.genfromtxt(container.base / "input" / "data" / "validation" / "part-0.csv", delimiter=",")
    probability = inference.predict_fn(rows[:, 1:], inference.model_fn(str(folder)))
    labels = two_classes[1][1]

    spec = (REPO / "flows" / "specs" / "bank-marketing-script.yaml").read_text()
    regexes = [text.replace("\\\\", "\\") for text in re.findall(r'regex: "(.*)"', spec)]
    found = [re.search(regex, out) for regex in regexes]

    assert [match and match.group(1) for match in found] == [
        f"{roc_auc_score(labels, probability):.4f}",
        f"{average_precision_score(labels, probability):.4f}",
    ]
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"inference.py", "model.joblib"}


@pytest.mark.slow
def test_a_script_may_leave_an_mlflow_model(container: Container, two_classes: tuple[Rows, Rows]) -> None:
    """The other form a script's model may have: MLflow's own, to be registered as it is."""
    out = run_script(container, two_classes, MLFLOW_SCRIPT, "--C", "0.5")

    assert re.search(r"pr_auc = ([0-9\.]+)", out)
    assert (container.base / "model" / "MLmodel").is_file()
