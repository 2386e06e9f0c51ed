"""Events in Prefect about what became of data, runs and versions, for its automations.

Sent by the API, not through Prefect's own emitter: that starts a server of its own where none is known, and holds a
command up at its end.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from components.deployment.local_services import PREFECT
from components.settings import Settings
from flows.local_services import services_of

_log = logging.getLogger(__name__)

EventName = Literal[
    "retune.promoted",
    "retune.rejected",
    "retune.approval-needed",
    "retune.rolled-back",
    "retune.budget-stopped",
    "retune.failed",
]


def tell(settings: Settings, event: EventName, *, model: str, version: int | None = None, **payload: Any) -> None:
    """Emit an event about a model, when a Prefect server is configured or this home's own is up; starts none.

    A server that does not take it must not undo what it tells of, so refusals are logged and passed over.

    Args:
        settings: Where.
        event: Its name.
        model: Registered model; the resource is `retune.model.MODEL`.
        version: The version it is about, if any.
        payload: More of it, as JSON.
    """
    of_version = {} if version is None else {"version": str(version)}
    try:
        own = None if settings.prefect_api_url is not None else services_of(settings).find(PREFECT)
        api_url = settings.prefect_api_url or (None if own is None else f"{own.url}/api")
        if api_url is None:
            return
        resource = {
            "prefect.resource.id": f"retune.model.{model}",
            "prefect.resource.name": model,
            **{f"retune.{name}": value for name, value in of_version.items()},
        }
        send(event, resource, {"model": model, **of_version, "by": settings.user, **payload}, api_url=api_url)
    except Exception:  # noqa: BLE001  decoration, see above
        _log.debug("the event was not taken", exc_info=True)


def tell_before_model(kind: Literal["spec", "job"], name: str, reason: str) -> None:
    """Emit `retune.failed` about what a flow run was given, where that led to no model.

    Args:
        kind: What it was given; the resource is `retune.KIND.NAME`.
        name: Path or tuning job.
        reason: What was wrong with it.
    """
    try:
        resource = {"prefect.resource.id": f"retune.{kind}.{name}", "prefect.resource.name": name}
        send("retune.failed", resource, {kind: name, "reason": reason})
    except Exception:  # noqa: BLE001  as above
        _log.debug("the event was not taken", exc_info=True)


def send(event: str, resource: dict[str, str], payload: dict[str, Any], *, api_url: str | None = None) -> None:
    """Hand an event to a Prefect server; it is there when this returns.

    Args:
        event: Its name.
        resource: Labels of what it is about.
        payload: More of it, as JSON.
        api_url: Of the server; None for the one that Prefect is set to.
    """
    from prefect.client.orchestration import get_client
    from prefect.context import FlowRunContext
    from prefect.settings import PREFECT_API_URL, temporary_settings

    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    document = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": resource,
        "related": []
        if run is None
        else [{"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.role": "flow-run"}],
        "payload": payload,
    }
    chosen = api_url is None or context is not None  # a flow's server is chosen already
    with (
        nullcontext() if chosen else temporary_settings(updates={PREFECT_API_URL: api_url}),
        get_client(sync_client=True) as client,
    ):
        client.request("POST", "/events", json=[document]).raise_for_status()
