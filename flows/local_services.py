"""The background services of a home, as commands and stages use them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from components import naming
from components.deployment import ports
from components.deployment.local_services import MLFLOW, PREFECT, mlflow_ui, prefect_server
from components.deployment.service_spec import Service
from components.deployment.services import Services
from components.deployment.target import Deployment
from components.deployment.targets.local_server import LocalServer
from components.errors import RetuneError, Unavailable
from components.settings import Settings, read_settings
from components.spec import RetrainSpec

_KNOCK_TIMEOUT_S = 5.0


def services_of(settings: Settings) -> Services:
    """The services of this home."""
    return Services(folder=settings.services, environment=settings.environment)


def ensure_prefect(settings: Settings) -> str:
    """API URL of the Prefect server to use: the one given from outside, else this home's own, started if need be."""
    if settings.prefect_api_url is not None:
        _knock(settings.prefect_api_url)
        return settings.prefect_api_url
    return f"{services_of(settings).ensure(prefect_server(settings.prefect_home)).url}/api"


def _knock(api_url: str) -> None:
    import httpx

    try:
        httpx.get(f"{api_url.rstrip('/')}/health", timeout=_KNOCK_TIMEOUT_S)
    except httpx.HTTPError as error:
        raise Unavailable(
            f"no Prefect server answers at {api_url} ({type(error).__name__}): start it, or mend PREFECT_API_URL"
        ) from None


def has_own_prefect(settings: Settings) -> bool:
    """Whether no Prefect server needs to be started."""
    return settings.prefect_api_url is not None or services_of(settings).find(PREFECT) is not None


def tracking_ui(settings: Settings) -> str:
    """Where a browser finds MLflow: the tracking server given from outside, the UI of this home, else nothing ("")."""
    if not settings.owns_tracking:
        return settings.tracking_uri
    found = services_of(settings).find(MLFLOW)
    return "" if found is None else found.url


def model_servers(settings: Settings, *, alias: str = "champion") -> LocalServer:
    """The model servers of this home."""
    return LocalServer(
        services=services_of(settings),
        tracking_uri=settings.tracking_uri,
        alias=alias,
        token=settings.serving_token,
    )


def refuse_busy_port(settings: Settings, spec: RetrainSpec) -> None:
    """Raises Busy, naming the holder, when the spec's explicit port is held by anything but the model's own server."""
    port = spec.deployment.port
    if spec.deployment.target != "local" or port == "auto":
        return
    own = services_of(settings).find(naming.model_service(spec.model))
    if own is None or not own.url.endswith(f":{port}"):
        ports.require_free(port)


def deploy_champion(settings: Settings, spec: RetrainSpec, version: int | None) -> Deployment | None:
    """Have the champion answer requests; None when the spec wants no server, or there is no champion."""
    if spec.deployment.target != "local" or version is None:
        return None
    servers = model_servers(settings, alias=spec.registry.champion)
    return servers.deploy(spec.model, str(version), port=spec.deployment.port)


def swap_running_server(settings: Settings, model: str, version: int) -> Deployment | None:
    """Have the model's server, if one runs, answer with this champion."""
    record = services_of(settings).record(naming.model_service(model))
    if record is None:
        return None
    servers = model_servers(settings, alias=record.details["alias"])
    return None if servers.find(model) is None else servers.deploy(model, str(version))


def served_alias(settings: Settings, model: str) -> str:
    """The alias a model's server follows; the usual one for a model that was never served here."""
    record = services_of(settings).record(naming.model_service(model))
    return "champion" if record is None else record.details["alias"]


def start_all() -> dict[str, Any]:
    """Start Prefect's server and MLflow's UI, and the server of every champion this home has served, side by side."""
    settings = read_settings()
    settings.writable_home()
    services = services_of(settings)
    wanted: list[Callable[[], Service]] = []
    if settings.prefect_api_url is None:
        wanted.append(lambda: services.ensure(prefect_server(settings.prefect_home)))
    if settings.owns_tracking:
        from components.registry.connection import connect

        connect(settings.tracking_uri)  # makes the database once, before two processes might
        ui = mlflow_ui(tracking_uri=settings.tracking_uri, artifact_root=settings.home / "mlflow-artifacts")
        wanted.append(lambda: services.ensure(ui))
    for model in model_servers(settings).deployed():
        servers = model_servers(settings, alias=served_alias(settings, model))
        wanted.append(partial(servers.start, model))
    with ThreadPoolExecutor() as pool:
        started = list(pool.map(_try, wanted))
    return {"services": started}


def _try(start: Callable[[], Service]) -> dict[str, Any]:
    # A champion that was deleted must not keep the UIs from starting.
    try:
        service = start()
    except RetuneError as error:
        return {"name": "-", "state": f"failed: {error}", "url": ""}
    return _row(service, "started" if service.started else "was up")


def stop_all() -> dict[str, Any]:
    """Stop every service of this home."""
    names = services_of(read_settings()).stop_all()
    return {"services": [{"name": name, "state": "stopped", "url": ""} for name in names]}


def _row(service: Service, state: str) -> dict[str, Any]:
    return {"name": service.name, "state": state, "url": service.url}
