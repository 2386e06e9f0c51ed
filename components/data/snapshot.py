"""An immutable, content-addressed copy of the data of one run.

    <uri>/train/part-00000.csv, validation/part-00000.csv   channels: what SageMaker's built-in algorithms read
    <uri>/raw/train.parquet, validation.parquet, test.parquet   raw rows: what a whole model is scored on
    <uri>/manifest.json   written last: schema, preprocessing, rows, checksums

Without a manifest there is no snapshot: an upload that was cut off is simply done again, and two publishers of the
same data write the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components.data.data_spec import DataSpec
from components.data.memo import Memo
from components.data.parts import channel_csv, content_digest, raw_parquet, read_raw
from components.data.prepare import Prepared, prepare
from components.data.row_sample import Read
from components.data.schema import PARTS, Column, DataSnapshot, Part, RawPart, channel_path, raw_path
from components.data.source import Source, anything, locate
from components.data.transform import Preprocessing
from components.errors import Damaged, NotFound
from components.naming import digest_of, snapshot_prefix
from components.storage.store import ObjectStore

__all__ = ["Column", "DataSnapshot", "RawPart", "load", "look", "preview", "publish", "raw_part", "reader"]

# Part of every digest: raise it when the same data would be prepared to other bytes.
FORMAT = 1
MANIFEST = "manifest.json"


def publish(
    spec: DataSpec,
    *,
    base_dir: Path,
    store: ObjectStore,
    base_uri: str,
    scratch: Path,
    allow: Callable[[str], None] = anything,
) -> DataSnapshot:
    """From a spec's source to a snapshot in the store; uploaded once per digest.

    Unchanged data is recognised by its files' digests and not prepared again.

    Args:
        spec: The data spec.
        base_dir: The project's folder; relative paths start there.
        store: Where the snapshot goes, and `s3://` sources come from.
        base_uri: `s3://bucket` or `s3://bucket/prefix`.
        scratch: Folder for what is remembered between runs; safe to delete.
        allow: Raises where the place that one's own preparation names may not be read.

    Raises:
        InvalidData: The data must not be trained on; every failed check at once.
        NotFound: No such source.
        Damaged: A source, or the snapshot already there, is not what was written.
        Unavailable, CannotWrite, Refused: The store or the disk.
    """
    source = locate(spec, base_dir=base_dir, store=store, scratch=scratch, allow=allow)
    memo = _memo(spec, source, base_uri, scratch)
    if uri := memo.recall(store):
        return look(uri, store)
    snapshot, files = _snapshot(prepare(source.read(), spec), base_uri)
    if store.exists(f"{snapshot.uri}/{MANIFEST}"):
        snapshot = load(snapshot.uri, store)
    else:
        for path, content in files.items():
            store.put_bytes(content, f"{snapshot.uri}/{path}")
        store.put_bytes(_manifest(snapshot), f"{snapshot.uri}/{MANIFEST}")
    memo.remember(snapshot.uri, store)
    return snapshot


def preview(
    spec: DataSpec,
    *,
    base_dir: Path,
    store: ObjectStore,
    base_uri: str,
    scratch: Path,
    allow: Callable[[str], None] = anything,
) -> tuple[DataSnapshot, Read]:
    """The snapshot `publish` would give, and how its files are read; writes nothing. Arguments and errors as there."""
    source = locate(spec, base_dir=base_dir, store=store, scratch=scratch, allow=allow)
    if uri := _memo(spec, source, base_uri, scratch).recall(store):
        snapshot = look(uri, store)
        return snapshot, reader(snapshot, store)
    snapshot, files = _snapshot(prepare(source.read(), spec), base_uri)
    return snapshot, files.__getitem__


def load(uri: str, store: ObjectStore) -> DataSnapshot:
    """Read a published snapshot back.

    Raises:
        NotFound: There is none, or its upload was cut off.
        Damaged: A file is not what was written.
    """
    snapshot = look(uri, store)
    for path in snapshot.files:
        _verified(snapshot, path, store)
    return snapshot


def raw_part(snapshot: DataSnapshot, part: Part, store: ObjectStore) -> RawPart:
    """A part's raw rows and original labels, checksum verified.

    Raises:
        NotFound: The snapshot has no such part.
        Damaged: The file is not what was written.
    """
    if not snapshot.rows[part]:
        raise NotFound(f"snapshot {snapshot.digest[:16]} has no {part} part: its split gives it no rows")
    return read_raw(_verified(snapshot, raw_path(part), store), part=part, target=snapshot.target)


def _memo(spec: DataSpec, source: Source, base_uri: str, scratch: Path) -> Memo:
    followed_from = {
        "format": FORMAT,
        "source": source.fingerprint,
        "spec": spec.model_dump(mode="json", exclude={"source"}),
        "base": base_uri,
    }
    return Memo(scratch=scratch, key=digest_of(followed_from))


def _snapshot(prepared: Prepared, base_uri: str) -> tuple[DataSnapshot, dict[str, bytes]]:
    """The snapshot and its files' bytes; pure."""
    model = Preprocessing.from_json(prepared.preprocessing)
    target = model.target
    files: dict[str, bytes] = {}
    contents: dict[str, str] = {}
    for part in PARTS:
        places = prepared.places[part]
        if not len(places):
            continue
        features = prepared.features.iloc[places].reset_index(drop=True)
        labels = prepared.labels.iloc[places].reset_index(drop=True)
        files[raw_path(part)] = raw_parquet(features, labels, target)
        contents[part] = content_digest(features, labels)
        if part != "test":
            channel = channel_csv(model.encode_labels(labels), model.transform(features))
            files[channel_path(part)] = channel
            contents[channel_path(part)] = hashlib.sha256(channel).hexdigest()
    digest = digest_of(
        {
            "format": FORMAT,
            "preprocessing": prepared.preprocessing,
            "features": [asdict(column) for column in prepared.columns],
            "contents": contents,
        }
    )
    snapshot = DataSnapshot(
        digest=digest,
        uri=f"{base_uri.rstrip('/')}/{snapshot_prefix(digest)}",
        features=prepared.columns,
        target=target,
        classes=prepared.classes,
        rows={part: len(prepared.places[part]) for part in PARTS},
        preprocessing=prepared.preprocessing,
        files={path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())},
        notes=prepared.notes,
        identifiers=prepared.identifiers,
    )
    return snapshot, files


