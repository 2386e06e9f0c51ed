"""Back to the version that served before: endpoint, alias, history, server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from components.settings import read_settings
from flows.cloud_endpoint import take_endpoint_back
from flows.local_services import swap_running_server
from flows.results import deployment_document
from flows.versions import registry_of_model


def roll_back(model: str, *, reason: str) -> dict[str, Any]:
    """Give the champion's alias back to the version before, and have the endpoint and a server that is up follow.

    The endpoint goes first: cut off after it, the same command goes back to the same version, not one further.

    Raises:
        NotFound: There is no such model, no champion, or nothing served before.
        DeploymentFailed: The endpoint does not come to serve that version; everything stays as it was.
    """
    settings = read_settings()
    registry = registry_of_model(model, settings)
    before = registry.champion()
    endpoint = None if before is None else take_endpoint_back(settings, registry, before, registry.before_champion())
    now = registry.rollback(by=settings.user, reason=reason or "retune rollback", now=datetime.now(UTC))
    deployment = swap_running_server(settings, model, now.version)
    if endpoint is not None:
        deployment = endpoint
    return {
        "model": model,
        "version": str(now.version),
        "from_version": None if before is None else str(before.version),
        "deployment": deployment_document(deployment),
    }
