"""Back to the version that served before: endpoint, alias, history, server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from components.deployment.target import Deployment
from components.errors import RetuneError
from components.registry.mlflow_registry import Registry
from components.settings import Settings, read_settings
from flows.cloud_endpoint import take_endpoint_back
from flows.events import tell
from flows.local_services import swap_running_server
from flows.one_at_a_time import one_at_a_time
from flows.results import deployment_document
from flows.standing import NO_REASON
from flows.versions import registry_of_model


def roll_back(model: str, *, reason: str) -> dict[str, Any]:
    """Give the champion's alias back to the version before, and have the endpoint and a server that is up follow.

    The endpoint goes first: cut off after it, the same command goes back to the same version, not one further.

    A rollback that was killed midway is finished by the same command, which then goes no further back.

    Raises:
        NotFound: There is no such model, no champion, or nothing served before.
        DeploymentFailed: The endpoint does not come to serve that version; everything stays as it was.
        RetuneError: The version before does not serve any more; the champion is what it was.
    """
    settings = read_settings()
    registry = registry_of_model(model, settings)
    told = reason or NO_REASON
    with one_at_a_time(settings, model):
        begun = registry.finish_cut_off_change()
        if begun is not None and begun.kind == "rollback":
            from_version, version = begun.previous, begun.version
            endpoint = _endpoint_to(settings, registry, from_version, version)
        else:
            before = registry.champion()
            from_version = None if before is None else before.version
            endpoint = _endpoint_to(settings, registry, from_version, registry.before_champion().version)
            version = registry.rollback(by=settings.user, reason=told, now=datetime.now(UTC)).version
        try:
            deployment = swap_running_server(settings, model, version)
        except RetuneError as error:
            if not error.retryable and from_version is not None:
                _endpoint_to(settings, registry, version, from_version)
                _forward_again(settings, registry, from_version, f"version {version} does not serve ({error})")
            raise
        registry.close_change()
    deployment = deployment if endpoint is None else endpoint
    left = None if from_version is None else str(from_version)
    tell(settings, "retune.rolled-back", model=model, version=version, from_version=left, reason=told)
    return {
        "model": model,
        "version": str(version),
        "from_version": left,
        "deployment": deployment_document(deployment),
    }


def _endpoint_to(settings: Settings, registry: Registry, now: int | None, to: int) -> Deployment | None:
    """The model's endpoint serving a version that it served before; the same again changes nothing."""
    if now is None:
        return None
    return take_endpoint_back(settings, registry, registry.version(now), registry.version(to))


def _forward_again(settings: Settings, registry: Registry, version: int, reason: str) -> None:
    """The version that was to go, and that the server has kept, is champion again; the log has both."""
    registry.promote(version, by=settings.user, reason=reason, now=datetime.now(UTC))
    registry.close_change()
