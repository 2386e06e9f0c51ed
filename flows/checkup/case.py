"""What is examined: the same inputs as a run's, each resolved when first asked for, so that one failure is only one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from components.errors import RetuneError
from components.project_settings import ProjectSettings, read_project_settings
from components.settings import Settings, read_settings
from components.spec import RetrainSpec
from components.storage import ObjectStore
from flows.engines import open_store
from flows.line import Line, RunOptions, open_line, project_root, resolve_spec


@dataclass(frozen=True, kw_only=True)
class Case:
    """One spec, the options of its run, and a folder that goes away afterwards.

    Attributes:
        options: As `retune run` would get them.
        scratch: For what a look has to write.
    """

    options: RunOptions
    scratch: Path

    @property
    def on_cloud(self) -> bool:
        """Whether the run would train on SageMaker."""
        return self.options.engine == "sagemaker"

    @cached_property
    def settings(self) -> Settings:
        """The environment. Raises InvalidInput."""
        return read_settings()

    @cached_property
    def root(self) -> Path:
        """The project's folder."""
        return project_root(Path(self.options.spec))

    @cached_property
    def project(self) -> ProjectSettings:
        """`retune.toml`. Raises InvalidInput."""
        return read_project_settings(self.root)

    @cached_property
    def spec(self) -> RetrainSpec:
        """The spec with the options applied. Raises NotFound or InvalidInput."""
        return resolve_spec(Path(self.options.spec), self.options)

    @property
    def model(self) -> str:
        """Name of the model; one that would do where the spec does not say."""
        try:
            return self.spec.model
        except RetuneError:
            return "retune"

    @property
    def experiment(self) -> str:
        """Name of the experiment in MLflow; its default one where the spec does not say."""
        try:
            return self.spec.experiment
        except RetuneError:
            return "Default"

    @cached_property
    def store(self) -> ObjectStore:
        """Where the run's objects are kept, without the patience a run has."""
        if self.settings.on_s3:
            from components.storage.s3 import S3Store

            return S3Store(self.aws("s3"))
        return open_store(self.settings)

    @cached_property
    def line(self) -> Line:
        """The run's inputs as the run resolves them. Raises what they break."""
        return open_line(self.options, self.settings)

    def aws(self, service: str) -> Any:
        """An AWS client that fails in seconds."""
        from components.aws import client

        return client(service, region=self.settings.region, patient=False)

    @cached_property
    def identity(self) -> dict[str, str]:
        """Whose credentials these are: `Account`, `Arn`. Raises botocore's errors."""
        answer = self.aws("sts").get_caller_identity()
        return {"Account": answer["Account"], "Arn": answer["Arn"]}
