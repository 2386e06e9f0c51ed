"""The table of training images beside the SageMaker SDK's own (components/tuning/images.py)."""

from __future__ import annotations

import json
from pathlib import Path

from amazon_clients import AmazonClients

from components.tuning.images import SCRIPT_TAG, XGBOOST_TAG, known_regions, script_image, xgboost_image

NOWHERE = "http://127.0.0.1:9"


def test_every_image_of_the_table_is_the_sdks(tmp_path: Path) -> None:
    """For each region and version of the table, the SDK's image_uris.retrieve names the same image."""
    sdk = AmazonClients(folder=tmp_path, exports={"AWS_ENDPOINT_URL_SAGEMAKER": NOWHERE}, s3_endpoint=NOWHERE)
    regions = known_regions()
    version = SCRIPT_TAG.removesuffix("-cpu-py3")
    told = sdk.python(Path(__file__).parent / "images_of_sdk.py", ",".join(regions), XGBOOST_TAG, version)
    assert len(regions) >= 16
    assert json.loads(told.splitlines()[-1]) == {
        region: [xgboost_image(region), script_image(region)] for region in regions
    }
