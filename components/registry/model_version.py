"""What a registered version is, and where it came from: MLflow's model version and our lineage tags as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components import naming
from components.errors import Damaged


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a version came from; each becomes a tag.

    Attributes:
        model: Name of the registered model.
        run_key: Short form of `run_digest`.
        run_digest: 64 hex digits.
        snapshot: Digest of the data.
        engine: `local` or `sagemaker`.
        mode: `tune` or `refit`.
        reason: Why that mode.
        tuning_job: Last attempt of the search; None of a refit.
        training_job: The one whose model this is.
        spec_digest: Of the resolved spec, as the run key takes it.
        code_digest: Of `source_dir`, or the image.
        generation: Finished versions of the model before this run.
        refit_of: Number of the version whose hyperparameters were trained again; None of a search.
    """

    model: str
    run_key: str
    run_digest: str
    snapshot: str
    engine: str
    mode: str
    reason: str
    tuning_job: str | None
    training_job: str
    spec_digest: str
    code_digest: str
    generation: int
    refit_of: str | None = None

    def tags(self) -> dict[str, str]:
        """As written on the version and on the logged model."""
        return {
            naming.TAG_MODEL: self.model,
            naming.TAG_RUN_KEY: self.run_key,
            naming.TAG_RUN_DIGEST: self.run_digest,
            naming.TAG_SNAPSHOT: self.snapshot,
            naming.TAG_ENGINE: self.engine,
            naming.TAG_MODE: self.mode,
            naming.TAG_REASON: self.reason,
            naming.TAG_TRAINING_JOB: self.training_job,
            naming.TAG_SPEC_DIGEST: self.spec_digest,
            naming.TAG_CODE_DIGEST: self.code_digest,
            naming.TAG_GENERATION: str(self.generation),
            **({} if self.tuning_job is None else {naming.TAG_TUNING_JOB: self.tuning_job}),
            **({} if self.refit_of is None else {naming.TAG_REFIT_OF: self.refit_of}),
        }


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """A version of a registered model.

    Attributes:
        model: Name of the registered model.
        version: From 1.
        created: UTC.
        run_id: MLflow run it belongs to, or None.
        tags: All of them.
    """

    model: str
    version: int
    created: datetime
    run_id: str | None
    tags: Mapping[str, str]

    @classmethod
    def of(cls, entity: Any) -> ModelVersion:
        """From MLflow's `ModelVersion`."""
        return cls(
            model=entity.name,
            version=int(entity.version),
            created=datetime.fromtimestamp(entity.creation_timestamp / 1000, UTC),
            run_id=entity.run_id or None,
            tags=dict(entity.tags),
        )

    @property
    def uri(self) -> str:
        """As MLflow addresses it."""
        return f"models:/{self.model}/{self.version}"

    @property
    def run_key(self) -> str | None:
        """Of the run that made it; None when retune did not."""
        return self.tags.get(naming.TAG_RUN_KEY)

    @property
    def training_job(self) -> str | None:
        """The training job whose model this is."""
        return self.tags.get(naming.TAG_TRAINING_JOB)

    @property
    def is_finished(self) -> bool:
        """Whether its run did everything it was to do."""
        return naming.TAG_FINISHED in self.tags

    @property
    def refusal(self) -> str | None:
        """Why it must not be promoted; None when it may be."""
        return self.tags.get(naming.TAG_REFUSAL)

    @property
    def result(self) -> dict[str, Any]:
        """What its run reported; empty until it is finished.

        Raises:
            Damaged: The tag is no JSON object.
        """
        text = self.tags.get(naming.TAG_RESULT, "{}")
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Damaged(f"tag {naming.TAG_RESULT} of {self.uri} must be a JSON object, got {text[:80]!r}")
        return document


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One change of the champion, as the registered model's tags keep it for ever.

    Attributes:
        number: From 1.
        kind: `promote` or `rollback`.
        previous: Version that served before; None when none did.
        version: Version that serves since.
        at: UTC, ISO 8601.
        by: Who did it.
        reason: Why.
    """

    number: int
    kind: str
    previous: int | None
    version: int
    at: str
    by: str
    reason: str

    def text(self) -> str:
        """As its tag holds it."""
        return json.dumps(
            {
                "kind": self.kind,
                "previous": self.previous,
                "version": self.version,
                "at": self.at,
                "by": self.by,
                "reason": self.reason,
            }
        )


def promotions(tags: Mapping[str, str]) -> tuple[Promotion, ...]:
    """The history in a registered model's tags, oldest first.

    Raises:
        Damaged: A tag of it is not as retune writes it.
    """
    prefix = naming.promotion_tag(0).rpartition(".")[0] + "."
    history = []
    for key in sorted(key for key in tags if key.startswith(prefix)):
        try:
            history.append(Promotion(number=int(key[len(prefix) :]), **json.loads(tags[key])))
        except (ValueError, TypeError):
            raise Damaged(f"tag {key} must be as retune writes it, got {tags[key][:80]!r}") from None
    return tuple(history)


def served_before(history: Sequence[Promotion], champion: int) -> int | None:
    """The version that served before the champion was promoted; None when it is the first."""
    promoted = [entry for entry in history if entry.kind == "promote" and entry.version == champion]
    if promoted:
        return promoted[-1].previous
    # somebody moved the alias by hand: what retune promoted last served before
    return next((entry.version for entry in reversed(history) if entry.version != champion), None)
