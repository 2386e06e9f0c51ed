"""One comment a model on the pull request that a commit came with: written first, brought up to date later."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from components.errors import InvalidInput, Refused, Unavailable

_PATIENCE_S = 30.0
_PAGE = 100
_REPOSITORY = re.compile(r"[a-zA-Z0-9-]+/[a-zA-Z0-9_.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def tell_pull_request(environment: Mapping[str, str], *, model: str, text: str) -> str | None:
    """Write or change the comment; its address, or None where the commit came with no pull request.

    Args:
        environment: Of this step: GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_SHA, GITHUB_TOKEN.
        model: Whose comment it is.
        text: Markdown.

    Raises:
        InvalidInput: The environment is not a job's.
        Refused: The token may not comment.
        Unavailable: GitHub does not answer.
    """
    import httpx

    repository, commit = environment.get("GITHUB_REPOSITORY", ""), environment.get("GITHUB_SHA", "")
    if not _REPOSITORY.fullmatch(repository) or not _COMMIT.fullmatch(commit):
        raise InvalidInput(f"GITHUB_REPOSITORY and GITHUB_SHA must be a job's, got {repository!r} and {commit!r}")
    mark = f"<!-- retune {model} -->"
    body = {"body": f"{mark}\n{text}"}
    headers = {"Authorization": f"Bearer {environment['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    api = f"{environment.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{repository}"
    try:
        with httpx.Client(headers=headers, timeout=_PATIENCE_S) as client:
            pulls = _answer(client.get(f"{api}/commits/{commit}/pulls"))
            if not pulls:
                return None
            issue = f"{api}/issues/{int(pulls[0]['number'])}/comments"
            own = _find(client, issue, mark)
            if own is None:
                return str(_answer(client.post(issue, json=body))["html_url"])
            return str(_answer(client.patch(f"{api}/issues/comments/{own}", json=body))["html_url"])
    except httpx.HTTPStatusError as error:
        raise Unavailable(
            f"GitHub did not take the comment: {error.response.status_code}; the job's summary has its text"
        ) from None
    except httpx.HTTPError as error:
        raise Unavailable(f"GitHub does not answer: {type(error).__name__}") from None


def _find(client: Any, issue: str, mark: str) -> int | None:
    page = 1
    while True:
        comments = _answer(client.get(issue, params={"per_page": _PAGE, "page": page}))
        # Only its own: whoever writes the mark into a comment of theirs does not get it changed.
        found = (
            int(each["id"])
            for each in comments
            if str(each["body"]).startswith(mark) and (each["user"] or {}).get("login") == "github-actions[bot]"
        )
        own = next(found, None)
        if own is not None or len(comments) < _PAGE:
            return own
        page += 1


def _answer(response: Any) -> Any:
    if response.status_code in (401, 403, 404):
        raise Refused(
            f"GitHub refuses {response.request.method} ({response.status_code}): pull-requests: write is needed"
        )
    return response.raise_for_status().json()
