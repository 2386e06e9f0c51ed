"""Uploaded once, verified, and whole or not there at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from data_builders import Watched, published, shop, spec_of, write_csv
from moto.server import ThreadedMotoServer

from components.data.data_spec import SplitSpec
from components.data.snapshot import load, preview, raw_part
from components.errors import Busy, CannotWrite, Damaged, InvalidData, NotFound, Unavailable
from components.storage import ObjectInfo, parse_uri
from components.storage.local import FolderStore
from components.storage.s3 import S3Store


def object_path(store: FolderStore, uri: str) -> Path:
    return store.root / uri.removeprefix("s3://")


def test_it_is_uploaded_once(folder: Path, store: Watched) -> None:
    """The manifest comes last, and a second run writes nothing and reads only the manifest."""
    first = published(folder, store=store)
    assert len(store.written) == 6
    assert store.written[-1] == f"{first.uri}/manifest.json"
    store.written.clear()
    store.read.clear()
    assert published(folder, store=store) == first
    assert store.written == []
    assert store.read == [f"{first.uri}/manifest.json"]


def test_without_its_memory_it_is_verified_instead(folder: Path, store: Watched) -> None:
    """On a fresh machine the data is prepared again, found in the store, and its checksums checked."""
    first = published(folder, store=store)
    shutil.rmtree(folder / "scratch")
    store.written.clear()
    assert published(folder, store=store) == first
    assert store.written == []
    assert set(first.files) <= {uri.removeprefix(f"{first.uri}/") for uri in store.read}


def test_a_memory_that_is_nonsense_is_forgotten(folder: Path, store: Watched) -> None:
    """A broken memo costs time, not truth."""
    first = published(folder, store=store)
    (memo,) = (folder / "scratch").iterdir()
    for nonsense in ("", "[]", '{"uri": 1}', '{"uri": "s3://box/away", "etags": {}}', "\0"):
        memo.write_text(nonsense)
        assert published(folder, store=store) == first


def test_a_deleted_snapshot_is_published_anew(folder: Path, store: Watched) -> None:
    """The memory counts only while the snapshot is there."""
    first = published(folder, store=store)
    shutil.rmtree(object_path(store, first.uri))
    assert published(folder, store=store) == first
    assert load(first.uri, store) == first


def test_a_preview_writes_nothing(folder: Path, store: Watched) -> None:
    """What would be published is known before and after, without writing a file."""
    place = {"base_dir": folder, "base_uri": "s3://retune-local/retune", "scratch": folder / "scratch"}
    before, read = preview(spec_of(), store=store, **place)
    drafted = read("raw/test.parquet")
    assert [path.name for path in folder.iterdir()] == ["shop.csv"]
    assert published(folder, store=store) == before
    store.written.clear()
    after, read = preview(spec_of(), store=store, **place)
    assert (after, read("raw/test.parquet")) == (before, drafted)
    assert store.written == []


def test_it_reads_back(folder: Path, store: Watched) -> None:
    """A snapshot loaded by its URI is the one that was published."""
    first = published(folder, store=store)
    assert load(first.uri, store) == first


@pytest.mark.parametrize(
    "path", ["train/part-00000.csv", "raw/validation.parquet", "raw/test.parquet", "manifest.json"]
)
def test_a_changed_object_is_damage(path: str, folder: Path, store: Watched) -> None:
    """One changed byte, found by loading and by publishing again, is an error that says what to do."""
    snapshot = published(folder, store=store)
    damaged = object_path(store, f"{snapshot.uri}/{path}")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    for attempt in (lambda: load(snapshot.uri, store), lambda: published(folder, store=store)):
        with pytest.raises(Damaged, match=f"{path} is not what was written.*delete {snapshot.uri}/ and run again"):
            attempt()
    shutil.rmtree(object_path(store, snapshot.uri))
    assert published(folder, store=store) == snapshot


def test_a_lost_object_is_damage(folder: Path, store: Watched) -> None:
    """A snapshot with a missing file is not whole."""
    snapshot = published(folder, store=store)
    object_path(store, snapshot.raw_uri("test")).unlink()
    with pytest.raises(Damaged, match=r"raw/test.parquet is not what was written"):
        raw_part(snapshot, "test", store)
    with pytest.raises(Damaged):
        published(folder, store=store)


def test_a_manifest_of_another_snapshot_is_damage(folder: Path, store: Watched) -> None:
    """A manifest that was moved under another name is not believed."""
    snapshot = published(folder, store=store)
    store.put_bytes(
        store.get_bytes(f"{snapshot.uri}/manifest.json"), "s3://box/snapshots/0123456789abcdef/manifest.json"
    )
    with pytest.raises(Damaged, match=r"manifest.json"):
        load("s3://box/snapshots/0123456789abcdef", store)


def test_a_manifest_that_is_no_manifest(folder: Path, store: Watched) -> None:
    """Whatever JSON stands there, the answer is that it is damaged."""
    snapshot = published(folder, store=store)
    for content in (b"", b"{}", b"[]", b"null", b'{"checksum": 1}', b"\xff", json.dumps({"digest": "x"}).encode()):
        store.put_bytes(content, f"{snapshot.uri}/manifest.json")
        with pytest.raises(Damaged, match=r"manifest.json"):
            load(snapshot.uri, store)


def test_what_is_not_there(folder: Path, store: Watched) -> None:
    """A snapshot that was never published, and a part the split did not make, are not found."""
    with pytest.raises(NotFound, match=r"manifest.json is not there"):
        load("s3://box/snapshots/0123456789abcdef", store)
    spec = spec_of(split=SplitSpec(by="order", train=0.7, validation=0.3, test=0))
    snapshot = published(folder, spec, store)
    assert snapshot.rows["test"] == 0
    assert "raw/test.parquet" not in snapshot.files
    with pytest.raises(NotFound, match="no test part"):
        raw_part(snapshot, "test", store)


@pytest.mark.parametrize("fails_at", range(1, 7))
def test_an_upload_that_was_cut_off_is_done_again(fails_at: int, folder: Path) -> None:
    """Whichever write fails, there is no snapshot until the next run has written all of it."""
    store = Watched(folder / "store", fails_at=fails_at)
    with pytest.raises(Unavailable):
        published(folder, store=store)
    assert not [each for each in store.list("s3://retune-local/") if each.uri.endswith("manifest.json")]
    snapshot = published(folder, store=store)
    assert load(snapshot.uri, store) == snapshot


PUBLISHER = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from data_builders import published
    from components.storage.local import FolderStore

    class Store(FolderStore):
        left = int(sys.argv[2])
        def put_bytes(self, content, uri):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            super().put_bytes(content, uri)

    folder = Path(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    print(published(folder, store=Store(folder / "store")).digest)
"""


