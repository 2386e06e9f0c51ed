"""Training images by region: a small table, compared with the SageMaker SDK's where that is installed."""

from __future__ import annotations

from components.errors import InvalidInput

# xgboost >= 3.1 cannot read the binary models that image 1.7 writes, so tune with the image of the installed xgboost.
XGBOOST_TAG = "3.2-0"
# SageMaker's scikit-learn image runs any Python script (script mode).
SCRIPT_TAG = "1.2-1-cpu-py3"

_ACCOUNTS = {
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
    "ca-central-1": "341280168497",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "eu-central-1": "492215442770",
    "eu-north-1": "662702820516",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "sa-east-1": "737474898029",
}
# AWS's Deep Learning Containers: the same account in most regions.
_DEEP_LEARNING_ACCOUNT = "763104351884"


def xgboost_image(region: str) -> str:
    """URI of the built-in XGBoost image. Raises InvalidInput for a region outside the table."""
    return f"{_registry(region)}/sagemaker-xgboost:{XGBOOST_TAG}"


def script_image(region: str) -> str:
    """URI of the image one's own script runs in. Raises InvalidInput for a region outside the table."""
    return f"{_registry(region)}/sagemaker-scikit-learn:{SCRIPT_TAG}"


def knows(region: str) -> bool:
    """Whether the table has this region."""
    return region in _ACCOUNTS


def known_regions() -> tuple[str, ...]:
    """Regions of the table."""
    return tuple(_ACCOUNTS)


def registry_accounts() -> frozenset[str]:
    """Amazon's own accounts that hold the images: public, and nobody's secret."""
    return frozenset(_ACCOUNTS.values())


def is_amazons(image: str) -> bool:
    """Whether an image is in one of AWS's own registries, which answer training jobs and nobody's questions."""
    return image.partition(".")[0] in {*_ACCOUNTS.values(), _DEEP_LEARNING_ACCOUNT}


def _registry(region: str) -> str:
    if region not in _ACCOUNTS:
        raise InvalidInput(
            f"no image is known for region {region!r}; set training.image, or use one of {', '.join(_ACCOUNTS)}"
        )
    return f"{_ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com"
