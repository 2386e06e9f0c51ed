"""Hosting on moto's server: UpdateEndpoint, which moto lacks, and InvokeEndpoint answered by real containers.

moto keeps models, configurations and endpoints, and puts an endpoint into service at once. Added here, in the server's
own process: an update that takes its time, goes back when one of its alarms is in ALARM or its container does not come
to serve, and can be held in the middle; and answers from the model's own archive (hosting.py).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.hosting import Container, start_container


@dataclass(kw_only=True)
class Hosting:
    """What the server does to endpoints, and what it was asked.

    Attributes:
        url: Of the server.
        updates: UpdateEndpoint's requests, in order.
        held: While set, an update stays in the middle.
        updating: Set when an update has begun.
        spoilt: While set, containers answer numbers that are not the model's.
        containers: By SageMaker model.
    """

    url: str
    updates: list[dict[str, Any]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    updating: threading.Event = field(default_factory=threading.Event)
    spoilt: threading.Event = field(default_factory=threading.Event)
    containers: dict[str, Container] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, response: Any) -> dict[str, str]:
        """UpdateEndpoint."""
        from moto.sagemaker.exceptions import ValidationError

        request = json.loads(response.body)
        backend = response.sagemaker_backend
        backend.describe_endpoint(request["EndpointName"])  # raises what AWS says of one that is not there
        backend.describe_endpoint_config(request["EndpointConfigName"])
        endpoint = backend.endpoints[request["EndpointName"]]
        if endpoint.endpoint_status != "InService":
            raise ValidationError(message=f'Cannot update in-progress endpoint "{endpoint.arn}".')
        endpoint.endpoint_status = "Updating"
        endpoint.failure_reason = None
        self.updates.append(request)
        self.updating.set()
        return {"EndpointArn": endpoint.arn}

    def look(self, response: Any) -> None:
        """Go on with an update when somebody looks, unless it is held."""
        name = json.loads(response.body)["EndpointName"]
        endpoint = response.sagemaker_backend.endpoints.get(name)
        if endpoint is None or endpoint.endpoint_status != "Updating" or self.held.is_set():
            return
        with self._turn:
            request = next(each for each in reversed(self.updates) if each["EndpointName"] == name)
            reason = self._why_not(response, request)
            if reason is None:
                endpoint.endpoint_config_name = request["EndpointConfigName"]
            else:
                endpoint.failure_reason = reason
            endpoint.endpoint_status = "InService"

    def _why_not(self, response: Any, request: dict[str, Any]) -> str | None:
        from moto.cloudwatch.models import cloudwatch_backends

        watched = request.get("DeploymentConfig", {}).get("AutoRollbackConfiguration", {}).get("Alarms", [])
        alarms = cloudwatch_backends[response.current_account][response.region].alarms
        for each in watched:
            if alarms[each["AlarmName"]].state_value == "ALARM":
                return f"alarm {each['AlarmName']} went off"
        try:
            self._container(response, request["EndpointConfigName"])
        except RuntimeError as error:
            return f"The primary container did not pass the ping health check. {str(error)[-200:]}"
        return None

    def _container(self, response: Any, config_name: str) -> Container:
        from moto.sagemaker.models import sagemaker_backends

        backend = sagemaker_backends[response.current_account][response.region]
        (variant,) = backend.endpoint_configs[config_name].production_variants
        return self.container_of(response, variant["ModelName"])

    def container_of(self, response: Any, model_name: str) -> Container:
        """The container of a SageMaker model, started once. Raises RuntimeError when it does not come to serve."""
        from moto.s3.models import s3_backends
        from moto.sagemaker.models import sagemaker_backends

        model = sagemaker_backends[response.current_account][response.region].describe_model(model_name)
        if model_name not in self.containers:
            bucket, _, key = model.primary_container["ModelDataUrl"].removeprefix("s3://").partition("/")
            archive = s3_backends[response.current_account]["aws"].get_object(bucket, key).value
            self.containers[model_name] = start_container(archive)
        return self.containers[model_name]

    def invoke(self, response: Any) -> tuple[int, dict[str, str], bytes | str]:
        """InvokeEndpoint."""
        from moto.sagemaker.models import sagemaker_backends

        name = response.path.split("/")[2]
        endpoint = sagemaker_backends[response.current_account][response.region].endpoints.get(name)
        if endpoint is None:
            return (
                400,
                {"status": "400", "x-amzn-ErrorType": "ValidationError"},
                json.dumps({"Message": f"Endpoint {name} not found."}),
            )
        with self._turn:
            container = self._container(response, endpoint.endpoint_config_name)
        headers = {key.lower(): value for key, value in response.headers.items()}
        body = response.body if isinstance(response.body, bytes) else response.body.encode()
        accept = headers.get("accept", "application/json")
        status, answer, content_type = container.invoke(body, headers["content-type"], accept)
        if status != 200:
            said = f"Received server error ({status}) from champion with message {answer.decode()!r}."
            return (
                424,
                {"status": "424", "x-amzn-ErrorType": "ModelError"},
                json.dumps({"Message": said, "OriginalStatusCode": status}),
            )
        if self.spoilt.is_set():
            answer = re.sub(rb"(0\.\d\d)", rb"\g<1>9", answer)
        return 200, {"Content-Type": content_type, "x-Amzn-Invoked-Production-Variant": "champion"}, answer

    def close(self) -> None:
        """End the containers."""
        self.held.clear()
        for container in self.containers.values():
            container.stop()


_current: list[Hosting] = []


@contextmanager
def hosting_on(url: str) -> Iterator[Hosting]:
    """Moto's server at `url`, in this process, hosts until the block ends."""
    hosting = Hosting(url=url)
    _extend()
    _current.append(hosting)
    try:
        yield hosting
    finally:
        _current.remove(hosting)
        hosting.close()


def _extend() -> None:
    from moto.core.responses import ActionResult
    from moto.sagemaker.responses import SageMakerResponse
    from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

    if hasattr(SageMakerResponse, "update_endpoint"):
        return
    describe = SageMakerResponse.describe_endpoint

    def describe_endpoint(self: Any) -> Any:
        for hosting in _current:
            hosting.look(self)
        return describe(self)

    def update_endpoint(self: Any) -> Any:
        return ActionResult(_current[-1].begin(self))

    def invoke_endpoint(self: Any) -> Any:
        return _current[-1].invoke(self)

    SageMakerResponse.update_endpoint = update_endpoint  # type: ignore[attr-defined]
    SageMakerResponse.describe_endpoint = describe_endpoint
    SageMakerRuntimeResponse.invoke_endpoint = invoke_endpoint  # type: ignore[method-assign]