def publisher(folder: Path, killed_at: int = 0) -> subprocess.Popen[str]:
    program = textwrap.dedent(PUBLISHER).format(tests=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), str(killed_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_and_racing_publishers(folder: Path, store: Watched) -> None:
    """A publisher killed before its manifest leaves no snapshot; two at once leave one, whole."""
    killed = publisher(folder, killed_at=5)
    racing = [publisher(folder), publisher(folder)]
    killed.communicate("go\n", timeout=120)
    assert killed.returncode < 0
    assert not [each for each in store.list("s3://retune-local/") if each.uri.endswith("manifest.json")]
    for each in racing:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in racing:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    digests = {each.communicate(timeout=120)[0].strip() for each in racing}
    assert len(digests) == 1
    snapshot = published(folder, store=store)
    assert {snapshot.digest} == digests
    assert load(snapshot.uri, store) == snapshot


def test_refused_data_leaves_nothing(folder: Path, store: Watched) -> None:
    """When a check refuses, nothing was written."""
    with pytest.raises(InvalidData):
        published(folder, spec_of(target="nothing"), store)
    assert store.written == []
    assert not (folder / "scratch").exists()


def test_a_scratch_folder_that_cannot_be_made(folder: Path, store: Watched) -> None:
    """A home that cannot be written is said so, with what to do."""
    (folder / "scratch").write_text("a file")
    with pytest.raises(CannotWrite, match=r"scratch.*RETUNE_HOME"):
        published(folder, store=store)


def test_a_source_that_changes_while_it_is_read(folder: Path) -> None:
    """Objects replaced between listing and reading are not mixed: the run is to be tried again."""

    class Moving(FolderStore):
        listed = 0

        def list(self, prefix_uri: str) -> Iterator[ObjectInfo]:
            if prefix_uri.startswith("s3://in/"):
                self.put_bytes(f"a,b\n{self.listed},1\n".encode(), "s3://in/t.csv")
                self.listed += 1
            return super().list(prefix_uri)

    with pytest.raises(Busy, match=r"s3://in/t.csv changed while it was read"):
        published(folder, spec_of("s3://in/t.csv"), Moving(folder / "store"))


def test_on_s3_as_in_a_folder(folder: Path) -> None:
    """The same data gets the same name and files on S3, is loaded from there, and is not written twice."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
        client.create_bucket(Bucket="retune-local")
        store = S3Store(client)
        (folder / "s3").mkdir()
        write_csv(shop(), folder / "s3" / "shop.csv")
        there, here = published(folder / "s3", store=store), published(folder)
        assert there == here
        assert load(there.uri, store) == here
        written = {
            each["Key"]: each["LastModified"] for each in client.list_objects_v2(Bucket="retune-local")["Contents"]
        }
        assert published(folder / "s3", store=store) == here
        again = {
            each["Key"]: each["LastModified"] for each in client.list_objects_v2(Bucket="retune-local")["Contents"]
        }
        assert again == written
        client.put_object(Bucket="retune-local", Key=parse_uri(there.raw_uri("test"))[1], Body=b"damaged")
        with pytest.raises(Damaged, match=r"raw/test.parquet"):
            published(folder / "s3", store=store)
    finally:
        server.stop()
