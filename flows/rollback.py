"""Back to the version that served before: alias, history, server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from components.settings import read_settings
from flows.events import tell
from flows.local_services import swap_running_server
from flows.one_at_a_time import one_at_a_time
from flows.results import deployment_document
from flows.versions import registry_of_model


def roll_back(model: str, *, reason: str) -> dict[str, Any]:
    """Give the champion's alias back to the version before, and swap a server that is up.

    Raises:
        NotFound: There is no such model, no champion, or nothing served before.
    """
    settings = read_settings()
    registry = registry_of_model(model, settings)
    with one_at_a_time(settings, model):
        begun = registry.finish_cut_off_change()
        before = registry.champion()
        told = reason or "retune rollback"
        if begun is not None and begun.kind == "rollback" and before is not None:
            now, from_version = before, begun.previous  # this command, killed midway and given again: not one further
        else:
            from_version = None if before is None else before.version
            now = registry.rollback(by=settings.user, reason=told, now=datetime.now(UTC))
        deployment = swap_running_server(settings, model, now.version)
    tell(settings, "retune.rolled-back", model=model, version=now.version, from_version=from_version, reason=told)
    return {
        "model": model,
        "version": str(now.version),
        "from_version": None if from_version is None else str(from_version),
        "deployment": deployment_document(deployment),
    }
