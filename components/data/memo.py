"""What is remembered between runs, so that unchanged data is not prepared again."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from components.errors import CannotWrite
from components.storage.store import ObjectStore


class Memo:
    """One source and data spec's snapshot, as last published and verified.

    A hint, never the truth: it counts only while every object of the snapshot still has the etag it had then.

    Args:
        scratch: Folder of the memos.
        key: Digest of everything the snapshot follows from.
    """

    def __init__(self, *, scratch: Path, key: str) -> None:
        self._path = scratch / f"snapshot-{key[:32]}.json"

    def recall(self, store: ObjectStore) -> str | None:
        """URI of the snapshot, when nothing of it has changed since."""
        try:
            record = json.loads(self._path.read_bytes())
            uri, etags = str(record["uri"]), dict(record["etags"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return uri if etags and etags == _etags(uri, store) else None

    def remember(self, uri: str, store: ObjectStore) -> None:
        """Note a snapshot whose checksums hold.

        Raises:
            CannotWrite: The scratch folder cannot be written.
        """
        temporary = self._path.with_suffix(f".{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"uri": uri, "etags": _etags(uri, store)}))
            temporary.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            law = f"cannot write {self._path}: {error.strerror or error}"
            raise CannotWrite(f"{law}: make room, or point RETUNE_HOME to a folder that can be written") from error


def _etags(uri: str, store: ObjectStore) -> dict[str, str]:
    return {each.uri: each.etag for each in store.list(f"{uri}/")}
