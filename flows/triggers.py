"""Prefect automations that retune ships: data that change start a run, runs that died go on, people are told.

Nothing of an event reaches a run: each automation is made for one spec, whose path it holds, and an event can only
match it or not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import EventTrigger
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from components.data.data_spec import ChannelsSpec, DataSpec
from components.errors import InvalidInput, NotFound
from components.spec import RetrainSpec
from flows.events import send
from flows.line import RunOptions

DATA_CHANGED = "retune.data-changed"
ON_DATA_CHANGE = "retrain/on-data-change"
TELLING = ("retune.promoted", "retune.rejected", "retune.approval-needed", "retune.budget-stopped", "retune.failed")
_TOLD_OF = ("model", "spec", "job")
SILENT = "retune: runs that nothing is heard of"
RESUME = "retune: runs that died go on"
_SILENT_STATE = "Silent"
# Twice the time between two signs of life, and some more.
SILENCE_S = 400
# A run that somebody cancels when its worker is dead stays Cancelling: nobody is there to end it.
_ENDED_OR_HELD = ("Completed", "Failed", "Cancelled", "Crashed", "Cancelling", "Paused", "Suspended")
_ANY_RUN = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
_OF_OURS = ResourceSpecification({"prefect.resource.role": ["tag"], "prefect.resource.id": ["prefect.tag.retune"]})
_BEGIN_OF_GLOB = re.compile(r"[*?\[]")


def data_resource(model: str) -> str:
    """The resource that an event about a model's data is about, where it names no place."""
    return f"retune.data.{model}"


def watched(spec: RetrainSpec) -> tuple[str, ...]:
    """Resources whose events start a run of this spec: its own, and all that lies where its data do, as `s3://…*`."""
    data = spec.data
    places = [channel.uri for channel in data.channels.values()] if isinstance(data, ChannelsSpec) else _source(data)
    return (data_resource(spec.model), *sorted({_below(place) for place in places if place.startswith("s3://")}))


def _source(data: DataSpec) -> list[str]:
    return [] if data.source is None else [data.source]


def _below(uri: str) -> str:
    """`s3://bucket/year=*/x.csv` to `s3://bucket/year=*`, which Prefect takes for a prefix."""
    return f"{_BEGIN_OF_GLOB.split(uri)[0]}*"


def install_data_trigger(spec: RetrainSpec, options: RunOptions) -> dict[str, Any]:
    """Have events about a spec's data run `retrain/on-data-change` with it. Installed again, it is replaced.

    Args:
        spec: Resolved.
        options: Its path in the deployed code, and what else each run is given.

    Returns:
        `{automation, deployment, parameters, watches}`.

    Raises:
        NotFound: That deployment is not there.
    """
    with get_client(sync_client=True) as client:
        try:
            deployment = client.read_deployment_by_name(ON_DATA_CHANGE)
        except ObjectNotFound:
            server = str(client.api_url.copy_with(username="", password="")).rstrip("/")
            raise NotFound(
                f"there is no deployment {ON_DATA_CHANGE} in the Prefect server at {server}: "
                f"PREFECT_API_URL={server} prefect --no-prompt deploy --all makes it"
            ) from None
    given = {key: value for key, value in asdict(options).items() if value not in (None, ())}
    resources = watched(spec)
    name = f"retune: data of {options.spec}"  # a model may have several specs
    _put(
        AutomationCore(
            name=name,
            description=f"Runs {ON_DATA_CHANGE} with {options.spec} when its data change.",
            trigger=EventTrigger(
                expect={DATA_CHANGED},
                match=ResourceSpecification({"prefect.resource.id": list(resources)}),
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[
                RunDeployment(
                    source="selected",
                    deployment_id=deployment.id,
                    parameters={**deployment.parameters, **given},
                )
            ],
        )
    )
    return {
        "automation": name,
        "deployment": ON_DATA_CHANGE,
        "parameters": given,
        "watches": list(resources),
    }


def install_resume(silence_s: int = SILENCE_S) -> dict[str, Any]:
    """Have runs of which nothing is heard any more started again: they attach to the jobs they had.

    Two steps, neither by force: a run's last sign of life may arrive after its end, and only a state that the server's
    own rules refuse to a run that has ended (Crashed) tells the two apart.

    Args:
        silence_s: Seconds; more than twice `PREFECT_FLOWS_HEARTBEAT_FREQUENCY` of the worker.
    """
    _put(
        AutomationCore(
            name=SILENT,
            description=f"A run whose worker was killed becomes {_SILENT_STATE}.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={
                    "prefect.flow-run.heartbeat",
                    *(f"prefect.flow-run.{state}" for state in _ENDED_OR_HELD),
                },
                match=_ANY_RUN,
                match_related=_OF_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(seconds=silence_s),
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED, name=_SILENT_STATE, message=f"nothing was heard of it for {silence_s} s"
                )
            ],
        )
    )
    _put(
        AutomationCore(
            name=RESUME,
            description=f"A run that is {_SILENT_STATE} is scheduled again, and goes on with what it had.",
            trigger=EventTrigger(
                expect={f"prefect.flow-run.{_SILENT_STATE}"},
                match=_ANY_RUN,
                match_related=_OF_OURS,
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.SCHEDULED, name="AwaitingRetry", message="it goes on with what it had"
                )
            ],
        )
    )
    return {"automation": RESUME, "silence_s": silence_s}


