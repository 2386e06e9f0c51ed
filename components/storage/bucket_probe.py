"""A bucket tried out: where it is, and whether a tiny object can be written, read and removed again."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from components.errors import Damaged, InvalidInput, NotFound, Refused

_CONTENT = b"retune doctor"
_MISSING, _FORBIDDEN, _ELSEWHERE = "404", "403", "301"


def require_region(client: Any, bucket: str, region: str) -> None:
    """See that the bucket is there, and in the region training jobs run in.

    Args:
        client: boto3's S3 client.
        bucket: Name.
        region: Wanted.

    Raises:
        NotFound: No such bucket.
        Refused: It may not be looked at.
        InvalidInput: It is in another region.
    """
    try:
        answer = client.head_bucket(Bucket=bucket)
        found = answer.get("BucketRegion") or region
    except ClientError as error:
        headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
        code = error.response["Error"]["Code"]
        if code in (_MISSING, "NoSuchBucket"):
            raise NotFound(f"there is no bucket {bucket}: create it (infra/bucket.yaml) or set RETUNE_BUCKET") from None
        found = headers.get("x-amz-bucket-region", region)
        if code == _FORBIDDEN and found == region:
            raise Refused(
                f"bucket {bucket} may not be looked at with these credentials (403): allow s3:ListBucket on it, or "
                "set RETUNE_BUCKET to one of your own"
            ) from None
        if code not in (_FORBIDDEN, _ELSEWHERE):
            raise
    if found != region:
        raise InvalidInput(
            f"the bucket must be in the region of the training jobs, {region}, got {bucket} in {found}: "
            "set AWS_REGION, or RETUNE_BUCKET"
        )


def write_and_read(client: Any, bucket: str, key: str) -> None:
    """Write a tiny object and read it back.

    Raises:
        Damaged: Something else came back.
        ClientError: S3 refuses.
    """
    client.put_object(Bucket=bucket, Key=key, Body=_CONTENT, ChecksumAlgorithm="SHA256")
    content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    if content != _CONTENT:
        raise Damaged(f"s3://{bucket}/{key} must come back as written, got {len(content)} other bytes")


def removed(client: Any, bucket: str, key: str) -> bool:
    """Remove an object; whether that was allowed."""
    try:
        client.delete_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True
