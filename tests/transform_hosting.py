"""Batch Transform on moto's server: jobs that really send their input to the model's own container.

moto keeps transform jobs and says at once that they are complete; it runs nothing and has no StopTransformJob. Added
here, in the server's own process: a job begins when it is made and ends when somebody looks at it. Each object below
its input prefix is one request of the container (SplitType None, SingleRecord), and its answer an object named `.out`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from tests.endpoint_rig import client_of
from tests.sagemaker_hosting import Hosting


@contextmanager
def transforming(hosting: Hosting) -> Iterator[None]:
    """The server transforms, too, until the block ends."""
    from moto.core.responses import ActionResult
    from moto.sagemaker.responses import SageMakerResponse

    create, describe = SageMakerResponse.create_transform_job, SageMakerResponse.describe_transform_job

    def create_transform_job(self: Any) -> Any:
        answer = create(self)
        _job(self).transform_job_status = "InProgress"
        return answer

    def describe_transform_job(self: Any) -> Any:
        job = self.sagemaker_backend.transform_jobs.get(self._get_param("TransformJobName"))
        if job is not None and job.transform_job_status == "InProgress":
            _transform(hosting, self, job)
        return describe(self)

    def stop_transform_job(self: Any) -> Any:
        _job(self).transform_job_status = "Stopped"
        return ActionResult({})

    SageMakerResponse.create_transform_job = create_transform_job  # type: ignore[method-assign]
    SageMakerResponse.describe_transform_job = describe_transform_job  # type: ignore[method-assign]
    SageMakerResponse.stop_transform_job = stop_transform_job  # type: ignore[attr-defined]
    try:
        yield
    finally:
        SageMakerResponse.create_transform_job = create  # type: ignore[method-assign]
        SageMakerResponse.describe_transform_job = describe  # type: ignore[method-assign]
        del SageMakerResponse.stop_transform_job  # type: ignore[attr-defined]


def _job(response: Any) -> Any:
    return response.sagemaker_backend.transform_jobs[json.loads(response.body)["TransformJobName"]]


def _transform(hosting: Hosting, response: Any, job: Any) -> None:
    assert (job.batch_strategy, job.transform_input["SplitType"]) == ("SingleRecord", "None")
    fault = _fault(hosting, response, job)
    job.transform_job_status = "Completed" if fault is None else "Failed"
    job.failure_reason = fault or ""
    job.transform_end_time = job.transform_start_time + timedelta(seconds=360)  # of machine time: a tenth of an hour


def _fault(hosting: Hosting, response: Any, job: Any) -> str | None:
    """Ask the container about every object; why that went wrong, or None."""
    s3 = client_of(hosting, "s3")
    bucket, _, prefix = job.transform_input["DataSource"]["S3DataSource"]["S3Uri"].removeprefix("s3://").partition("/")
    to_bucket, _, to_prefix = job.transform_output["S3OutputPath"].removeprefix("s3://").partition("/")
    try:
        container = hosting.container_of(response, job.model_name)
    except RuntimeError as error:
        return f"AlgorithmError: {error}"
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        if len(body) > job.max_payload_in_mb * 1024 * 1024:
            return f"ClientError: {entry['Key']} is larger than MaxPayloadInMB"
        accept = job.transform_output["Accept"]
        status, answer, _ = container.invoke(body, job.transform_input["ContentType"], accept)
        if status != 200:
            return f"ClientError: {entry['Key']} was answered {status}: {answer.decode()[:300]}"
        s3.put_object(Bucket=to_bucket, Key=f"{to_prefix}/{entry['Key'].rpartition('/')[2]}.out", Body=answer)
    return None
