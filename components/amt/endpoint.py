"""The local AMT over HTTP in SageMaker's wire protocol (amt.md 0): for boto3, the SageMaker SDK and the AWS CLI.

One address, `POST /`; the operation is in X-Amz-Target. A request passes, in this order: the Host header (a web page
that points its own name at this machine must not get in), the access key, the size of its body, the signature, the
JSON, the service model. Whatever a client sends is answered with a status below 500; 503 says that the store of objects
or the record is out, which clients try again by themselves, and 500 that something here is broken.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import uuid
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from components.amt import endpoint_keys
from components.amt.client import LocalAmt
from components.amt.endpoint_bodies import NotReadable, read_request, write_answer
from components.amt.endpoint_hosts import is_ours
from components.amt.service_model import input_shape
from components.amt.validation import check_model
from components.errors import InvalidInput, NotFound, Refused, RetuneError

CONTENT_TYPE = "application/x-amz-json-1.1"
PING_PATH = "/ping"
OPERATIONS = (
    "CreateHyperParameterTuningJob",
    "DescribeHyperParameterTuningJob",
    "ListHyperParameterTuningJobs",
    "ListTrainingJobsForHyperParameterTuningJob",
    "StopHyperParameterTuningJob",
    "DeleteHyperParameterTuningJob",
    "CreateTrainingJob",
    "DescribeTrainingJob",
    "ListTrainingJobs",
    "StopTrainingJob",
    "ListTags",
)
# The largest request the model allows has less than 1 MB.
MAX_BODY_BYTES = 2 * 1024 * 1024
# A larger body is read to this end before it is refused: a client that is still sending sees no answer.
_DRAINED_BYTES = 16 * MAX_BODY_BYTES
_BODY_WITHIN_S = 60.0
_TARGET = "SageMaker."
# Creates look into the store of objects, which may take its time: they do not keep the others waiting.
_CREATING_THREADS = 8
_OTHER_THREADS = 8
_log = logging.getLogger(__name__)


async def _pong(_request: Request) -> Response:
    return Response(status_code=200)


class _Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(message)


class AmtEndpoint:
    """The HTTP side of a LocalAmt.

    Args:
        amt: What answers.
        keys: The pair requests must be signed with.
        hosts: Names the Host header may have besides this machine's loopback names, such as the listening address.
    """

    def __init__(self, amt: LocalAmt, *, keys: endpoint_keys.KeyPair, hosts: Collection[str] = ()) -> None:
        self._amt = amt
        self._keys = keys
        self._hosts = frozenset(name.lower() for name in hosts)
        self._creating = ThreadPoolExecutor(max_workers=_CREATING_THREADS, thread_name_prefix="amt-create")
        self._others = ThreadPoolExecutor(max_workers=_OTHER_THREADS, thread_name_prefix="amt-answer")

    def asgi(self) -> Starlette:
        """The application."""
        # 200 without a signature says that somebody listens, and nothing else.
        return Starlette(routes=[Route(PING_PATH, _pong, methods=["GET"]), Route("/{path:path}", self)])

    def close(self) -> None:
        """Take no more calls; one that still waits for the store of objects is not waited for."""
        for pool in (self._creating, self._others):
            pool.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = _response(200, await self._answer(request))
        except endpoint_keys.NotSigned as refusal:
            response = _error(400, refusal.code, refusal.message)
        except _Refusal as refusal:
            response = _error(refusal.status, refusal.code, refusal.message)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 - a fault of ours is told as AWS tells its own
            _log.exception("%s could not be answered", request.headers.get("x-amz-target", "a request")[:100])
            response = _error(500, "InternalFailure", "The request processing has failed because of an internal error.")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> bytes:
        headers = {name: ",".join(request.headers.getlist(name)) for name in request.headers}
        try:
            self._check_sender(request, headers)
        except (_Refusal, endpoint_keys.NotSigned):
            await _body(request)  # a client that is still sending sees no answer
            raise
        body = await _body(request)
        if body is None:
            raise _Refusal(413, "RequestEntityTooLargeException", f"A body has at most {MAX_BODY_BYTES} bytes.")
        endpoint_keys.check_signature(headers, body, self._keys, now=dt.datetime.now(dt.UTC))
        operation = _operation(request, headers)
        pool = self._creating if operation.startswith("Create") else self._others
        return await asyncio.get_running_loop().run_in_executor(pool, self._call, operation, body)

    def _check_sender(self, request: Request, headers: Mapping[str, str]) -> None:
        """What can be told before the body is there."""
        if not is_ours(request.headers.getlist("host"), request.scope.get("server"), self._hosts):
            text = "The Host header must be an address this server listens on; see --allow-host."
            raise _Refusal(403, "AccessDeniedException", text)
        endpoint_keys.check_key(headers, self._keys)

    def _call(self, operation: str, body: bytes) -> bytes:
        try:
            request = read_request(body, input_shape(operation))
            check_model(operation, request)
            answer: dict[str, Any] = getattr(self._amt, xform_name(operation))(**request)
        except NotReadable as error:
            raise _Refusal(400, "SerializationException", str(error)) from error
        except ClientError as error:
            told = error.response["Error"]
            raise _Refusal(400, told["Code"], told["Message"]) from error
        except (InvalidInput, NotFound) as error:
            raise _Refusal(400, "ValidationException", str(error)) from error
        except Refused as error:
            raise _Refusal(400, "AccessDeniedException", str(error)) from error
        except RetuneError as error:
            _log.warning("%s: %s", operation, error)
            if error.retryable:
                raise _Refusal(503, "ServiceUnavailable", str(error)) from error
            raise _Refusal(500, "InternalFailure", str(error)) from error
        answer.pop("ResponseMetadata", None)
        return write_answer(answer) if answer else b""


def _operation(request: Request, headers: Mapping[str, str]) -> str:
    if request.method != "POST" or request.url.path != "/" or request.url.query:
        raise _Refusal(404, "UnknownOperationException", "Every operation is POST /.")
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != CONTENT_TYPE or headers.get("content-encoding", "identity") != "identity":
        raise _Refusal(404, "UnknownOperationException", f"The body must be {CONTENT_TYPE}, not compressed.")
    target = headers.get("x-amz-target", "")
    operation = target.removeprefix(_TARGET)
    if operation not in OPERATIONS or not target.startswith(_TARGET):
        text = f"X-Amz-Target must be one of {_TARGET}{{{','.join(OPERATIONS)}}}, got {target[:100]!r}"
        raise _Refusal(400, "UnknownOperationException", text)
    return operation


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too large, which is told once it has been read."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            async for part in request.stream():
                size += len(part)
                if size > _DRAINED_BYTES:
                    break
                if size > MAX_BODY_BYTES:
                    parts.clear()
                else:
                    parts.append(part)
    except TimeoutError as error:
        text = f"The body did not arrive within {_BODY_WITHIN_S:g} s."
        raise _Refusal(408, "RequestTimeoutException", text) from error
    return b"".join(parts) if size <= MAX_BODY_BYTES else None


def _error(status: int, code: str, message: str) -> Response:
    return _response(status, json.dumps({"__type": code, "message": message}).encode())


def _response(status: int, body: bytes) -> Response:
    headers = {"x-amzn-requestid": str(uuid.uuid4()), "content-type": CONTENT_TYPE}
    return Response(body, status, headers=headers)
