"""`retune.toml` beside a project's specs: what its owners lay down for every job, and no spec can override.

[sagemaker]  subnets, security_group_ids, kms_key_id, network_isolation, encrypt_between_containers
[tags]       on every job: team, cost centre
[allow]      images, sources, accounts: prefixes of what a spec may name, account ids jobs may run in
[budget]     max_cost_usd_per_month, max_endpoint_usd_per_month, ledger (an s3:// URI shared by all who run the project)
[prices]     "ml.m5.large" = USD an hour, where no list has it; "serverless" = USD per GB and second
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from components.errors import InvalidInput, InvalidSpec, Refused
from components.spec_part import Items, SpecPart

FILE_NAME = "retune.toml"
Usd = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SageMakerSettings(SpecPart):
    """Network and keys of every training job.

    Attributes:
        subnets: Of the VPC training jobs run in; empty for none.
        security_group_ids: Go with `subnets`.
        kms_key_id: Key of the training volumes and artifacts.
        network_isolation: Whether containers have no network.
        encrypt_between_containers: Whether traffic between a job's instances is encrypted.
    """

    subnets: Items[str] = ()
    security_group_ids: Items[str] = ()
    kms_key_id: str | None = None
    network_isolation: bool = False
    encrypt_between_containers: bool = False

    def definition(self, *, several_types: bool) -> dict[str, Any]:
        """These settings as parts of a TrainingJobDefinition.

        Args:
            several_types: Whether the job names several instance types, which have their own resource shape.
        """
        parts: dict[str, Any] = {}
        if self.subnets:
            parts["VpcConfig"] = {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_group_ids)}
        if self.kms_key_id is not None:
            resources = "HyperParameterTuningResourceConfig" if several_types else "ResourceConfig"
            parts |= {
                "OutputDataConfig": {"KmsKeyId": self.kms_key_id},
                resources: {"VolumeKmsKeyId": self.kms_key_id},
            }
        if self.network_isolation:
            parts["EnableNetworkIsolation"] = True
        if self.encrypt_between_containers:
            parts["EnableInterContainerTrafficEncryption"] = True
        return parts


class Allowed(SpecPart):
    """What a spec may name; empty allows everything.

    Attributes:
        images: Prefixes of training images.
        sources: Prefixes of data sources with a scheme, such as `s3://our-bucket/`.
        accounts: Account ids jobs may run in.
    """

    images: Items[str] = ()
    sources: Items[str] = ()
    accounts: Items[str] = ()

    def check_image(self, image: str) -> None:
        """Raise Refused for an image outside the list."""
        _check(image, self.images, "training.image", "images")

    def check_source(self, source: str) -> None:
        """Raise Refused for an `s3://` source outside the list; a project's own files are always allowed."""
        if "://" in source:
            _check(source, self.sources, "data", "sources")

    def check_account(self, account: str) -> None:
        """Raise Refused for an account outside the list."""
        if self.accounts and account not in self.accounts:
            raise Refused(f"jobs run in the accounts {', '.join(self.accounts)} only ({FILE_NAME}), got {account}")


class BudgetSettings(SpecPart):
    """Money of a whole project.

    Attributes:
        max_cost_usd_per_month: What all runs of a month may cost together, USD; a spec can only lower it.
        max_endpoint_usd_per_month: What an endpoint may cost at the most, USD; a spec can only lower it.
        ledger: `s3://` URI of a ledger that all who run the project share; None for one per home.
    """

    max_cost_usd_per_month: Usd | None = None
    max_endpoint_usd_per_month: Usd | None = None
    ledger: str | None = Field(default=None, pattern=r"^s3://[^/]+/.+[^/]$")


class ProjectSettings(SpecPart):
    """All of `retune.toml`."""

    sagemaker: SageMakerSettings = SageMakerSettings()
    tags: dict[str, str] = Field(default_factory=dict, max_length=30)
    allow: Allowed = Allowed()
    budget: BudgetSettings = BudgetSettings()
    prices: dict[str, Usd] = Field(default_factory=dict)


def read_project_settings(root: Path) -> ProjectSettings:
    """The settings of the project in a folder; the defaults without a file.

    Raises:
        InvalidInput: The file is no TOML.
        InvalidSpec: It breaks a law.
    """
    path = root / FILE_NAME
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ProjectSettings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path} must be a readable TOML file, got: {error}") from None
    try:
        return ProjectSettings.model_validate(document)
    except ValidationError as error:
        breaches = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)]
        raise InvalidSpec(str(path), breaches) from None


def _check(value: str, prefixes: tuple[str, ...], field: str, name: str) -> None:
    if prefixes and not value.startswith(prefixes):
        raise Refused(f"{field} must start with one of {', '.join(prefixes)} ({FILE_NAME}, allow.{name}), got {value}")
