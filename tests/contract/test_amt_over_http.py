"""The contract of the local AMT as an unmodified boto3 client sees it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from amt_contract import AmtContract
from http_rig import HttpRig, http_rig
from spot_cases import MARKET, SpotContract
from training_job_cases import TrainingJobContract
from tuning_job_cases import TuningJobContract


@pytest.fixture(scope="class")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpRig]:
    """One server for each contract."""
    with http_rig(tmp_path_factory.mktemp("served")) as rig:
        yield rig


class TestAmtOverHttp(AmtContract):
    """boto3 over HTTP."""


class TestTuningJobsOverHttp(TuningJobContract):
    """boto3 over HTTP."""


class TestTrainingJobsOverHttp(TrainingJobContract):
    """boto3 over HTTP; each case has a server of its own, whose list holds nothing else."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[HttpRig]:
        with http_rig(tmp_path / "served") as rig:
            yield rig


class TestSpotOverHttp(SpotContract):
    """boto3 over HTTP, the market given on the command line."""

    @pytest.fixture(scope="class")
    @classmethod
    def rig(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpRig]:
        taken = MARKET.interruptions
        assert taken is not None
        mean, notice = f"--spot-interruption-mean-s={taken.mean_s}", f"--spot-notice-s={taken.notice_s}"
        options = (mean, notice, f"--spot-seed={taken.seed}", f"--spot-discount={MARKET.discount}")
        with http_rig(tmp_path_factory.mktemp("market"), *options) as rig:
            yield rig
