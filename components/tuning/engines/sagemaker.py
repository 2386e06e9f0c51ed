"""Engine `sagemaker`: boto3's client itself. Metrics are what DescribeTrainingJob says, logs are CloudWatch's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from components.errors import NotFound
from components.tuning.engine import Engine
from components.tuning.result import CurvePoint

_LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def connect(*, client: Any, logs: Callable[[], Any]) -> Engine:
    """The engine on a client.

    Args:
        client: A boto3 SageMaker client.
        logs: Makes a boto3 CloudWatch Logs client, when a log is asked for.
    """

    def curve(training_job: str, after: int) -> Sequence[CurvePoint]:
        # The last value of each metric. The points between are in CloudWatch, by the minute.
        try:
            job = client.describe_training_job(TrainingJobName=training_job)
        except ClientError:  # not there yet, or throttled: the next look finds it
            return ()
        if job["TrainingJobStatus"] not in ("Completed", "Failed", "Stopped"):
            return ()
        points = [
            CurvePoint(
                metric=entry["MetricName"],
                step=0,
                value=float(entry["Value"]),
                timestamp_s=entry["Timestamp"].timestamp(),
            )
            for entry in job.get("FinalMetricDataList", ())
            if entry["MetricName"] != "ObjectiveMetric"
        ]
        return points[after:]

    def log(training_job: str) -> str:
        lines: list[str] = []
        none_yet = NotFound(f"training job {training_job} has no log in CloudWatch yet")
        reader = logs()
        try:
            # One stream per instance.
            found = reader.describe_log_streams(logGroupName=_LOG_GROUP, logStreamNamePrefix=f"{training_job}/")
            streams = [stream["logStreamName"] for stream in found["logStreams"]]
            if not streams:
                raise none_yet
            page: dict[str, Any] = {"logGroupName": _LOG_GROUP, "logStreamNames": streams}
            while True:
                answer = reader.filter_log_events(**page)
                lines += [event["message"] for event in answer["events"]]
                if not answer.get("nextToken"):
                    return "\n".join(lines) + ("\n" if lines else "")
                page["nextToken"] = answer["nextToken"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise none_yet from None
            raise

    return Engine(
        name="sagemaker",
        client=client,
        wait=lambda _name, timeout_s: time.sleep(timeout_s),
        curve=curve,
        log=log,
        close=client.close,
    )
