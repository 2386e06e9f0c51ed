"""Checks of what a run writes to: bucket, spending ledger, MLflow, Prefect."""

from __future__ import annotations

import importlib.metadata
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from components import naming
from components.deployment.local_services import PREFECT
from components.errors import InvalidInput, Refused, Unavailable
from components.registry.connection import redacted
from components.registry.tracking_client import tracking_client
from components.registry.tracking_probe import (
    artifact_root,
    is_server,
    require_access,
    require_version,
    server_version,
    write_artifact,
)
from components.storage import parse_uri
from components.storage.bucket_probe import removed, require_region, write_and_read
from components.storage.s3_document import S3Document
from components.tuning.ledger import S3Ledger
from flows.checkup.case import Case
from flows.checkup.finding import Check, Verdict, ok, warning
from flows.engines import open_ledger
from flows.local_services import services_of

_TIMEOUT_S = 5.0
_FORBIDDEN = (401, 403)
_PREFECT_LAW = "PREFECT_API_URL must be a Prefect API's, such as http://HOST:4200/api"


def checks(case: Case) -> Iterator[Check]:
    """The bucket; the ledger, where the run costs money; the two servers."""
    yield Check(
        name="bucket",
        target=lambda: case.settings.base_uri,
        look=lambda: _bucket(case),
        needs=("settings", "credentials", "cloud") if case.on_cloud else ("settings",),
    )
    if case.on_cloud:
        yield Check(
            name="ledger", target=lambda: _ledger_uri(case), look=lambda: _ledger(case), needs=("settings", "project")
        )
    mlflow = lambda: redacted(case.settings.tracking_uri)  # noqa: E731  three checks look at it
    yield Check(name="MLflow", target=mlflow, look=lambda: _mlflow(case), needs=("settings",))
    yield Check(name="MLflow version", target=mlflow, look=lambda: _mlflow_version(case), needs=("MLflow",))
    yield Check(name="artifacts", target=mlflow, look=lambda: _artifacts(case), needs=("MLflow",))
    yield Check(name="Prefect", target=lambda: _prefect_url(case), look=lambda: _prefect(case), needs=("settings",))


def _bucket(case: Case) -> Verdict:
    settings = case.settings
    if not settings.on_s3:
        return ok(f"the folder {settings.store_root}")
    client = case.aws("s3")
    require_region(client, settings.bucket, settings.region)
    key = parse_uri(f"{settings.base_uri}/{naming.probe_key(uuid.uuid4().hex)}")[1]
    return _tried(client, settings.bucket, key, f"is in {settings.region}; an object was written, read and removed")


def _tried(client: object, bucket: str, key: str, well: str) -> Verdict:
    gone = False
    try:
        write_and_read(client, bucket, key)
    finally:
        gone = removed(client, bucket, key)
    if gone:
        return ok(well)
    return warning(
        f"an object was written and read and may not be removed: s3://{bucket}/{key} is left; a run removes none"
    )


def _ledger_uri(case: Case) -> str:
    return case.project.budget.ledger or str(case.settings.home / "ledger.sqlite")


def _ledger(case: Case) -> Verdict:
    uri, runner = case.project.budget.ledger, case.settings.ephemeral
    if uri is None:
        rows = len(open_ledger(case.settings, case.project).entries())
        if runner is None:
            return ok(f"{rows} jobs; of this home alone: others who run the project do not see what is spent here")
        return warning(
            f"{runner} says that this machine goes away with its ledger, so no monthly cap holds: name a shared one in "
            'retune.toml, [budget] ledger = "s3://…/ledger.json"'
        )
    client, (bucket, key) = case.aws("s3"), parse_uri(uri)
    rows = len(S3Ledger(S3Document(client, uri)).entries())
    return _tried(client, bucket, f"{key}.{uuid.uuid4().hex}", f"{rows} jobs; shared, and can be written")