def install_notification(block: str, events: Sequence[str] = TELLING) -> dict[str, Any]:
    """Have a notification block told of what happens to models.

    Args:
        block: `TYPE/NAME` of a Prefect block, such as `slack-webhook/ops`.
        events: Of which events.

    Raises:
        InvalidInput: Not of that form, or an event that is none of ours.
        NotFound: There is no such block.
    """
    unknown = sorted(set(events) - set(TELLING))
    if unknown:
        raise InvalidInput(f"--event must be one of {', '.join(TELLING)}, got {', '.join(unknown)}")
    kind, slash, name = block.partition("/")
    if not slash or not kind or not name:
        raise InvalidInput(f"--block must be TYPE/NAME, such as slack-webhook/ops, got {block}")
    with get_client(sync_client=True) as client:
        try:
            document = client.read_block_document_by_name(name, kind, include_secrets=False)
        except ObjectNotFound:
            raise NotFound(f"there is no block {block}: prefect block create {kind}, or the UI, makes one") from None
    automation = f"retune: tell {block}"  # each its own: failures may go elsewhere than promotions
    _put(
        AutomationCore(
            name=automation,
            description=f"Tells {block} of {', '.join(events)}.",
            trigger=EventTrigger(
                expect=set(events),
                match=ResourceSpecification({"prefect.resource.id": [f"retune.{kind}.*" for kind in _TOLD_OF]}),
                posture=Posture.Reactive,
                threshold=1,
            ),
            actions=[
                SendNotification(
                    block_document_id=document.id,
                    subject="{{ event.event }}: {{ event.resource['prefect.resource.name'] }}",
                    body="{{ event.event }}: {{ event.resource['prefect.resource.name'] }}\n"
                    "{% for key, value in event.payload.items() %}{{ key }}: {{ value }}\n{% endfor %}",
                )
            ],
        )
    )
    return {"automation": automation, "block": block, "events": list(events)}


def fire(resource: str) -> dict[str, Any]:
    """Tell the Prefect server that data have changed. It is there when this returns.

    Args:
        resource: `data_resource` of a model, or an `s3://` URI.
    """
    send(DATA_CHANGED, {"prefect.resource.id": resource}, {})
    return {"event": DATA_CHANGED, "resource": resource}


def _put(automation: AutomationCore) -> None:
    with get_client(sync_client=True) as client:
        there = client.read_automations_by_name(automation.name)
        if there:
            client.update_automation(there[0].id, automation)
        else:
            client.create_automation(automation)
