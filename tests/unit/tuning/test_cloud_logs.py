"""What a training job printed, as CloudWatch has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from components.errors import NotFound
from components.tuning.engines import sagemaker

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def logs(_moto: ThreadedMotoServer) -> Any:
    host, port = _moto.get_host_and_port()
    return boto3.client("logs", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")


def test_a_log_is_every_page_of_the_job_s_own_stream(logs: Any) -> None:
    """All lines in their order, of this training job and of none whose name begins alike; none yet is said so."""
    engine = sagemaker.connect(client=boto3.client("sagemaker", region_name="us-east-1"), logs=lambda: logs)
    with pytest.raises(NotFound, match="job-001 has no log in CloudWatch yet"):
        engine.log("job-001")

    logs.create_log_group(logGroupName=GROUP)
    now_ms = 1_795_000_000_000
    for job, count in (("job-001", 250), ("job-0012", 1)):
        stream = f"{job}/algo-1-1795000000"
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        events = [{"timestamp": now_ms + line, "message": f"{job} line {line}"} for line in range(count)]
        logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)

    assert engine.log("job-001").splitlines() == [f"job-001 line {line}" for line in range(250)]
