"""What pip may know of this machine: the user's index configuration, and no secret that is not pip's own.

pip runs build scripts of whatever it installs, so it starts from the same scrubbed environment as a training job. On
top come `PIP_*` variables that say where packages come from, proxies and certificates; and in a home of its own, links
to pip's configuration files and `.netrc`, where indexes keep their keys.
"""

from __future__ import annotations

import os
from pathlib import Path

from components.amt.container import scrubbed_environment

# Where packages come from and how they are chosen; what says where they go (PIP_TARGET, PIP_USER, ...) stays out.
_PIP = (
    *("INDEX_URL", "EXTRA_INDEX_URL", "NO_INDEX", "FIND_LINKS", "TRUSTED_HOST", "CONFIG_FILE", "KEYRING_PROVIDER"),
    *("CERT", "CLIENT_CERT", "PROXY", "DEFAULT_TIMEOUT", "TIMEOUT", "RETRIES", "CACHE_DIR", "NO_CACHE_DIR"),
    *("CONSTRAINT", "PRE", "PREFER_BINARY", "ONLY_BINARY", "NO_BINARY", "NO_BUILD_ISOLATION", "REQUIRE_HASHES"),
    *("USE_FEATURE", "USE_DEPRECATED"),
)
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_ALLOWED = frozenset({*(f"PIP_{name}" for name in _PIP), *_NETWORK, *_BUNDLES})
# Below the user's home, and below pip's.
_LEGACY, _OWN, _MAC, _NETRC = ".pip", ".config/pip", "Library/Application Support/pip", ".netrc"


def pip_environment(home: Path, *, scratch: Path, cache: Path) -> dict[str, str]:
    """The environment of pip.

    Args:
        home: An empty folder that is pip's HOME; the links are made in it.
        scratch: Its folder for temporary files.
        cache: Where it keeps downloads, unless the user has said so (PIP_CACHE_DIR).
    """
    environ = os.environ  # noqa: TID251 - builds a child's environment
    users = Path(environ.get("HOME") or Path.home())
    own = Path(environ["XDG_CONFIG_HOME"]) / "pip" if environ.get("XDG_CONFIG_HOME") else users / _OWN
    files = {_LEGACY: users / _LEGACY, _OWN: own, _MAC: users / _MAC}
    files[_NETRC] = Path(environ["NETRC"]) if environ.get("NETRC") else users / _NETRC
    for name, source in files.items():
        if source.exists():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).symlink_to(source.absolute())
    allowed = {name: value for name, value in environ.items() if name in _ALLOWED or name.upper() in _NETWORK}
    return {
        **scrubbed_environment(home),
        "PIP_CACHE_DIR": str(cache),
        **allowed,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_USER": "0",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(scratch),
    }
