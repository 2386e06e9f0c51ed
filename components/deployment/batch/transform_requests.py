"""SageMaker's requests for a batch, pure: CreateModel and CreateTransformJob.

A part of the input is one request of the hosted model: JSON as its endpoint takes it, below SageMaker's payload limit.
So nothing depends on how the service would cut a file, and a part's answers are one object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components import naming
from components.deployment.endpoint_requests import container_request
from components.project_settings import SageMakerSettings

MAX_PAYLOAD_MB = 6
CONTENT_TYPE = "application/json"
# What the service adds to an input's key.
ANSWER_SUFFIX = ".out"
_ANSWER_WITHIN_S = 600


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """What predicts a batch on SageMaker.

    Attributes:
        model: Registered model.
        version: Of it.
        image: Image of its kind of model.
        model_data: `s3://` URI of its archive with `code/inference.py`.
        role_arn: Role the container runs as.
        base_uri: `s3://bucket/prefix` below which parts and answers are.
        instance_type: SageMaker's name of the machine.
        instance_count: Machines.
        max_runtime_s: The job is stopped after this. SageMaker itself bounds a transform job by nothing.
        laid_down: Network and keys, from the project's settings.
        tags: On all that is made.
    """

    model: str
    version: str
    image: str
    model_data: str
    role_arn: str
    base_uri: str
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    max_runtime_s: int = 3600
    laid_down: SageMakerSettings = field(default_factory=SageMakerSettings)
    tags: Mapping[str, str] = field(default_factory=dict)

    def digest(self, input_fingerprint: str) -> str:
        """What makes two batches the same: who answers, and the rows. 64 hex digits."""
        return naming.digest_of(
            {
                "model": self.model,
                "version": self.version,
                "image": self.image,
                "model_data": self.model_data,
                "input": input_fingerprint,
            }
        )

    def uri(self, digest: str, name: str) -> str:
        """Of something that belongs to the batch."""
        return f"{self.base_uri}/{naming.batch_prefix(self.model, digest)}/{name}"


def model_request(plan: BatchPlan, digest: str) -> dict[str, Any]:
    """CreateModel."""
    container = container_request(
        role_arn=plan.role_arn, image=plan.image, archive_uri=plan.model_data, laid_down=plan.laid_down
    )
    return {"ModelName": naming.transform_model_name(plan.model, digest), **container, "Tags": _tags(plan)}


def transform_request(plan: BatchPlan, digest: str, attempt: int) -> dict[str, Any]:
    """CreateTransformJob of the batch's n-th attempt, from 1."""
    resources: dict[str, Any] = {"InstanceType": plan.instance_type, "InstanceCount": plan.instance_count}
    output: dict[str, Any] = {
        "S3OutputPath": plan.uri(digest, "answers"),
        "Accept": CONTENT_TYPE,
        "AssembleWith": "None",
    }
    if plan.laid_down.kms_key_id is not None:
        resources["VolumeKmsKeyId"] = output["KmsKeyId"] = plan.laid_down.kms_key_id
    return {
        "TransformJobName": naming.transform_job_name(plan.model, digest, attempt),
        "ModelName": naming.transform_model_name(plan.model, digest),
        "BatchStrategy": "SingleRecord",
        "MaxPayloadInMB": MAX_PAYLOAD_MB,
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": _ANSWER_WITHIN_S, "InvocationsMaxRetries": 1},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": plan.uri(digest, "parts/")}},
            "ContentType": CONTENT_TYPE,
            "CompressionType": "None",
            "SplitType": "None",
        },
        "TransformOutput": output,
        "TransformResources": resources,
        "Tags": _tags(plan),
    }


def _tags(plan: BatchPlan) -> list[dict[str, str]]:
    tags = {**plan.tags, naming.TAG_MODEL: plan.model, "retune.version": plan.version}
    return [{"Key": key, "Value": value} for key, value in tags.items()]
