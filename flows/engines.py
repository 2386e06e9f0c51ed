"""Settings turned into engines, stores and a ledger: the one place that does; `flows.tasks` hands them down."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.project_settings import ProjectSettings
from components.settings import Settings
from components.storage import ObjectStore
from components.tuning.engine import Engine
from components.tuning.ledger import Ledger, S3Ledger, SqliteLedger

ENGINES = ("local", "sagemaker")


def open_store(settings: Settings) -> ObjectStore:
    """The folder store under home, or S3 where a bucket is set."""
    if settings.on_s3:
        from components.aws import client
        from components.storage.s3 import S3Store

        return S3Store(client("s3", region=settings.region))
    from components.storage.local import FolderStore

    return FolderStore(settings.store_root)


def open_engine(
    name: str, settings: Settings, store: ObjectStore, *, supervise: bool, warm_for: str | None = None
) -> Engine:
    """An engine by name.

    Args:
        name: `local` or `sagemaker`.
        settings: Where.
        store: Where objects are kept.
        supervise: Whether this process runs local jobs, or only looks at them.
        warm_for: Training image whose libraries the local engine is to load already now.
    """
    if name == "sagemaker":
        from components.aws import client
        from components.tuning.engines import sagemaker

        settings.require_cloud()
        return sagemaker.connect(
            client=client("sagemaker", region=settings.region),
            logs=lambda: client("logs", region=settings.region),
        )
    from components.tuning.engines import local

    return local.connect(
        home=settings.amt_home, store=store, region=settings.region, supervise=supervise, warm_for=warm_for
    )


def open_ledger(settings: Settings, project: ProjectSettings) -> Ledger:
    """The ledger all who run the project share, else this home's."""
    if project.budget.ledger is None:
        return SqliteLedger(settings.home / "ledger.sqlite")
    from components.aws import client
    from components.storage.s3_document import S3Document

    return S3Ledger(S3Document(client("s3", region=settings.region), project.budget.ledger))


def price_list(**request: Any) -> Any:
    """The Price List API's GetProducts; it answers in two regions only, for all of them."""
    from components.aws import client, translate

    try:
        return client("pricing", region="us-east-1", patient=False).get_products(**request)
    except (ClientError, BotoCoreError) as error:
        raise translate(error) from error
