"""The HTTP side: MLflow's scoring protocol, and the one command this server takes."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from components.deployment.model_server.answers import as_json
from components.deployment.model_server.champion import Champion
from components.deployment.model_server.faults import said_by
from components.deployment.model_server.rows import CSV, JSON, form_of, read_rows
from components.deployment.service_record import identity_of
from components.errors import InvalidInput, RetuneError

MAX_BODY_BYTES = 16 * 1024 * 1024
# A larger body is read to this end before it is refused: a client that is still sending sees no answer.
_DRAINED_BYTES = 4 * MAX_BODY_BYTES
_log = logging.getLogger(__name__)


class ScoringApp:
    """The endpoints of one champion.

    Args:
        champion: What answers.
        nonce: What `POST /-/reload` must bear; None refuses it always.
        model: Name of the registered model.
        alias: Its alias.
    """

    def __init__(self, champion: Champion, *, nonce: str | None, model: str, alias: str) -> None:
        self._champion = champion
        self._nonce = nonce
        self._about = {"model": model, "alias": alias}
        self._pool = ThreadPoolExecutor(max_workers=max(4, os.cpu_count() or 1), thread_name_prefix="predict")

    def asgi(self) -> Starlette:
        """The application. Only for names of this machine: a web page may not reach it by a name of its own."""
        return Starlette(
            routes=[
                Route("/ping", self.ping),
                Route("/health", self.health),
                Route("/version", self.version),
                Route("/invocations", self.invocations, methods=["POST"]),
                Route("/-/reload", self.reload, methods=["POST"]),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        )

    async def ping(self, _: Request) -> Response:
        """200 while a version is loaded, which is always."""
        return self._answer(200, b"\n")

    async def version(self, _: Request) -> Response:
        """MLflow's version, as MLflow answers it; the model's is in the header."""
        from mlflow.version import VERSION

        return self._answer(200, VERSION.encode())

    async def health(self, _: Request) -> Response:
        """What serves, and what keeps a newer version from serving."""
        document = {
            "status": "ok",
            **self._about,
            "model_version": self._champion.served.version,
            "error": self._champion.error,
            "identity": None if self._nonce is None else identity_of(self._nonce),
        }
        return self._answer(200, json.dumps(document).encode())

    async def invocations(self, request: Request) -> Response:
        """Score rows."""
        content_type = request.headers.get("content-type", "")
        form = form_of(content_type)
        if form is None or request.headers.get("content-encoding", "identity") != "identity":
            return self._failure(
                415, f"the body must be {JSON} or {CSV} in UTF-8, not compressed, got {content_type!r}"
            )
        body = await _body(request)
        if body is None:
            return self._failure(413, f"a body has at most {MAX_BODY_BYTES} bytes, got more: send fewer rows at once")
        status, answer, version = await self._in_pool(body, form)
        return self._answer(status, answer, version)

    async def reload(self, request: Request) -> Response:
        """Serve what the alias names now; answers when it serves, or why it does not."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return self._failure(
                401, "reload needs the service's nonce as bearer token", {"WWW-Authenticate": "Bearer"}
            )
        if self._nonce is None or not hmac.compare_digest(token.encode(), self._nonce.encode()):
            return self._failure(403, "this is not the service's nonce")
        try:
            await asyncio.to_thread(self._champion.refresh)
        except RetuneError as error:
            return self._failure(409, self._champion.error or str(error), code=type(error).__name__)
        return self._answer(200, json.dumps({"model_version": self._champion.served.version}).encode())

    async def _in_pool(self, body: bytes, form: str) -> tuple[int, bytes, str]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._score, body, form)

    def _score(self, body: bytes, form: str) -> tuple[int, bytes, str]:
        """Status, body and the version that answered: the one that served when the rows were looked at first."""
        from mlflow.exceptions import MlflowException

        served = self._champion.served
        try:
            rows, params = read_rows(body, form, served.schema)
            predictions = served.model.predict(rows, params=params)
            return 200, as_json(predictions, version=served.version), served.version
        except (InvalidInput, MlflowException, ValueError, KeyError) as error:
            # what models raise about rows; also those whose preprocessing names the column
            return 400, _error("BAD_REQUEST", said_by(error)), served.version
        except Exception as error:  # noqa: BLE001  a model is somebody's code
            _log.exception("version %s failed on a request", served.version)
            said = f"the model failed on these rows ({type(error).__name__}); the server's log says where"
            return 500, _error("INTERNAL_ERROR", said), served.version

    def _answer(
        self, status: int, body: bytes, version: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        named = {"X-Model-Version": version or self._champion.served.version}
        return Response(body, status, headers={**named, **(headers or {})}, media_type=JSON)

    def _failure(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, *, code: str = "BAD_REQUEST"
    ) -> Response:
        return self._answer(status, _error(code, message), headers=headers)


def _error(code: str, message: str) -> bytes:
    return json.dumps({"error_code": code, "message": message}).encode()


async def _body(request: Request) -> bytes | None:
    """The body; None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _DRAINED_BYTES:
            break
        if size > MAX_BODY_BYTES:
            parts.clear()
        else:
            parts.append(part)
    return b"".join(parts) if size <= MAX_BODY_BYTES else None