def _manifest(snapshot: DataSnapshot) -> bytes:
    document = {"format": FORMAT} | {name: value for name, value in asdict(snapshot).items() if name != "uri"}
    return json.dumps(document | {"checksum": digest_of(document)}, indent=1, ensure_ascii=False).encode()


def reader(snapshot: DataSnapshot, store: ObjectStore) -> Read:
    """Reads a published snapshot's files by path, checksums verified; raises NotFound and Damaged."""
    return lambda path: _verified(snapshot, path, store)


def look(uri: str, store: ObjectStore) -> DataSnapshot:
    """What a published snapshot's manifest says of it; its files are not read. Raises as `load`."""
    content = store.get_bytes(f"{uri}/{MANIFEST}")
    try:
        document: Mapping[str, Any] = json.loads(content)
        told = {name: value for name, value in document.items() if name != "checksum"}
        is_whole = document["checksum"] == digest_of(told) and uri.endswith(snapshot_prefix(document["digest"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(uri, MANIFEST) from None
    if not is_whole:
        raise _damaged(uri, MANIFEST)
    if document["format"] != FORMAT:
        raise Damaged(f"{uri}: snapshot format {FORMAT} is read, got {document['format']}: publish the data again")
    return DataSnapshot(
        digest=document["digest"],
        uri=uri,
        features=tuple(
            Column(**(column | {"categories": tuple(column["categories"])})) for column in document["features"]
        ),
        target=document["target"],
        classes=None if document["classes"] is None else tuple(document["classes"]),
        rows=document["rows"],
        preprocessing=document["preprocessing"],
        files=document["files"],
        notes=tuple(document["notes"]),
        identifiers=tuple(document.get("identifiers", ())),  # not looked for in the first snapshots
    )


def _verified(snapshot: DataSnapshot, path: str, store: ObjectStore) -> bytes:
    try:
        content = store.get_bytes(f"{snapshot.uri}/{path}")
    except NotFound:
        raise _damaged(snapshot.uri, path) from None
    if hashlib.sha256(content).hexdigest() != snapshot.files.get(path):
        raise _damaged(snapshot.uri, path)
    return content


def _damaged(uri: str, path: str) -> Damaged:
    return Damaged(f"{uri}/{path} is not what was written (checksum): delete {uri}/ and run again to publish it anew")
