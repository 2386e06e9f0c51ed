"""`retune promote`: a person makes a version the champion, and says why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from components import naming
from components.deployment.target import Deployment
from components.errors import InvalidInput, NotFound, Refused, RetuneError
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.settings import Settings, read_settings
from components.spec import RetrainSpec
from flows.events import tell
from flows.local_services import deploy_champion, swap_running_server
from flows.one_at_a_time import one_at_a_time
from flows.results import deployment_document
from flows.versions import registry_of_model


def promote_version(model: str, number: int, *, reason: str) -> dict[str, Any]:
    """Make a version the champion and deploy it as its run would have.

    What approval waits for goes on here; so may a version that lost its contest, or that was rolled back: a person
    decides, and the log says who and why.

    Returns:
        `{model, version, from_version, by, reason, deployment}`.

    Raises:
        InvalidInput: No reason is given.
        NotFound: There is no such model or version.
        Refused: The version was refused when it was registered, or is champion already.
        RetuneError: It does not serve; the version before is champion again.
    """
    if not reason.strip():
        raise InvalidInput("--reason must say why, for the log, got nothing")
    settings = read_settings()
    by_name = registry_of_model(model, settings)
    version = next((each for each in by_name.versions() if each.version == number), None)
    if version is None:
        raise NotFound(f"there is no version {number} of model {model}; retune lineage {model} lists them")
    spec = spec_of(version)
    registry = (
        by_name if spec is None else Registry.of(spec.registry, tracking_uri=settings.tracking_uri, name=spec.name)
    )
    with one_at_a_time(settings, model):
        begun = registry.finish_cut_off_change()
        before = registry.champion()
        if before is not None and before.version == number and (begun is None or begun.version != number):
            swap_running_server(settings, model, number)  # should a killed command not have come so far
            raise Refused(f"version {number} of {model} is champion already")
        registry.promote(number, by=settings.user, reason=reason, now=datetime.now(UTC))
        registry.tag(
            number,
            {
                naming.TAG_PROMOTED: "yes",
                naming.TAG_PROMOTION_REASON: f"promoted by {settings.user}: {reason}",
                **({naming.TAG_APPROVAL: "given"} if naming.TAG_APPROVAL in version.tags else {}),
            },
        )
        deployment = _deploy(settings, registry, spec, number, reason)
    previous = registry.history()[-1].previous
    from_version = None if previous is None else str(previous)
    tell(settings, "retune.promoted", model=model, version=number, from_version=from_version, reason=reason)
    return {
        "model": model,
        "version": str(number),
        "from_version": from_version,
        "by": settings.user,
        "reason": reason,
        "deployment": deployment_document(deployment),
    }


def spec_of(version: ModelVersion) -> RetrainSpec | None:
    """The resolved spec of the run that made a version; None where it is not known or not read any more."""
    text = version.tags.get(naming.TAG_SPEC)
    try:
        return None if text is None else RetrainSpec.model_validate_json(text)
    except ValidationError:
        return None


def _deploy(
    settings: Settings, registry: Registry, spec: RetrainSpec | None, number: int, reason: str
) -> Deployment | None:
    """The new champion answering; when it cannot, the one before is champion again, and the log has both."""
    try:
        if spec is None:
            return swap_running_server(settings, registry.model, number)
        return deploy_champion(settings, spec, number)
    except RetuneError as error:
        if error.retryable or registry.history()[-1].previous is None:
            raise
        back = f"it does not serve ({error}), after: {reason}"
        registry.rollback(by=settings.user, reason=back, now=datetime.now(UTC))
        raise
