"""Back to the version that served before: alias, history, server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from components.errors import NotFound
from components.registry.connection import redacted
from components.registry.mlflow_registry import Registry
from components.settings import read_settings
from flows.local_services import served_alias, swap_running_server
from flows.results import deployment_document


def roll_back(model: str, *, reason: str) -> dict[str, Any]:
    """Give the champion's alias back to the version before, and swap a server that is up.

    Raises:
        NotFound: There is no such model, no champion, or nothing served before.
    """
    settings = read_settings()
    if settings.owns_tracking and not settings.tracking_database.exists():
        raise NotFound(f"there is no model {model}: nothing has been registered under {settings.home} yet")
    registry = Registry(tracking_uri=settings.tracking_uri, model=model, champion=served_alias(settings, model))
    if not registry.versions():
        raise NotFound(f"there is no model {model} in MLflow at {redacted(settings.tracking_uri)}")
    before = registry.champion()
    now = registry.rollback(by=settings.user, reason=reason or "retune rollback", now=datetime.now(UTC))
    deployment = swap_running_server(settings, model, now.version)
    return {
        "model": model,
        "version": str(now.version),
        "from_version": None if before is None else str(before.version),
        "deployment": deployment_document(deployment),
    }
