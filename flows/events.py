"""Events in Prefect about what became of runs and versions, for its automations.

Decoration: a server that does not take an event must not undo a promotion, so refusals are logged and passed over.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

from components.deployment.local_services import PREFECT
from components.settings import Settings, apply_environment, prefect_environment
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

    Args:
        settings: Where.
        event: Its name.
        model: Registered model; the resource is `retune.model.MODEL`.
        version: The version it is about, if any.
        payload: More of it, as JSON.
    """
    try:
        if "prefect" not in sys.modules:  # a command without a flow; inside one the server is chosen already
            own = None if settings.prefect_api_url is not None else services_of(settings).find(PREFECT)
            api_url = settings.prefect_api_url or (None if own is None else f"{own.url}/api")
            if api_url is None:
                return
            apply_environment(
                {**prefect_environment(settings, api_url), "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
            )
        from prefect.events import emit_event

        emit_event(
            event=event,
            resource={
                "prefect.resource.id": f"retune.model.{model}",
                "prefect.resource.name": model,
                **({} if version is None else {"retune.version": str(version)}),
            },
            payload={
                "model": model,
                **({} if version is None else {"version": str(version)}),
                "by": settings.user,
                **payload,
            },
        )
    except Exception:  # noqa: BLE001  decoration, see above
        _log.debug("the event was not taken", exc_info=True)
