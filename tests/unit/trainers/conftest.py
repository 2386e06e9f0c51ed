"""Containers and data for the tests of the trainers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from container_folder import Array, Container, Rows, Run

from components.trainers import xgboost as trainer


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Container:
    """An empty container folder; `run` calls the trainer's `main` in this process."""
    base = tmp_path / "ml"
    base.mkdir()
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))

    def run() -> Run:
        capfd.readouterr()
        code = trainer.main()
        return Run(code=code, lines=capfd.readouterr().out.splitlines(), base=base)

    return Container(base=base, run=run)


@pytest.fixture
def two_classes() -> tuple[Rows, Rows]:
    """Rows of two classes, a fifth of them positive, with missing values: train and validation."""
    return _parts(lambda score, noise: (score + noise > np.quantile(score, 0.8)).astype(float))


@pytest.fixture
def three_classes() -> tuple[Rows, Rows]:
    """Rows of three classes: train and validation."""
    return _parts(lambda score, noise: np.digitize(score + noise, np.quantile(score, [0.3, 0.7])).astype(float))


@pytest.fixture
def numbers() -> tuple[Rows, Rows]:
    """Rows with a positive number to predict: train and validation."""
    return _parts(lambda score, noise: np.round(np.exp(score / 4 + noise / 8), 4))


def _parts(label: Callable[[Array, Array], Array]) -> tuple[Rows, Rows]:
    random = np.random.default_rng(7)
    features = random.normal(size=(500, 5)).round(4)
    labels = label(features[:, 0] + features[:, 1] ** 2, 0.5 * random.normal(size=500))
    features[random.random(features.shape) < 0.02] = np.nan
    return (features[:350], labels[:350]), (features[350:], labels[350:])