def _mlflow(case: Case) -> Verdict:
    uri = case.settings.tracking_uri
    path = _database_file(uri)
    if path is not None and case.on_cloud and case.settings.ephemeral is not None:
        return warning(
            f"{case.settings.ephemeral} says that this machine goes away with its models and what later searches could "
            "start from: set MLFLOW_TRACKING_URI to a server"
        )
    if path is not None and not path.exists():
        return ok("made by the first run")
    if is_server(uri):
        require_access(uri)
    tracking_client(uri)
    return ok("answers")


def _database_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def _mlflow_version(case: Case) -> Verdict:
    client, uri = importlib.metadata.version("mlflow"), case.settings.tracking_uri
    if not is_server(uri):
        return ok(f"client {client}, without a server")
    found = server_version(uri)
    if found is None:
        return warning(f"the server does not say; the client is {client}")
    remark = require_version(found, client=client)
    return ok(f"server {found}, client {client}") if remark is None else warning(remark)


def _artifacts(case: Case) -> Verdict:
    settings = case.settings
    path = _database_file(settings.tracking_uri)
    if settings.owns_tracking or (path is not None and not path.exists()):
        return ok(f"go to {settings.artifact_root or 'a place that the first run makes'}")
    location = artifact_root(tracking_client(settings.tracking_uri), case.experiment)
    if location is None:
        return warning(f"where they go could not be seen: there is neither an experiment {case.experiment} nor Default")
    if urlsplit(location).scheme in ("", "file"):
        if not is_server(settings.tracking_uri):
            return ok(f"go to the folder {location}")
        return warning(
            f"MLflow sends its clients to the folder {location}, which only its own machine has: start the server with "
            "--artifacts-destination, or with a bucket as --default-artifact-root"
        )
    if write_artifact(location, tracking_uri=settings.tracking_uri):
        return ok(f"one was written to {redacted(location)}, read and removed")
    return warning(f"one was written to {redacted(location)} and read, and may not be removed: it is left there")


def _prefect_url(case: Case) -> str:
    return redacted(case.settings.prefect_api_url or str(case.settings.prefect_home))


def _prefect(case: Case) -> Verdict:
    settings = case.settings
    if settings.prefect_api_url is None:
        own = services_of(settings).find(PREFECT)
        return ok("this home's own server, started by the first run" if own is None else f"answers at {own.url}")
    mine, theirs = importlib.metadata.version("prefect"), _prefect_version(settings.prefect_api_url)
    if theirs.partition(".")[0] != mine.partition(".")[0]:
        raise InvalidInput(f"Prefect's server must be of the client's major version, {mine}, got {theirs}: upgrade it")
    if _numbers(theirs) < _numbers(mine):
        return warning(f"the server is Prefect {theirs}, older than the client's {mine}: upgrade it soon")
    return ok(f"server {theirs}, client {mine}")


def _prefect_version(url: str) -> str:
    """Asked by Prefect's own client: it knows the keys of profiles, settings files and environment."""
    import httpx
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY

    shown = redacted(url)
    key, secret = PREFECT_API_KEY.value(), PREFECT_API_AUTH_STRING.value()
    try:
        client = SyncPrefectClient(
            url,
            api_key=None if key is None else key.get_secret_value(),
            auth_string=None if secret is None else secret.get_secret_value(),
            httpx_settings={"timeout": _TIMEOUT_S},
        )
        with client._client:  # noqa: SLF001  entering the client itself would refuse another major in words of its own
            return client.api_version().strip()
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        if status in _FORBIDDEN:
            raise Refused(
                f"Prefect at {shown} answers {status}: set PREFECT_API_AUTH_STRING, or PREFECT_API_KEY for its cloud"
            ) from None
        raise InvalidInput(f"{_PREFECT_LAW}, got {shown}, which answers {status}") from None
    except httpx.HTTPError as error:
        raise Unavailable(
            f"no Prefect server answers at {shown} ({type(error).__name__}): start it, or mend PREFECT_API_URL"
        ) from None
    except (ValueError, AttributeError):
        raise InvalidInput(f"{_PREFECT_LAW}, got {shown}, which names no version") from None


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]
