"""What the SageMaker SDK says about images, in an environment of its own: told regions and both versions."""

from __future__ import annotations

import json
import sys

from sagemaker.core import image_uris


def main(regions: str, xgboost: str, script: str) -> None:
    """Print region to its two images, as JSON."""
    images = {
        region: [
            image_uris.retrieve("xgboost", region=region, version=xgboost),
            image_uris.retrieve("sklearn", region=region, version=script, py_version="py3"),
        ]
        for region in regions.split(",")
    }
    sys.stdout.write(json.dumps(images) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
