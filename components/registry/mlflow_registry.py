"""Versions, aliases and lineage tags of one registered model; the only writer of them.

Every write can be cut off and repeated. What makes a version found again (run key, training job) is part of the call
that creates it. A change of the champion is logged before the alias moves (champion_alias.py). `retune.finished` is the
last tag of a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import naming
from components.errors import InvalidInput, NotFound, Refused
from components.registry.champion_alias import ChampionAlias
from components.registry.connection import answering, connect
from components.registry.logged_model import fetch, log_once
from components.registry.model_version import ModelVersion, Promotion, served_before
from components.registry.packaging import pyfunc
from components.registry.registry_spec import REGISTERED_MODEL, RegistrySpec

if TYPE_CHECKING:
    from mlflow import MlflowClient

_MAX_RESULT_LENGTH = 100_000  # MLflow's, of a version tag
_MOST_MODELS = 1000  # MLflow's, of a page


class Registry:
    """One registered model.

    Args:
        tracking_uri: MLflow's.
        model: Name of the registered model.
        champion: Alias of the version that serves.
        challenger: Alias of the newest candidate.
        input_example: Whether made-up rows are registered with a model.

    Raises:
        InvalidInput: A name MLflow or its search language cannot hold.
        RetuneError: As `connect`.
    """

    def __init__(
        self,
        *,
        tracking_uri: str,
        model: str,
        champion: str = "champion",
        challenger: str = "challenger",
        input_example: bool = True,
    ) -> None:
        if not REGISTERED_MODEL.fullmatch(model):
            raise InvalidInput(f"a registered model's name has 1-250 characters without / : ' \" ` % \\, got {model!r}")
        self.tracking_uri = tracking_uri
        self.model = model
        self.input_example = input_example
        self._challenger = challenger
        self._client: MlflowClient = connect(tracking_uri)
        self._champion = ChampionAlias(client=self._client, tracking_uri=tracking_uri, model=model, alias=champion)

    @classmethod
    def of(cls, spec: RegistrySpec, *, tracking_uri: str, name: str) -> Registry:
        """As a spec's `registry` part says; `name` is the spec's own, the default of the model's."""
        return cls(
            tracking_uri=tracking_uri,
            model=spec.model or name,
            champion=spec.champion,
            challenger=spec.challenger,
            input_example=spec.input_example == "synthetic",
        )

    # Reading

    def versions(self) -> tuple[ModelVersion, ...]:
        """All versions, newest first; none when the model is not registered yet."""
        found: list[ModelVersion] = []
        token: str | None = None
        with answering(self.tracking_uri):
            while True:
                page = self._client.search_model_versions(f"name = '{self.model}'", page_token=token)
                found += [ModelVersion.of(entity) for entity in page if entity.name == self.model]
                token = page.token
                if not token:
                    return tuple(sorted(found, key=lambda version: -version.version))

    def models(self) -> list[str]:
        """Names of what is registered, this model or others; of very many the first."""
        with answering(self.tracking_uri):
            return sorted(each.name for each in self._client.search_registered_models(max_results=_MOST_MODELS))

    def version(self, number: int) -> ModelVersion:
        """One version. Raises NotFound."""
        with answering(self.tracking_uri):
            return ModelVersion.of(self._client.get_model_version(self.model, str(number)))

    def find(self, number: int) -> ModelVersion | None:
        """One version; None when it is not there any more."""
        return next((version for version in self.versions() if version.version == number), None)

    def of_run(self, run_key: str, training_job: str) -> ModelVersion | None:
        """The version a run registered from this training job; the oldest, should there be several."""
        mine = [v for v in self.versions() if (v.run_key, v.training_job) == (run_key, training_job)]
        return mine[-1] if mine else None

    def champion(self) -> ModelVersion | None:
        """The version that serves."""
        number = self._champion.number()
        return None if number is None else self.version(number)

    def challenger(self) -> ModelVersion | None:
        """The newest candidate."""
        registered = self._registered()
        number = None if registered is None else registered.aliases.get(self._challenger)
        return None if number is None else self.version(int(number))

    def generation(self, same: Mapping[str, str]) -> int:
        """One more than that of the newest finished version with these tags; 0 without one.

        Not a count: versions that somebody deletes must not give an old run's key to a new run.
        """
        last = self.last_finished(same)
        return 0 if last is None else int(last.tags.get(naming.TAG_GENERATION, "0")) + 1

    def last_finished(self, same: Mapping[str, str] | None = None) -> ModelVersion | None:
        """The newest finished version that carries these tags, such as {TAG_SNAPSHOT: ..., TAG_SPEC_DIGEST: ...}."""
        wanted = (same or {}).items()
        return next((v for v in self.versions() if v.is_finished and wanted <= v.tags.items()), None)

    def history(self) -> tuple[Promotion, ...]:
        """Every change of the champion, oldest first. An entry whose write was cut off may be the last one."""
        return self._champion.history()

    def rolled_back(self, number: int) -> Promotion | None:
        """The rollback that took this version out of service, if that was the last thing that happened to it."""
        return self._champion.rolled_back(number)

    def folder(self, version: ModelVersion, scratch: Path) -> Path:
        """The version's files, where they are on this machine or fetched into a folder of their own below `scratch`.

        Raises:
            RetuneError: MLflow does not answer, or the artifacts are not there.
        """
        target = scratch / f"{naming.experiment_folder(self.model)}-{version.version}"
        with answering(self.tracking_uri):
            uri = self._client.get_model_version_download_uri(self.model, str(version.version))
            return fetch(uri, target, tracking_uri=self.tracking_uri)

    def load(self, version: ModelVersion, scratch: Path) -> Any:
        """The version as a pyfunc; fetched files stay in `scratch` while the model is in use.

        Raises:
            RetuneError: As `folder`.
            Exception: Whatever the model's own code raises while it loads.
        """
        return pyfunc().load_model(str(self.folder(version, scratch)))

    # Writing

    def add(self, folder: Path, *, run_id: str, kind: str, tags: Mapping[str, str]) -> ModelVersion:
        """Log a model folder and register it, unless the same run did so before.

        Args:
            folder: An MLflow model, or files that are none.
            run_id: MLflow run the model belongs to; its experiment keeps the files.
            kind: MLflow's model type, for its search.
            tags: Lineage among them; `retune.run_key` and `retune.training_job` name the version.
        """
        known = self.of_run(tags[naming.TAG_RUN_KEY], tags[naming.TAG_TRAINING_JOB])
        if known is not None:
            return known
        with answering(self.tracking_uri):
            same = {name: tags[name] for name in (naming.TAG_RUN_KEY, naming.TAG_TRAINING_JOB)}
            logged = log_once(self._client, folder, name=self.model, run_id=run_id, kind=kind, tags=tags, same=same)
            if self._registered() is None:
                self._register()
            # A database registry resolves models:/ by the process's own tracking URI, which may be another one (3.17).
            local = "://" in self.tracking_uri and not self.tracking_uri.startswith("http")
            source = logged.artifact_location if local else f"models:/{logged.model_id}"
            entity = self._client.create_model_version(
                self.model, source=source, run_id=run_id, tags=dict(tags), model_id=logged.model_id
            )
        # Another machine may have registered the same at the same moment: both look, both keep the older one.
        made = ModelVersion.of(entity)
        oldest = self.of_run(tags[naming.TAG_RUN_KEY], tags[naming.TAG_TRAINING_JOB]) or made
        if oldest.version != made.version:
            with answering(self.tracking_uri):
                self._client.delete_model_version(self.model, str(made.version))
        return oldest

    def tag(self, number: int, tags: Mapping[str, str]) -> None:
        """Write tags of a version; the same again changes nothing."""
        with answering(self.tracking_uri):
            for key, value in tags.items():
                self._client.set_model_version_tag(self.model, str(number), key, value)

    def challenge(self, number: int) -> None:
        """Make a version the challenger."""
        with answering(self.tracking_uri):
            self._client.set_registered_model_alias(self.model, self._challenger, str(number))

    def promote(self, number: int, *, by: str, reason: str, now: datetime) -> None:
        """Make a version the champion, until `close_change` with its server to follow; nothing happens when it is.

        Raises:
            Refused: It must not serve, for the reason its tag gives.
            NotFound: No such version.
        """
        version = self.version(number)
        if version.refusal is not None:
            raise Refused(f"version {number} of {self.model} must not be promoted: {version.refusal}")
        self._champion.move("promote", number, by=by, reason=reason, now=now)

    def finish_cut_off_change(self) -> Promotion | None:
        """Move the alias as a killed command has begun to; that change, not closed yet, or None without one."""
        return self._champion.finish_cut_off()

    def close_change(self) -> None:
        """The last change of the champion is done, its server included."""
        self._champion.close()

    def before_champion(self) -> ModelVersion:
        """The version that a rollback makes the champion again: the one that served before it was promoted.

        Raises:
            NotFound: Nothing serves, nothing served before, or that version was deleted.
        """
        champion = self.champion()
        if champion is None:
            raise NotFound(f"a rollback needs a champion, got none of {self.model}")
        previous = served_before(self.history(), champion.version)
        if previous is None:
            raise NotFound(
                f"version {champion.version} of {self.model} is the first that served: nothing to go back to"
            )
        return self.version(previous)

    def rollback(self, *, by: str, reason: str, now: datetime) -> ModelVersion:
        """Give the alias back to `before_champion` and return it; again: one further back. Raises as that."""
        target = self.before_champion()
        self._champion.move("rollback", target.version, by=by, reason=reason, now=now)
        return target

    def finish(self, number: int, result: Mapping[str, Any], *, now: datetime) -> None:
        """Record a run's result and, last, that it is finished; what was recorded before stays.

        Raises:
            InvalidInput: The result is longer than a tag.
        """
        if self.version(number).is_finished:
            return
        text = json.dumps(result, separators=(",", ":"), allow_nan=False)
        if len(text) > _MAX_RESULT_LENGTH:
            raise InvalidInput(f"a recorded result has at most {_MAX_RESULT_LENGTH} characters, got {len(text)}")
        self.tag(number, {naming.TAG_RESULT: text})
        self.tag(number, {naming.TAG_FINISHED: now.isoformat(timespec="seconds")})

    def _registered(self) -> Any:
        from mlflow.exceptions import MlflowException

        with answering(self.tracking_uri):
            try:
                return self._client.get_registered_model(self.model)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def _register(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self.model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
