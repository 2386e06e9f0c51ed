"""The HTTP side: MLflow's scoring protocol, and the one command this server takes."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from components.deployment.model_server.answers import as_json
from components.deployment.model_server.champion import Champion
from components.deployment.model_server.faults import said_by
from components.deployment.model_server.limits import Limits
from components.deployment.model_server.metrics import CONTENT_TYPE, Metrics
from components.deployment.model_server.rows import CSV, JSON, form_of, read_rows
from components.deployment.service_record import identity_of
from components.errors import InvalidInput, RetuneError

# A body that is too large is read to this many times the limit before it is refused: a client that is still sending
# sees no answer.
_DRAINED = 4
# As nginx counts who left before the answer; nobody sees it.
_CLIENT_LEFT = 499
_log = logging.getLogger(__name__)


class ScoringApp:
    """The endpoints of one champion.

    Args:
        champion: What answers.
        nonce: What `POST /-/reload` must bear; None refuses it always.
        model: Name of the registered model.
        alias: Its alias.
        token: What a scoring request must bear; None lets everybody on this machine ask.
        limits: Bounds of every request.
    """

    def __init__(
        self,
        champion: Champion,
        *,
        nonce: str | None,
        model: str,
        alias: str,
        token: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._champion = champion
        self._nonce = nonce
        self._token = token
        self._limits = limits or Limits()
        self._metrics = Metrics()
        self._about = {"model": model, "alias": alias}
        self._pool = ThreadPoolExecutor(max_workers=max(4, os.cpu_count() or 1), thread_name_prefix="predict")

    def asgi(self) -> Starlette:
        """The application. Only for names of this machine: a web page may not reach it by a name of its own."""
        return Starlette(
            routes=[
                Route("/ping", self.ping),
                Route("/health", self.health),
                Route("/ready", self.ready),
                Route("/metrics", self.metrics),
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

    async def ready(self, _: Request) -> Response:
        """200 while a request would be taken, 503 while too many run."""
        if self._metrics.in_flight >= self._limits.max_in_flight:
            return self._overloaded()
        document = {"status": "ready", "model_version": self._champion.served.version}
        return self._answer(200, json.dumps(document).encode())

    async def metrics(self, request: Request) -> Response:
        """What was counted, for Prometheus."""
        if self._token is not None:
            refusal = self._denied(request, self._token, "metrics need a token", "this is not the service's token")
            if refusal is not None:
                return refusal
        text = self._metrics.text(
            model=self._about["model"],
            version=self._champion.served.version,
            swaps=self._champion.swaps,
            is_stuck=self._champion.error is not None,
        )
        return Response(text, headers={"Content-Type": CONTENT_TYPE})

    async def invocations(self, request: Request) -> Response:
        """Score rows."""
        began_s = time.perf_counter()
        answer = Response(status_code=500)
        try:
            answer = await self._scored(request)
        except ClientDisconnect:
            answer = Response(status_code=_CLIENT_LEFT)
        finally:
            self._metrics.observe(answer.status_code, time.perf_counter() - began_s)
        return answer

    async def reload(self, request: Request) -> Response:
        """Serve what the alias names now; answers when it serves, or why it does not."""
        refusal = self._denied(
            request, self._nonce, "reload needs the service's nonce", "this is not the service's nonce"
        )
        if refusal is not None:
            return refusal
        try:
            await asyncio.to_thread(self._champion.refresh)
        except RetuneError as error:
            return self._failure(409, self._champion.error or str(error), code=type(error).__name__)
        return self._answer(200, json.dumps({"model_version": self._champion.served.version}).encode())

    async def _scored(self, request: Request) -> Response:
        if self._token is not None:
            refusal = self._denied(request, self._token, "this model needs a token", "this is not the service's token")
            if refusal is not None:
                return refusal
        content_type = request.headers.get("content-type", "")
        form = form_of(content_type)
        if form is None or request.headers.get("content-encoding", "identity") != "identity":
            return self._failure(
                415, f"the body must be {JSON} or {CSV} in UTF-8, not compressed, got {content_type!r}"
            )
        if self._metrics.in_flight >= self._limits.max_in_flight:
            return self._overloaded()
        self._metrics.in_flight += 1
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                body = await _body(request, self._limits.max_body_bytes)
            if body is None:
                law = f"a body has at most {self._limits.max_body_bytes} bytes, got more: send fewer rows at once"
                return self._failure(413, law)
            status, answer, version = await self._in_pool(body, form)
            return self._answer(status, answer, version)
        except TimeoutError:
            law = f"a body must be there within {self._limits.body_timeout_s:g} s, was not"
            return self._failure(408, law, {"Connection": "close"})
        finally:
            self._metrics.in_flight -= 1

    def _denied(self, request: Request, secret: str | None, needed: str, unknown: str) -> Response | None:
        """Why the request does not bear the secret; None when it does."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            return self._failure(401, f"{needed} as bearer token", {"WWW-Authenticate": "Bearer"})
        if secret is None or not hmac.compare_digest(given.encode(), secret.encode()):
            return self._failure(403, unknown)
        return None

    def _overloaded(self) -> Response:
        law = f"{self._limits.max_in_flight} requests run at once at the most: try again"
        return self._failure(503, law, {"Retry-After": "1"}, code="TEMPORARILY_UNAVAILABLE")

    async def _in_pool(self, body: bytes, form: str) -> tuple[int, bytes, str]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._score, body, form)

    def _score(self, body: bytes, form: str) -> tuple[int, bytes, str]:
        """Status, body and the version that answered: the one that served when the rows were looked at first."""
        from mlflow.exceptions import MlflowException

        served = self._champion.served
        try:
            rows, params = read_rows(body, form, served.schema)
            predictions = served.ask(rows, params)
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


async def _body(request: Request, max_bytes: int) -> bytes | None:
    """The body; None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _DRAINED * max_bytes:
            break
        if size > max_bytes:
            parts.clear()
        else:
            parts.append(part)
    return b"".join(parts) if size <= max_bytes else None
