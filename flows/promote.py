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
from flows.cloud_endpoint import serve_promoted, take_endpoint_back
from flows.events import tell
from flows.local_services import deploy_champion, swap_running_server
from flows.one_at_a_time import one_at_a_time
from flows.results import deployment_document
from flows.versions import registry_of_model


def promote_version(model: str, number: int, *, reason: str) -> dict[str, Any]:
    """Make a version the champion and deploy it as its run would have.

    What approval waits for goes on here; so may a version that lost its contest, that a guard refused, or that was
    rolled back: a person decides, and the log says who and why.

    Returns:
        `{model, version, from_version, by, reason, overrules, deployment}`; `overrules` is what the contest had said.

    Raises:
        InvalidInput: No reason is given.
        NotFound: There is no such model or version.
        Refused: The version was refused when it was registered, its run was cut off before the contest, or it is
            champion already.
        DeploymentFailed: Its endpoint does not come to serve it; everything stays as it was.
        RetuneError: It does not serve; the version before is champion again.
    """
    if not reason.strip():
        raise InvalidInput("--reason must say why, for the log, got nothing")
    settings = read_settings()
    by_name = registry_of_model(model, settings)
    if all(each.version != number for each in by_name.versions()):
        raise NotFound(f"there is no version {number} of model {model}; retune lineage {model} lists them")
    spec = spec_of(by_name.version(number))
    registry = (
        by_name if spec is None else Registry.of(spec.registry, tracking_uri=settings.tracking_uri, name=spec.name)
    )
    with one_at_a_time(settings, model):
        begun = registry.finish_cut_off_change()
        before, version = registry.champion(), registry.version(number)
        is_same_command = begun is not None and (begun.kind, begun.version) == ("promote", number)
        if before is not None and before.version == number and not is_same_command:
            swap_running_server(settings, model, number)  # should its run have been killed before it did
            raise Refused(f"version {number} of {model} is champion already")
        if version.run_key is not None and naming.TAG_PROMOTED not in version.tags:
            raise Refused(
                f"version {number} of {model} was not compared with the champion yet, its run was cut off before: "
                "give that run's command again"
            )
        overrules = overruled(version)
        endpoint = _serve_on_endpoint(settings, registry, spec, number)
        registry.promote(number, by=settings.user, reason=reason, now=datetime.now(UTC))
        _note(registry, version, by=settings.user, reason=reason)
        deployment = _deploy(settings, registry, spec, number, reason) if endpoint is None else endpoint
        registry.close_change()
    previous = registry.history()[-1].previous
    from_version = None if previous is None else str(previous)
    told = {"from_version": from_version, "reason": reason, "overrules": overrules}
    tell(settings, "retune.promoted", model=model, version=number, **told)
    return {
        "model": model,
        "version": str(number),
        "from_version": from_version,
        "by": settings.user,
        "reason": reason,
        "overrules": overrules,
        "deployment": deployment_document(deployment),
    }


def overruled(version: ModelVersion) -> str | None:
    """What the contest said of a version that lost it; None of one that won, that waits, or that had none."""
    lost = version.tags.get(naming.TAG_PROMOTED) == "no" and naming.TAG_APPROVAL not in version.tags
    return version.tags.get(naming.TAG_PROMOTION_REASON) if lost else None


def _note(registry: Registry, version: ModelVersion, *, by: str, reason: str) -> None:
    """Who and why on the version; what the contest said stays in its recorded result as well."""
    contest = overruled(version)
    against = "" if contest is None else f" (the contest: {contest})"
    tags = {naming.TAG_PROMOTED: "yes", naming.TAG_PROMOTION_REASON: f"promoted by {by}: {reason}{against}"}
    if naming.TAG_APPROVAL in version.tags:
        tags[naming.TAG_APPROVAL] = "given"
    registry.tag(version.version, tags)


def spec_of(version: ModelVersion) -> RetrainSpec | None:
    """The resolved spec of the run that made a version; None where it is not known or not read any more."""
    text = version.tags.get(naming.TAG_SPEC)
    try:
        return None if text is None else RetrainSpec.model_validate_json(text)
    except ValidationError:
        return None


def _serve_on_endpoint(
    settings: Settings, registry: Registry, spec: RetrainSpec | None, number: int
) -> Deployment | None:
    """The endpoint serving it before it is the champion; None where the version's run has, or knows of, no endpoint."""
    version, champion = registry.version(number), registry.champion()
    if version.refusal is not None:
        return None  # `Registry.promote` says why
    if spec is not None:
        return serve_promoted(settings, spec, registry, version)
    return None if champion is None else take_endpoint_back(settings, registry, champion, version)


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
        registry.close_change()
        raise
