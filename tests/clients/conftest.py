"""An S3 with a little training data, and the local AMT served beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from amazon_clients import AmazonClients
from amt_cases import put_training_data, wait_for_end
from amt_endpoint import Serving, serving

from components.amt.client import LocalAmt
from components.storage.s3 import S3Store

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer


@pytest.fixture(scope="module")
def s3_url(_moto: ThreadedMotoServer) -> Iterator[str]:
    """URL of what speaks S3; its bucket `bucket` has `data/train/` and `data/validation/`."""
    host, port = _moto.get_host_and_port()
    s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    s3.create_bucket(Bucket="bucket")
    put_training_data(S3Store(s3))
    yield s3.meta.endpoint_url
    s3.close()


@pytest.fixture(scope="module")
def served(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """`retune amt serve` on that S3."""
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    with serving(tmp_path_factory.mktemp("served"), "s3", AWS_ENDPOINT_URL_S3=s3_url, **keys) as served:
        yield served


@pytest.fixture(scope="module")
def clients(served: Serving, s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> AmazonClients:
    """Amazon's clients, told of both."""
    return AmazonClients(folder=tmp_path_factory.mktemp("client"), exports=served.exports, s3_endpoint=s3_url)


@pytest.fixture
def until_ended(served: Serving, s3_url: str) -> Iterator[Callable[[str], object]]:
    """Waits for the end of a tuning job without asking the endpoint again and again."""
    s3 = boto3.client("s3", endpoint_url=s3_url)
    look = LocalAmt(home=served.amt_home, store=S3Store(s3), supervise=False)
    yield lambda name: wait_for_end(look, name)
    look.close()
    s3.close()
