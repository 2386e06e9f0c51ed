"""What became of a version since its run: whether it is champion now, and who made or unmade it, from the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components import naming
from components.registry.model_version import ModelVersion, Promotion

NO_REASON = "retune rollback"  # what the log has of a rollback that was given none


def standing_promotion(
    version: ModelVersion, *, champion: ModelVersion | None, history: Sequence[Promotion]
) -> dict[str, Any]:
    """The keys of a finished version's result that later changes of the champion overtake.

    Args:
        version: Finished.
        champion: Of now; None when none serves.
        history: All changes, oldest first.

    Returns:
        `promoted` and `promotion_reason` as they are now; `promotion` with `needs_approval` as it is now, where the
        version recorded one.
    """
    recorded = version.result
    is_champion = champion is not None and champion.version == version.version
    found: dict[str, Any] = {
        "promoted": is_champion,
        "promotion_reason": _since(version, champion, history) or str(recorded.get("promotion_reason")),
    }
    if isinstance(recorded.get("promotion"), Mapping):
        waits = version.tags.get(naming.TAG_APPROVAL) == "needed" and not is_champion
        found["promotion"] = {**recorded["promotion"], "needs_approval": waits}
    return found


def verdict(result: Mapping[str, Any]) -> str:
    """Whether a result's version is champion, and why; of a skipped run, what an earlier run found is told as that."""
    reason, version = str(result["promotion_reason"]), result["model_version"]
    is_of_then = result["mode"] == "skip" and not reason.startswith(f"version {version} ")
    by = f", in the run of version {version}: " if is_of_then else "; "
    return f"{'yes' if result['promoted'] else 'no'}{by}{reason}"


def _since(version: ModelVersion, champion: ModelVersion | None, history: Sequence[Promotion]) -> str | None:
    """What happened to it after its run, always beginning with its name; None when what the run recorded holds."""
    about = [entry for entry in history if version.version in {entry.version, entry.previous}]
    if champion is not None and champion.version == version.version:
        return _made(version, about)
    return _unmade(version, champion, about)


def _made(version: ModelVersion, about: Sequence[Promotion]) -> str | None:
    number, promoted = version.version, bool(version.result.get("promoted"))
    if not about or about[-1].version != number:
        return None if promoted else f"version {number} was made champion outside of retune"
    last = about[-1]
    if last.kind == "rollback":
        return f"version {number} is champion again since {last.at}: {last.by} rolled back{_because(last)}"
    if promoted and last == next(entry for entry in about if entry.version == number):
        return None  # its own run's
    return f"version {number} was made champion by hand at {last.at} by {last.by}{_because(last)}"


def _unmade(version: ModelVersion, champion: ModelVersion | None, about: Sequence[Promotion]) -> str | None:
    number = version.version
    if not about and not version.result.get("promoted"):
        return None
    if about and about[-1].previous == number:
        last = about[-1]
        if last.kind == "rollback":
            return f"version {number} was rolled back at {last.at} by {last.by}{_because(last)}"
        return f"version {number} is not champion any more: {last.by} promoted version {last.version} at {last.at}"
    serving = "none is" if champion is None else f"version {champion.version} is"
    return f"version {number} was promoted once and is not champion any more, {serving}"


def _because(entry: Promotion) -> str:
    return "" if entry.reason == NO_REASON else f" because {entry.reason}"
