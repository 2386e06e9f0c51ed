"""What pip said: into a training job's log while it works, and into its FailureReason when it fails."""

from __future__ import annotations

import re
from pathlib import Path

from components.amt.installation import Installation

_CREDENTIALS = re.compile(r"(\b[A-Za-z][A-Za-z0-9+]{0,30}://)[^/\s'\"]{0,4096}@")
_NOT_FOUND = re.compile(r"from versions: none|NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError")
_SAID_CHARACTERS = 500


def without_credentials(text: str) -> str:
    """Text of pip without the user names and passwords of URLs; pip itself hides passwords only in some places."""
    return _CREDENTIALS.sub(r"\1****@", text)


def failure(wanted: Installation, code: int, output: str) -> str:
    """Why something could not be installed, as the training toolkit writes it into /opt/ml/output/failure.

    Args:
        wanted: What was to be installed.
        code: pip's exit code.
        output: All it said.
    """
    hint = ""
    if _NOT_FOUND.search(output):
        hint = (
            '\nExtraInfo "pip found it in no index it reached: tell it yours (PIP_INDEX_URL, pip.conf); without one, '
            'put wheels into the source directory and name them in requirements.txt (./name.whl)"'
        )
    command = f"python -m pip install {' '.join(wanted.words)}"
    said = without_credentials(_last_words(output))[-_SAID_CHARACTERS:]
    return f'{wanted.error}:\nExitCode {code}\nErrorMessage "{said}"{hint}\nCommand "{command}"'


def _last_words(output: str) -> str:
    lines = [line.rstrip() for line in output.splitlines() if line.strip() and not line.startswith("[notice]")]
    last: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line) + 1
        if last and size > _SAID_CHARACTERS:
            break
        last.append(line)
    return "\n".join(reversed(last))


def say(log: Path, text: str) -> None:
    """Add a line of the engine's own to a training job's log."""
    with log.open("ab") as file:
        file.write(f"retune: {text}\n".encode())


class Follower:
    """Adds what pip says to a training job's log, whole lines and without credentials.

    Args:
        output: Where pip writes.
        log: The log.
    """

    def __init__(self, output: Path, log: Path) -> None:
        self._output = output
        self._log = log
        self._taken = 0

    def take(self, *, rest: bool = False) -> None:
        """Take over what is new.

        Args:
            rest: Whether pip has ended: also a last line without an end.
        """
        with self._output.open("rb") as file:
            file.seek(self._taken)
            content = file.read()
        whole = content if rest else content[: content.rfind(b"\n") + 1]
        self._taken += len(whole)
        if whole:
            with self._log.open("ab") as log:
                log.write(without_credentials(whole.decode("utf-8", "replace")).encode())
