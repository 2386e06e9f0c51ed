"""Skip or tune, with the reason: a pure function of what was and what is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.errors import InvalidInput

Mode = Literal["skip", "tune"]


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
class Decision:
    """What a run does, and why."""

    mode: Mode
    reason: str


def decide(
    *, asked: str, on_unchanged: Mode, last: Fingerprint | None, now: Fingerprint, last_version: str | None
) -> Decision:
    """Decide what to do.

    Args:
        asked: The command's `--mode`: `auto`, `skip` or `tune`.
        on_unchanged: The spec's `decision.on_unchanged`.
        last: Of the model's latest finished version; None without one.
        now: Of this run.
        last_version: Number of that version.

    Raises:
        InvalidInput: `skip` was asked for and there is no finished version to rest on.
    """
    if asked == "tune":
        return Decision(mode="tune", reason="asked for by --mode tune")
    if asked == "skip":
        if last is None:
            raise InvalidInput("--mode skip needs a finished version of this model, got none; run once without it")
        return Decision(mode="skip", reason=f"asked for by --mode skip; version {last_version} stands")
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
        return Decision(mode="tune", reason=f"{' and '.join(changed)} changed since version {last_version}")
    if on_unchanged == "tune":
        return Decision(mode="tune", reason="nothing changed, and decision.on_unchanged is tune")
    return Decision(mode="skip", reason=f"data, spec and code are unchanged since version {last_version}")
