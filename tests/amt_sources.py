"""Source directories for the tests of requirements.txt: a wheel made by hand, and a package whose build can be held."""

from __future__ import annotations

import io
import os
import tarfile
import textwrap
import threading
import zipfile
from functools import cache
from pathlib import Path

import psutil
import pytest

from components.storage.local import FolderStore

USES_TINY = """
import os, sys
import numpy, tiny
print("uses", tiny.VERSION, numpy.__name__, sys.executable, os.environ.get("PIP_INDEX_URL"), flush=True)
print("loss = 0.5")
"""


def without_index(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip ask no index and know no configuration of this machine's."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@cache
def wheel(version: str = "1.0") -> tuple[str, bytes]:
    """A wheel of one module, made by hand: name and content."""
    info = f"tiny-{version}.dist-info"
    members = {
        "tiny.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*members, f"{info}/RECORD"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return f"tiny-{version}-py3-none-any.whl", content.getvalue()


def put_code(store: FolderStore, name: str, files: dict[str, str | bytes]) -> str:
    """Pack files as a sourcedir.tar.gz; its URI."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for path, body in files.items():
            data = body.encode() if isinstance(body, str) else body
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    uri = f"s3://bucket/code/{name}/sourcedir.tar.gz"
    store.put_bytes(content.getvalue(), uri)
    return uri


def with_tiny(script: str = USES_TINY, version: str = "1.0") -> dict[str, str | bytes]:
    """A source directory whose requirements.txt names a wheel in it."""
    name, content = wheel(version)
    return {"train.py": script, "requirements.txt": f"./{name}\n", name: content}


# A package in the source directory whose build says that it is under way, then waits to be allowed to go on.
def with_slow(folder: Path) -> dict[str, str | bytes]:
    """A source directory whose requirement is built until `folder/go` can be read, after `folder/pid` was written."""
    backend = f"""
        import os, pathlib
        folder = pathlib.Path({str(folder)!r})
        (folder / "part").write_text(str(os.getpid()))
        (folder / "part").replace(folder / "pid")
        with open(folder / "go", "rb") as go:  # a FIFO: until somebody opens it for writing
            go.read()
        raise SystemExit("it was let go")
        """
    return {
        "train.py": USES_TINY,
        "requirements.txt": "./slow\n",
        "slow/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "slow/backend.py": textwrap.dedent(backend),
    }


def building(folder: Path) -> psutil.Process:
    """The process that builds `slow`, once it does."""
    until = threading.Event()
    for _ in range(600):
        if (folder / "pid").is_file():
            return psutil.Process(int((folder / "pid").read_text()))
        until.wait(0.05)
    raise AssertionError("the build did not begin")


def let_go(folder: Path, builder: psutil.Process) -> None:
    """Have the build of `slow` end."""
    (folder / "go").open("wb").close()
    psutil.wait_procs([builder], timeout=30)


def unpacked(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Files as a source directory on disk."""
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body.encode() if isinstance(body, str) else body)
    return folder
