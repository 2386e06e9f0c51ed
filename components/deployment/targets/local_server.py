"""Target `local`: one model server per model on this machine, which goes on after the command."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import components
from components import naming
from components.deployment import loopback
from components.deployment.detached_process import READY_FD
from components.deployment.model_server.limits import Limits
from components.deployment.service_spec import Service, ServiceSpec
from components.deployment.services import Services
from components.deployment.target import Deployment
from components.errors import Busy, Damaged, NotFound, RetuneError, Unavailable

FIRST_PORT = 8080
MADE, OPEN = "auto", "off"
# A version may import its libraries and fetch its files before it answers.
SWAP_TIMEOUT_S = 180.0
_TRIES = 2
_OK, _CONFLICT = 200, 409
# What the server says to the class it was there.
_CAUSES: dict[str, type[RetuneError]] = {"UnfitVersion": Damaged, "NotFound": NotFound, "Busy": Busy}


@dataclass(frozen=True, kw_only=True)
class LocalServer:
    """Model servers of one home.

    Attributes:
        services: The home's services.
        tracking_uri: MLflow's; servers read it from their environment, since it may hold a password.
        alias: Alias that the servers follow.
        token: What clients must bear: the token itself, `auto` for one made per model and kept in its service's
            record, `off` to let everybody on this machine ask, None to leave it as it is (`off` at first).
        limits: Bounds of every request.
    """

    services: Services
    tracking_uri: str
    alias: str = "champion"
    token: str | None = field(default=None, repr=False)
    limits: Limits = field(default_factory=Limits)

    def deploy(self, model: str, version: str, *, port: int | Literal["auto"] = "auto") -> Deployment:
        """Serve the version the alias names now, which is to be `version`. Saying so again changes nothing.

        A running server swaps without failing a request; else one is started.

        Args:
            model: Registered model.
            version: Version that must answer afterwards.
            port: TCP port; `auto` is the model's recorded one if it is free, else the first free one from 8080.

        Raises:
            Busy: The port is somebody else's; or the alias names another version by now.
            Damaged: The version does not load; what served before goes on serving.
            NotFound: No version has the alias.
            Unavailable: The server cannot be started, or does not answer.
        """
        for _ in range(_TRIES):
            service = self.services.ensure(self._spec(model, port, self.alias))
            try:
                answered = _version_of(service) if service.started else _reloaded(service)
            except OSError:
                continue  # it ended between the two: start another
            if answered != version:
                raise Busy(
                    f"alias {self.alias!r} of model {model!r} must name version {version}, names {answered}: "
                    "somebody moved it meanwhile; run again"
                )
            return Deployment(target="local", url=f"{service.url}/invocations", version=answered)
        raise Unavailable(f"the server of model {model!r} must stay, ended {_TRIES} times; see {self.services.folder}")

    def find(self, model: str) -> Deployment | None:
        """What serves the model now."""
        service = self.services.find(naming.model_service(model))
        if service is None:
            return None
        try:
            return Deployment(target="local", url=f"{service.url}/invocations", version=_version_of(service))
        except OSError:
            return None

    def start(self, model: str) -> Service:
        """The model's server, started if need be with the version its alias names; with recorded alias and port.

        Raises:
            RetuneError: As `deploy`.
        """
        record = self.services.record(naming.model_service(model))
        alias = self.alias if record is None else record.details.get("alias", self.alias)
        return self.services.ensure(self._spec(model, "auto", alias))

    def stop(self, model: str) -> bool:
        """End the model's server; whether there was one. Its port stays recorded."""
        return self.services.stop(naming.model_service(model))

    def deployed(self) -> tuple[str, ...]:
        """Every model this home has served, running or not, by name."""
        return tuple(sorted(one.details["model"] for one in self.services.recorded() if "model" in one.details))

    def _spec(self, model: str, port: int | Literal["auto"], alias: str) -> ServiceSpec:
        name = naming.model_service(model)
        record = str(self.services.record_path(name))
        # found also where retune is run from a folder without being installed
        root = str(Path(components.__file__).resolve().parents[1])
        path = self.services.environment.get("PYTHONPATH")
        token, mark = self._token(name)
        return ServiceSpec(
            name=name,
            command=lambda number: (
                *(sys.executable, "-m", "components.deployment.model_server", "--model", model, "--alias", alias),
                *("--port", str(number), "--record", record, "--ready-fd", str(READY_FD)),
                *self.limits.arguments(),
            ),
            health_path="/health",
            environment={
                "MLFLOW_TRACKING_URI": self.tracking_uri,
                "MLFLOW_REGISTRY_URI": None,
                "RETUNE_SERVING_TOKEN": None,  # it is in the record, for its owner alone
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
                # requests run side by side: second threads wait for each other, ten times as long on busy cores
                "OMP_NUM_THREADS": self.services.environment.get("OMP_NUM_THREADS", "1"),
                "PYTHONPATH": os.pathsep.join((root, path)) if path else root,
            },
            port=None if port == "auto" else port,
            first_port=FIRST_PORT,
            start_timeout_s=SWAP_TIMEOUT_S,
            identifies_itself=True,
            details={
                "model": model,
                "alias": alias,
                "tracking": hashlib.sha256(self.tracking_uri.encode()).hexdigest()[:16],
                **mark,
            },
            token=token,
        )

    def _token(self, name: str) -> tuple[str | None, dict[str, str]]:
        """What clients must bear, and what tells that it changed.

        One that was made stays the same for ever, and a command that knows of none opens no server that asks for one.
        """
        record = self.services.record(name)
        known, mark = (None, None) if record is None else (record.token, record.details.get("token"))
        if self.token is None and known is not None and mark is not None:
            return known, {"token": mark}
        if self.token in (None, OPEN):
            return None, {}
        if self.token == MADE:
            return (known if known is not None and mark == MADE else secrets.token_urlsafe(32)), {"token": MADE}
        return self.token, {"token": hashlib.sha256(str(self.token).encode()).hexdigest()[:16]}


def _reloaded(service: Service) -> str:
    """The version that serves after the server has looked at the alias. Raises OSError when it does not answer."""
    status, body = loopback.exchange(
        "POST",
        f"{service.url}/-/reload",
        headers={"Authorization": f"Bearer {service.nonce}"},
        timeout_s=SWAP_TIMEOUT_S,
    )
    document = json.loads(body)
    if status == _CONFLICT:
        raise _CAUSES.get(document["error_code"], Unavailable)(str(document["message"]))
    if status != _OK:
        raise Unavailable(f"{service.url} must take the swap, answered {status}: {document.get('message')}")
    return str(document["model_version"])


def _version_of(service: Service) -> str:
    _, body = loopback.exchange("GET", f"{service.url}/health", timeout_s=SWAP_TIMEOUT_S)
    return str(json.loads(body)["model_version"])


if TYPE_CHECKING:
    from components.deployment.target import Target

    def _proof(target: LocalServer) -> Target:
        return target
