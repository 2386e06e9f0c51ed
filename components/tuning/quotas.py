"""How many training instances of a type an account may have at a time: Service Quotas, by the quota's name.

The codes (L-...) differ by type and are listed nowhere, so the names are looked through: about 20 pages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

_SERVICE = "sagemaker"


def quota_name(instance_type: str, *, spot: bool) -> str:
    """Name of the quota that bounds training on an instance type."""
    return f"{instance_type} for {'spot ' if spot else ''}training job usage"


def quota_values(client: Any, names: Collection[str]) -> Mapping[str, float]:
    """Values of quotas by name: the account's own, else AWS's default; those Service Quotas does not know are absent.

    Args:
        client: boto3's Service Quotas client.
        names: Wanted.
    """
    left, found = set(names), dict[str, float]()
    for operation in (client.list_service_quotas, client.list_aws_default_service_quotas):
        for quota in _quotas(operation):
            if quota["QuotaName"] in left:
                left.discard(quota["QuotaName"])
                found[quota["QuotaName"]] = float(quota["Value"])
            if not left:
                return found
    return found


def _quotas(operation: Callable[..., Any]) -> Iterator[Mapping[str, Any]]:
    page: dict[str, Any] = {"ServiceCode": _SERVICE, "MaxResults": 100}
    while True:
        answer = operation(**page)
        yield from answer["Quotas"]
        if not answer.get("NextToken"):
            return
        page["NextToken"] = answer["NextToken"]
