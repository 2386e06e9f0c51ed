"""The account a scenario is played in: one's own, from the settings; or a local AMT with S3 on moto's server."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from components import aws
from components.errors import Refused
from components.project_settings import ProjectSettings
from components.settings import Settings
from components.storage.s3 import S3Store
from components.tuning.images import script_image, xgboost_image
from tests.aws.recorder import Recorder
from tests.aws.redaction import redactor_of
from tests.aws.requests import Places
from tests.aws.scenario import Scenario

LOCAL_BUCKET = "bucket-of-this-machine"
LOCAL_ROLE = "arn:aws:iam::111122223333:role/role-of-this-machine"
_LOCAL_POLL_S = 0.3


def check_project(project: ProjectSettings, region: str) -> None:
    """Refuse a project whose jobs may not look as the scenario's do.

    Raises:
        Refused: It lays down a network or keys, which the local AMT has not, or does not allow the images.
    """
    laid_down = project.sagemaker.definition(several_types=False)
    if laid_down:
        raise Refused(
            f"the scenario trains without network and keys, and retune.toml lays down {', '.join(sorted(laid_down))} "
            "for every job: run it in a folder, and an account, without"
        )
    for image in (xgboost_image(region), script_image(region)):
        project.allow.check_image(image)


def own_account(settings: Settings, project: ProjectSettings, places: Places, folder: Path) -> Scenario:
    """The scenario where the environment's credentials lead.

    Raises:
        Refused: No credentials, or an account that retune.toml does not allow.
        Unavailable: AWS does not answer.
    """
    try:
        account = str(aws.client("sts", region=settings.region).get_caller_identity()["Account"])
    except (ClientError, BotoCoreError) as error:
        raise aws.translate(error) from error
    project.allow.check_account(account)
    found = boto3.Session().get_credentials()
    frozen = found.get_frozen_credentials() if found is not None else None
    keys = () if frozen is None else (frozen.access_key, frozen.secret_key, frozen.token)
    redactor = redactor_of(
        bucket=settings.bucket,
        prefix=settings.prefix,
        role_arn=settings.role_arn,
        accounts=(account, settings.role_arn.split(":")[4]),
        keys=[key for key in keys if key],
        tags=places.tags.values(),
    )
    client = aws.client("sagemaker", region=settings.region)
    recorder = Recorder(folder=folder, client=client, redactor=redactor)
    store = S3Store(aws.client("s3", region=settings.region))
    return Scenario(places=places, recorder=recorder, store=store, poll_s=settings.poll_s)


@contextmanager
def local_account(home: Path, places: Places, folder: Path) -> Iterator[Scenario]:
    """The scenario on this machine: `retune amt serve` as a process, and S3 of its own beside it.

    Args:
        home: Home of the local AMT.
        places: Names and places.
        folder: Of the documents.
    """
    from moto.server import ThreadedMotoServer

    from tests.amt_endpoint import serving

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto's server tells every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        variables = {**keys, "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}", "AWS_DEFAULT_REGION": places.region}
        s3 = _s3(variables, places.region)
        with serving(home, "s3", **variables) as served:
            redactor = redactor_of(
                bucket=LOCAL_BUCKET,
                prefix="",
                role_arn=LOCAL_ROLE,
                accounts=(LOCAL_ROLE.split(":")[4],),
                keys=(served.access_key, served.secret_key),
                tags=places.tags.values(),
            )
            recorder = Recorder(folder=folder, client=served.client, redactor=redactor)
            yield Scenario(places=places, recorder=recorder, store=S3Store(s3), poll_s=_LOCAL_POLL_S)
        s3.close()
    finally:
        server.stop()


def _s3(variables: dict[str, str], region: str) -> Any:
    make: Any = boto3.client  # its stubs have an overload per service
    s3 = make(
        "s3",
        region_name=region,
        endpoint_url=variables["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=LOCAL_BUCKET, **where)
    return s3
