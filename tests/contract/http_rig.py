"""A boto3 client of a served local AMT, every request and answer of which is checked against botocore's model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amt_cases import a_store
from amt_endpoint import Serving, serving
from botocore.model import OperationModel

from components.amt import service_model
from components.amt.client import LocalAmt
from components.amt.validation import model_breaches
from components.storage.local import FolderStore


class HttpRig:
    """boto3's methods over HTTP; the extras of LocalAmt from a client in process that only looks.

    Args:
        served: The endpoint.
        store: Its store.
        look: A LocalAmt on the same home.
    """

    def __init__(self, served: Serving, store: FolderStore, look: LocalAmt) -> None:
        self.served = served
        self.store = store
        self.client = served.client
        self.exchanges = 0
        self._look = look
        self._request: dict[str, Any] = {}
        self.client.meta.events.register("provide-client-params.sagemaker", self._asked)
        self.client.meta.events.register("before-parse.sagemaker", self._answered)
        self.client.meta.events.register("after-call.sagemaker", self._parsed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client if hasattr(self.client, name) else self._look, name)

    def _asked(self, params: dict[str, Any], **_: Any) -> None:
        self._request = params

    def _answered(self, operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
        """What travels: status, headers, and a body that holds no member the model does not know."""
        self.exchanges += 1
        assert response_dict["headers"]["content-type"] == "application/x-amz-json-1.1"
        assert response_dict["headers"]["x-amzn-requestid"]
        document = json.loads(response_dict["body"] or b"{}")
        if response_dict["status_code"] != 200:
            assert response_dict["status_code"] == 400
            assert set(document) == {"__type", "message"}
            return
        shape = operation_model.output_shape
        if shape is None:
            assert document == {}
        else:
            found = list(service_model._walk(shape, document, (), output=False))
            assert [str(breach) for breach in found] == []

    def _parsed(self, http_response: Any, parsed: dict[str, Any], model: OperationModel, **_: Any) -> None:
        """What a client holds then: a request and an answer within every limit of the model."""
        if http_response.status_code == 200:
            answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
            assert model_breaches(model.name, answer, output=True) == []


@contextmanager
def http_rig(home: Path, *arguments: str, **variables: str) -> Iterator[HttpRig]:
    """A server on a home of its own, and the client."""
    store = a_store(home / "store")
    with serving(home, "local", *arguments, **variables) as served:
        look = LocalAmt(home=served.amt_home, store=store, supervise=False)
        try:
            yield HttpRig(served, store, look)
        finally:
            look.close()
