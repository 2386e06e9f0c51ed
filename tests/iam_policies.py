"""IAM's decision on a request, from identity policies alone: what moto's own evaluation leaves out, conditions, is in.

It knows Allow and Deny, wildcards in actions and resources, and the condition operators of this project's templates;
any other operator, NotAction, NotResource and policy variables are refused, so that nothing counts as checked that was
not. It knows neither boundaries, organizations, resource policies nor sessions, and it does not know which actions
take which resources and keys: the caller says them, from the Service Authorization Reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Context = Mapping[str, str | Sequence[str]]


def decision(statements: Sequence[Mapping[str, Any]], action: str, resource: str, context: Context) -> str:
    """`allowed`, `implicitDeny` or `explicitDeny`.

    Args:
        statements: Of all policies of the principal.
        action: As IAM calls it.
        resource: ARN, or `*` where the action knows none.
        context: Condition keys of the request.
    """
    known = {key.lower(): several(value) for key, value in context.items()}
    effects = {each["Effect"] for each in statements if _applies(each, action, resource, known)}
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def several(value: Any) -> list[str]:
    """IAM writes one of something without its list."""
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]


def _applies(statement: Mapping[str, Any], action: str, resource: str, known: Mapping[str, list[str]]) -> bool:
    unknown = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert not unknown, f"a statement with {unknown} is not understood"
    return (
        any(_like(action.lower(), wanted.lower()) for wanted in several(statement["Action"]))
        and any(_like(resource, wanted) for wanted in several(statement["Resource"]))
        and all(
            _holds(operator, key.lower(), several(wanted), known)
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, wanted in keys.items()
        )
    )


def _holds(operator: str, key: str, wanted: list[str], known: Mapping[str, list[str]]) -> bool:
    each_value = operator.startswith("ForAllValues:")
    name = operator.removeprefix("ForAllValues:").removesuffix("IfExists")
    matches = OPERATORS[name]  # another one is not understood: KeyError
    if key not in known:
        return each_value or operator.endswith("IfExists")
    quantified = all if each_value else any
    assert each_value or len(known[key]) == 1, f"{key} has several values, {operator} takes one"
    return quantified(any(matches(value, pattern) for pattern in wanted) for value in known[key])


def _like(value: str, pattern: str) -> bool:
    assert "${" not in pattern, f"policy variables are not understood: {pattern}"
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _same_truth(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnEquals": _like,
    "Bool": _same_truth,
}
