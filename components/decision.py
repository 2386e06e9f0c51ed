"""Skip, refit or tune, with the reason: a pure function of what was and what is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.data.drift import Drift
from components.errors import InvalidInput

Mode = Literal["skip", "refit", "tune"]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a finished run rests on; equal fingerprints need no new training.

    Attributes:
        snapshot: Content digest of the data.
        spec: Digest of the spec's identity part.
        code: Digest of one's own code, or the training image.
    """

    snapshot: str
    spec: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Refitting:
    """Whether small changes of the data are enough for a refit, and what there is to refit.

    Attributes:
        below: Drift below which they are; None when they never are.
        drift: The new data against those the hyperparameters were searched on; a sentence when it cannot be measured;
            None when nobody has looked.
        version: Number of the version whose search found the hyperparameters.
        refusal: Why they cannot be trained again; None when they can.
    """

    below: float | None = None
    drift: Drift | str | None = None
    version: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a run does, and why.

    Attributes:
        mode: What it does.
        reason: Why, in one sentence.
        drift: What was measured; None when nothing was.
    """

    mode: Mode
    reason: str
    drift: Drift | None = None


_NEVER = Refitting()


def decide(
    *,
    asked: str,
    on_unchanged: Literal["skip", "tune"],
    last: Fingerprint | None,
    now: Fingerprint,
    last_version: str | None,
    refitting: Refitting = _NEVER,
) -> Decision:
    """Decide what to do.

    Args:
        asked: The command's `--mode`: `auto`, `skip`, `refit` or `tune`.
        on_unchanged: The spec's `decision.on_unchanged`.
        last: Of the finished version that the run is held against; None without one.
        now: Of this run.
        last_version: Number of that version.
        refitting: What speaks for a refit.

    Raises:
        InvalidInput: `skip` or `refit` was asked for and there is nothing to rest on, or to refit.
    """
    if asked != "auto":
        return _as_asked(asked, last, last_version, refitting)
    if last is None:
        return Decision(mode="tune", reason="this model has no finished version yet")
    changed = [
        name
        for name, before, after in (
            ("data", last.snapshot, now.snapshot),
            ("spec", last.spec, now.spec),
            ("code", last.code, now.code),
        )
        if before != after
    ]
    if changed:
        return _changed(changed, f"{' and '.join(changed)} changed since version {last_version}", refitting)
    if on_unchanged == "tune":
        return Decision(mode="tune", reason="nothing changed, and decision.on_unchanged is tune")
    return Decision(mode="skip", reason=f"data, spec and code are unchanged since version {last_version}")


def _as_asked(asked: str, last: Fingerprint | None, last_version: str | None, refitting: Refitting) -> Decision:
    if asked == "skip":
        if last is None:
            raise InvalidInput("--mode skip needs a finished version of this model, got none; run once without it")
        return Decision(mode="skip", reason=f"asked for by --mode skip; version {last_version} stands")
    if asked == "tune":
        return Decision(mode="tune", reason="asked for by --mode tune")
    law = "--mode refit trains the hyperparameters of a finished version of this model"
    if last is None:
        raise InvalidInput(f"{law}, got none; run once without it")
    if refitting.refusal is not None:
        raise InvalidInput(f"{law}, got {refitting.refusal}; tune instead")
    reason = f"asked for by --mode refit; hyperparameters of version {refitting.version}"
    return Decision(mode="refit", reason=reason, drift=_measured(refitting))


def _changed(changed: list[str], reason: str, refitting: Refitting) -> Decision:
    """Data alone, in the same schema and little moved, are refitted; anything else is searched anew."""
    drift = _measured(refitting)
    against = _against_a_refit(changed, refitting)
    if against is not None:
        return Decision(mode="tune", reason="; ".join([reason, *against]), drift=drift)
    assert drift is not None  # noqa: S101  else that would speak against it
    measured = f"drift {drift.value:.3f} is below refit_below_drift {refitting.below:g} ({drift.named()})"
    how = f"hyperparameters of version {refitting.version}"
    return Decision(mode="refit", reason=f"{reason}; {measured}; {how}", drift=drift)


def _against_a_refit(changed: list[str], refitting: Refitting) -> list[str] | None:
    """What speaks against a refit, in words as far as the reason has not said it; None when nothing does."""
    drift, below = refitting.drift, refitting.below
    if isinstance(drift, Drift) and drift.schema:
        return list(drift.schema)
    if changed != ["data"] or below is None or drift is None:
        return []
    if isinstance(drift, str):
        return [f"their drift cannot be measured: {drift}"]
    if refitting.refusal is not None:
        return [f"no refit: {refitting.refusal}"]
    if drift.value >= below:
        return [f"drift {drift.value:.3f} is not below refit_below_drift {below:g} ({drift.named()})"]
    return None


def _measured(refitting: Refitting) -> Drift | None:
    return refitting.drift if isinstance(refitting.drift, Drift) else None
