"""`retune predict --engine sagemaker`: a batch as a Batch Transform job, from settings."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from components.data.transform import Preprocessing
from components.deployment.batch.answers import BatchModel
from components.deployment.batch.batch_purse import BatchPurse
from components.deployment.batch.input_files import Inputs
from components.deployment.batch.output_file import OutputFile
from components.deployment.batch.transform_job import TransformBatch
from components.deployment.batch.transform_requests import BatchPlan
from components.deployment.hosted_model import ARCHIVE, repack, stored
from components.errors import InvalidInput
from components.project_settings import ProjectSettings, read_project_settings
from components.registry.mlflow_registry import Registry
from components.registry.model_version import ModelVersion
from components.settings import Settings
from components.storage import ObjectStore
from components.tuning.budget import Budget
from components.tuning.images import script_image, xgboost_image
from components.tuning.prices import price_of
from flows.engines import open_ledger, price_list
from flows.line import project_root
from flows.money import settle


@dataclass(frozen=True, kw_only=True)
class CloudOptions:
    """What a batch on SageMaker may take.

    Attributes:
        instance_type: SageMaker's name of the machine.
        instance_count: Machines.
        max_runtime_s: The job is stopped after this.
        max_cost_usd: What the batch may cost at the worst; shortens its time, or refuses it.
        image: Of a model with its own `inference.py`; None is SageMaker's scikit-learn image.
    """

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    max_runtime_s: int = 3600
    max_cost_usd: float = 5.0
    image: str | None = None


@dataclass(frozen=True, kw_only=True)
class CloudBatches:
    """Batches of an account, refused already where it is not one that may be used.

    Attributes:
        settings: Where.
        project: What its owners lay down.
        store: Where parts and answers go.
        options: What a batch may take.
        purse: What it may cost.
    """

    settings: Settings
    project: ProjectSettings
    store: ObjectStore
    options: CloudOptions
    purse: BatchPurse

    def answer(
        self,
        registry: Registry,
        version: ModelVersion,
        *,
        inputs: Inputs,
        keep: tuple[str, ...],
        output: OutputFile,
        scratch: Path,
        say: Callable[[str], None],
    ) -> str:
        """Answer every row with a registered version; the transform job's name.

        Raises:
            Refused: The version cannot be hosted.
            RetuneError: As `TransformBatch.run`.
        """
        from mlflow.models import Model

        from components.aws import client

        folder, number, region = registry.folder(version, scratch), str(version.version), self.settings.region
        hosted = repack(folder, version=number)
        image = xgboost_image(region) if hosted.kind == "xgboost" else self.options.image or script_image(region)
        place = stored(hosted, store=self.store, base_uri=self.settings.base_uri, model=registry.model, version=number)
        # rows are looked at here, by the preprocessing alone: a bad one is told by number before a machine is paid
        preprocessing = Preprocessing.from_json(hosted.preprocessing)
        model = BatchModel(
            version=number,
            model=SimpleNamespace(metadata=Model.load(str(folder))),
            keep=keep,
            ask=lambda rows, _: preprocessing.transform(rows),
        )
        batch = TransformBatch(
            plan=BatchPlan(
                model=registry.model,
                version=number,
                image=image,
                model_data=f"{place}/{ARCHIVE}",
                role_arn=self.settings.role_arn,
                base_uri=self.settings.base_uri,
                instance_type=self.options.instance_type,
                instance_count=self.options.instance_count,
                max_runtime_s=self.options.max_runtime_s,
                laid_down=self.project.sagemaker,
                tags=self.project.tags,
            ),
            purse=self.purse,
            client=client("sagemaker", region=region),
            store=self.store,
            inputs=inputs,
            wanted=model.wanted,
            types=model.types,
            poll_s=self.settings.poll_s,
            check=model.check,
            sleep=time.sleep,
        )
        machines = f"{self.options.instance_count} x {self.options.instance_type}"
        say(f"batch {batch.plan.uri(batch.digest, '')} on {machines}")
        return batch.run(output)


def open_batches(model: str, options: CloudOptions, settings: Settings, store: ObjectStore) -> CloudBatches:
    """Batches of the account that settings name, and what one may cost.

    Raises:
        InvalidInput: The environment does not say where, or the cap is no number.
        Refused: Account or image are not among those allowed, or nothing says what the machines cost.
    """
    settings.require_cloud("--engine sagemaker")
    if not math.isfinite(options.max_cost_usd):
        raise InvalidInput(f"--max-cost-usd must be a finite number, got {options.max_cost_usd}")
    project = read_project_settings(project_root(Path.cwd() / "any.yaml"))
    project.allow.check_account(settings.role_arn.split(":")[4])
    if options.image is not None:
        project.allow.check_image(options.image)
    month_caps = (Budget().max_cost_usd_per_month, project.budget.max_cost_usd_per_month)
    purse = BatchPurse(
        model=model,
        price=price_of(
            [options.instance_type],
            region=settings.region,
            told=project.prices,
            ask=price_list,
            cache=settings.scratch / "prices.json",
            use="BatchTransform",
        ),
        region=settings.region,
        instances=options.instance_count,
        cap_usd=options.max_cost_usd,
        month_cap_usd=min(cap for cap in month_caps if cap is not None),
        ledger=open_ledger(settings, project),
        clock=time.time,
    )
    settle(settings, purse.ledger)  # what others left reserved and have ended since is free again
    return CloudBatches(settings=settings, project=project, store=store, options=options, purse=purse)
