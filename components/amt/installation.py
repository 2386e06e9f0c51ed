"""What a source directory wants installed before its script runs: `requirements.txt`, or itself as a package.

As SageMaker's training toolkit decides it (amt.md 4.3): `pip install .` when there is a `setup.py`,
`pip install -r requirements.txt` for a `.py` entry point, nothing for a shell one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.amt.source_code import BadSource

REQUIREMENTS = "requirements.txt"
MOST_BYTES = 1024**2
MOST_LINE_BYTES = 16_384
_PACKAGE = "setup.py"
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
# A requirement that is the same wherever the file lies: a name with versions, from an index.
_NAMED = re.compile(r"[A-Za-z0-9][\w.\-]*\s*(?:\[[^\]/]*\])?\s*(?:\(?\s*[<>=!~][^/@;]*)?(?:;.*)?")
_INDEX_OPTIONS = re.compile(
    r"(?:--hash[= ]|--pre$|--prefer-binary$|--no-index$|--require-hashes$|--only-binary[= ]|--no-binary[= ]"
    r"|--trusted-host[= ]|(?:-i|--index-url|--extra-index-url)[= ]\s*https?://)"
)


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What is to be installed for a script.

    Attributes:
        code: The source directory, unpacked.
        package: Whether the directory itself is installed, and the entry point run as a module.
        requirements: Content of `requirements.txt`; None when there is none.
    """

    code: Path
    package: bool
    requirements: bytes | None

    @property
    def needs_code(self) -> bool:
        """Whether the outcome depends on more of the directory than on `requirements.txt`, such as a wheel in it."""
        return self.package or not all(_from_index(line) for line in _lines(self.requirements or b""))

    @property
    def words(self) -> list[str]:
        """What follows `pip install`."""
        named = ["-r", REQUIREMENTS] if self.requirements is not None else []
        return [".", *named] if self.package else named

    @property
    def error(self) -> str:
        """The toolkit's name for a failure of it."""
        return "InstallModuleError" if self.package else "InstallRequirementsError"

    def digest(self) -> str:
        """The same for what gives the same environment on top of the same interpreter: 64 hex digits."""
        digest = hashlib.sha256(f"{self.package}\0".encode())
        digest.update(self.requirements or b"")
        if self.needs_code:
            for path in sorted(path for path in self.code.rglob("*") if path.is_file()):
                content = path.read_bytes()
                digest.update(f"\0{path.relative_to(self.code).as_posix()}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


def wanted(code: Path, program: str) -> Installation | None:
    """What has to be installed before an entry point runs; None for nothing.

    Raises:
        BadSource: Its `requirements.txt` is larger than anybody writes one.
    """
    if program.endswith(".sh"):
        return None
    package = (code / _PACKAGE).is_file()
    if not package and not program.endswith(".py"):
        return None
    path = code / REQUIREMENTS
    requirements = _read(path) if path.is_file() else None
    if not package and not list(_lines(requirements or b"")):
        return None
    return Installation(code=code, package=package, requirements=requirements)


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise BadSource(f"{REQUIREMENTS} must have at most {MOST_BYTES} bytes, got {size}")
    content = path.read_bytes()
    longest = max(map(len, content.split(b"\n")))
    if longest > MOST_LINE_BYTES:
        raise BadSource(f"a line of {REQUIREMENTS} must have at most {MOST_LINE_BYTES} bytes, got {longest}")
    return content


def _lines(content: bytes) -> Iterator[str]:
    """Its lines as pip reads them: continued ones joined, without comments and empty ones."""
    text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\\\n", " ")
    for line in text.split("\n"):
        bare = _without_comment(line).strip()
        if bare:
            yield bare


def _without_comment(line: str) -> str:
    """Cut at the first `#` that begins the line or follows white space."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return line if at < 0 else line[:at]


def _from_index(line: str) -> bool:
    if line.startswith("-"):
        return _INDEX_OPTIONS.match(line) is not None
    requirement = " ".join(re.split(r"\s--hash[= ]", line)[0].split())  # runs of white space would match too many ways
    return _NAMED.fullmatch(requirement) is not None and not requirement.lower().endswith(_ARCHIVES)
