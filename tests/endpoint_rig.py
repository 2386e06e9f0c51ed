"""The target sagemaker on moto's server, with a bucket and a registry of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3

from components.deployment.deployment_spec import DeploymentSpec
from components.deployment.endpoint_requests import HostingPlan
from components.deployment.endpoint_service import EndpointService
from components.deployment.targets.sagemaker_endpoint import SageMakerEndpoint
from components.registry.mlflow_registry import Registry
from components.storage.s3 import S3Store
from tests.sagemaker_hosting import Hosting

BUCKET = "models"
ROLE = "arn:aws:iam::123456789012:role/retune"


def endpoint_target(hosting: Hosting, registry: Registry, scratch: Path, **spec: Any) -> SageMakerEndpoint:
    """The target.

    Args:
        hosting: The server.
        registry: Of the model.
        scratch: For fetched files.
        spec: Fields of the spec's `deployment`.
    """
    store = client_of(hosting, "s3")
    store.create_bucket(Bucket=BUCKET)
    return SageMakerEndpoint(
        service=EndpointService(
            sagemaker=client_of(hosting, "sagemaker"),
            runtime=client_of(hosting, "sagemaker-runtime"),
            store=S3Store(store),
            poll_s=0.05,
        ),
        plan=HostingPlan(
            spec=DeploymentSpec.model_validate({"target": "sagemaker", "shift": {"bake_s": 0}, **spec}),
            role_arn=ROLE,
            images={"xgboost": "1.dkr/sagemaker-xgboost:3.2-0", "inference": "1.dkr/sagemaker-scikit-learn:1.2-1"},
            tags={"team": "growth"},
        ),
        base_uri=f"s3://{BUCKET}/retune",
        registry=lambda _model: registry,
        scratch=scratch,
        cloudwatch=lambda: client_of(hosting, "cloudwatch"),
        autoscaling=lambda: client_of(hosting, "application-autoscaling"),
    )


def client_of(hosting: Hosting, service: str) -> Any:
    """A boto3 client of the server; what moto does not have fails at once."""
    from botocore.config import Config

    return boto3.client(service, endpoint_url=hosting.url, config=Config(retries={"max_attempts": 1}))
