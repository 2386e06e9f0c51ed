"""The version that serves: follows the alias, and takes over only what has loaded and answered its own example."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.deployment.model_server.answers import as_json
from components.deployment.model_server.asker import Ask, asker
from components.errors import Damaged, NotFound, RetuneError
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """A loaded version. A request keeps the one it began with.

    Attributes:
        version: Its number, as text.
        ask: The pyfunc, as rows and parameters to predictions.
        schema: Its input schema; None when it declares none.
    """

    version: str
    ask: Ask
    schema: Any


class UnfitVersion(Damaged):
    """A version that does not load, or does not answer its own example."""

    def __init__(self, version: str, message: str) -> None:
        self.version = version
        super().__init__(message)


class Champion:
    """The champion of one registered model.

    Args:
        registry: The registered model.
        alias: Its alias that is followed, for messages.

    Attributes:
        served: The version that serves now; one reference, replaced whole.
        error: Why what the alias names does not serve, or cannot be known; None when all is well.
        swaps: Versions taken over since the first.

    Raises:
        NotFound: No version has the alias.
        Damaged: The version does not load, or does not answer its own example.
        RetuneError: MLflow does not answer.
    """

    def __init__(self, registry: Registry, *, alias: str) -> None:
        self._registry = registry
        self._alias = alias
        self._turn = threading.Lock()
        # versions fetched from elsewhere; a model may read its files late, so they stay
        self._scratch = tempfile.TemporaryDirectory(prefix="retune-model-server-")
        self.error: str | None = None
        self.swaps = 0
        self.served = self._load(self._wanted())

    def refresh(self, *, leave: str | None = None) -> str:
        """Serve what the alias names now.

        Args:
            leave: A version not to be tried.

        Returns:
            The version the alias names.

        Raises:
            RetuneError: As the constructor. What served goes on serving, and `error` says so.
        """
        with self._turn:
            try:
                wanted = self._wanted()
                version = str(wanted.version)
                if version == leave:
                    return version
                if version != self.served.version:
                    self.served = self._load(wanted)
                    self.swaps += 1
                    _log.info("version %s serves", version)
            except RetuneError as error:
                said = f"{error}; version {self.served.version} goes on serving"
                if said != self.error:
                    _log.warning("%s", said)
                self.error = said
                raise
            self.error = None
            return version

    def follow(self, stop: threading.Event, *, every_s: float) -> None:
        """Look at the alias until told to stop: others may have moved it without telling.

        A version that does not load is tried again ever more seldom, and at once when it is asked for by `refresh`.
        """
        refused: str | None = None
        pause_s, again_s = every_s, 0.0
        while not stop.wait(every_s):
            try:
                version = self.refresh(leave=refused if time.monotonic() < again_s else None)
                refused = refused if version == refused else None
            except UnfitVersion as error:
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S) if error.version == refused else every_s
                refused, again_s = error.version, time.monotonic() + pause_s
            except RetuneError:
                continue  # said in `error`

    def close(self) -> None:
        """Remove fetched files."""
        self._scratch.cleanup()

    def _wanted(self) -> ModelVersion:
        wanted = self._registry.champion()
        if wanted is None:
            raise NotFound(f"a version of model {self._registry.model!r} must have the alias {self._alias!r}, none has")
        return wanted

    def _load(self, wanted: ModelVersion) -> Served:
        version = str(wanted.version)
        try:
            model = self._registry.load(wanted, Path(self._scratch.name))
            if model.input_example is not None:
                as_json(model.predict(model.input_example), version=version)
            return Served(version=version, ask=asker(model), schema=model.metadata.get_input_schema())
        except RetuneError:
            raise
        except Exception as error:  # a model is somebody's code: whatever it raises, it is not fit to serve
            _log.exception("version %s does not load", version)
            cause = str(error).strip().partition("\n")[0][:300]
            raise UnfitVersion(
                version,
                f"version {version} of model {self._registry.model!r} must load and answer its example, "
                f"got {type(error).__name__}: {cause}",
            ) from error
