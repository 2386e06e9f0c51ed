"""The contract of the local AMT as an unmodified boto3 client sees it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from amt_contract import AmtContract
from http_rig import HttpRig, http_rig
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
