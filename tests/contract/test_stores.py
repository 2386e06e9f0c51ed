"""Every object store keeps the same contract; a new file in components/storage is tested unasked."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

import components.storage
from components.errors import CannotWrite, InvalidInput, NotFound
from components.storage import ObjectStore
from components.storage.local import FolderStore
from components.storage.s3 import S3Store

MANY_PARTS = 9 * 1024 * 1024  # boto3 uploads in parts from 8 MiB


def discovered() -> list[str]:
    names = []
    for module in pkgutil.iter_modules(components.storage.__path__, "components.storage."):
        for name, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if name.endswith("Store") and name != "ObjectStore" and member.__module__ == module.name:
                names.append(name)
    return sorted(names)


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=discovered())
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A fresh store of each kind, with a bucket `box`."""

    def folder() -> ObjectStore:
        return FolderStore(tmp_path / "store")

    def s3() -> ObjectStore:
        endpoint = request.getfixturevalue("s3_endpoint")
        client = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        client.create_bucket(Bucket="box")
        for page in client.get_paginator("list_objects_v2").paginate(Bucket="box"):
            for each in page.get("Contents", ()):
                client.delete_object(Bucket="box", Key=each["Key"])
        return S3Store(client)

    makers: dict[str, Callable[[], ObjectStore]] = {"FolderStore": folder, "S3Store": s3}
    return makers[request.param]()


class TestObjectStore:
    def test_bytes_come_back(self, store: ObjectStore) -> None:
        """What was put is what is got, and no byte is special."""
        content = bytes(range(256)) * 3
        store.put_bytes(content, "s3://box/a/b.bin")
        assert store.get_bytes("s3://box/a/b.bin") == content

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        """Nothing stored under a key is something."""
        store.put_bytes(b"", "s3://box/empty")
        assert store.exists("s3://box/empty")
        assert store.get_bytes("s3://box/empty") == b""

    def test_a_part_of_an_object_comes_back(self, store: ObjectStore) -> None:
        """Any part by its place, cut off at the object's end; nothing beyond it, and NotFound without the object."""
        store.put_bytes(b"0123456789", "s3://box/parts/digits")
        wanted = {(0, 4): b"0123", (7, 100): b"789", (10, 5): b"", (50, 5): b""}
        assert {place: store.get_range("s3://box/parts/digits", *place) for place in wanted} == wanted
        with pytest.raises(NotFound):
            store.get_range("s3://box/parts/nothing", 0, 4)

    def test_files_come_back(self, store: ObjectStore, tmp_path: Path) -> None:
        """A file of several upload parts survives the way out and home, into a folder that was not there."""
        source, target = tmp_path / "source", tmp_path / "new" / "folder" / "target"
        source.write_bytes(b"0123456789abcdef" * (MANY_PARTS // 16))
        store.put(source, "s3://box/big")
        store.get("s3://box/big", target)
        assert target.read_bytes() == source.read_bytes()
        assert [each.name for each in target.parent.iterdir()] == ["target"]

    def test_an_object_is_a_copy(self, store: ObjectStore, tmp_path: Path) -> None:
        """A file that its owner goes on changing does not change the object."""
        source = tmp_path / "source"
        source.write_text("then")
        store.put(source, "s3://box/copy")
        with source.open("a") as writer:
            writer.write(" and now")
        assert store.get_bytes("s3://box/copy") == b"then"

    def test_the_last_write_wins(self, store: ObjectStore) -> None:
        """Writing a key again replaces its object and its etag."""
        store.put_bytes(b"one", "s3://box/key")
        (before,) = store.list("s3://box/key")
        store.put_bytes(b"two", "s3://box/key")
        (after,) = store.list("s3://box/key")
        assert store.get_bytes("s3://box/key") == b"two"
        assert before.etag != after.etag

    def test_an_etag_is_stable(self, store: ObjectStore) -> None:
        """Looking does not change an etag."""
        store.put_bytes(b"one", "s3://box/key")
        store.get_bytes("s3://box/key")
        assert list(store.list("s3://box/")) == list(store.list("s3://box/"))

    def test_prefixes_are_text(self, store: ObjectStore) -> None:
        """A listing takes keys that start with the prefix, in the order of their bytes, whatever the folders."""
        for key in ("run/b", "run/a/2", "run/a-b", "run/a/1", "running", "other/run"):
            store.put_bytes(key.encode(), f"s3://box/{key}")
        listed = [(each.uri, each.size) for each in store.list("s3://box/run")]
        keys = ["run/a-b", "run/a/1", "run/a/2", "run/b", "running"]
        assert listed == [(f"s3://box/{key}", len(key)) for key in keys]
        assert [each.uri for each in store.list("s3://box/run/a/")] == ["s3://box/run/a/1", "s3://box/run/a/2"]
        assert len(list(store.list("s3://box/"))) == 6
        assert list(store.list("s3://box/nothing")) == []

    def test_only_the_very_object_exists(self, store: ObjectStore) -> None:
        """A prefix of an object's key is no object."""
        store.put_bytes(b"", "s3://box/folder/object")
        assert store.exists("s3://box/folder/object")
        assert not store.exists("s3://box/folder")
        assert not store.exists("s3://box/folder/objec")
        with pytest.raises(NotFound):
            store.get_bytes("s3://box/folder")

    def test_an_object_in_place_is_its_very_bytes(self, store: ObjectStore) -> None:
        """A store on this machine shows an object's own file to be read there; one elsewhere has none."""
        store.put_bytes(b"one", "s3://box/folder/key")
        path = store.in_place("s3://box/folder/key")
        assert (path is None) == (not isinstance(store, FolderStore))
        assert path is None or path.read_bytes() == b"one"

    def test_keys_of_all_sorts(self, store: ObjectStore) -> None:
        """Spaces, percent signs, plus signs and other alphabets are keys like others."""
        keys = ["a b", "a%20b", "a+b", "käse/日本", "q?x=1&y#z", "..."]
        for key in keys:
            store.put_bytes(key.encode(), f"s3://box/{key}")
        assert [store.get_bytes(f"s3://box/{key}").decode() for key in keys] == keys
        assert {each.uri for each in store.list("s3://box/")} == {f"s3://box/{key}" for key in keys}

    @pytest.mark.parametrize(
        "uri",
        [
            "s3://box/../outside",
            "s3://box/a/../../../etc/passwd",
            "s3://box/./a",
            "s3://box//etc/passwd",
            "s3://box/a//b",
            "s3://box/a\0b",
            "s3://box",
            "s3://box/",
            "s3://box/folder/",
            "s3://",
            "/etc/passwd",
            "file:///etc/passwd",
        ],
    )
    def test_hostile_uris_are_refused(self, store: ObjectStore, uri: str, tmp_path: Path) -> None:
        """No key leaves its bucket, and what is no object's URI is said so."""
        source = tmp_path / "source"
        source.write_text("x")
        for attempt in (
            lambda: store.put_bytes(b"x", uri),
            lambda: store.put(source, uri),
            lambda: store.get_bytes(uri),
            lambda: store.get(uri, tmp_path / "got"),
            lambda: store.exists(uri),
        ):
            with pytest.raises(InvalidInput):
                attempt()
        assert not (tmp_path / "got").exists()

    def test_what_is_missing_is_not_found(self, store: ObjectStore, tmp_path: Path) -> None:
        """A missing object is named, and nothing is left where it would have gone."""
        store.put_bytes(b"", "s3://box/there")
        with pytest.raises(NotFound, match="s3://box/away"):
            store.get_bytes("s3://box/away")
        with pytest.raises(NotFound, match="s3://box/away"):
            store.get("s3://box/away", tmp_path / "new" / "got")
        assert not (tmp_path / "new").exists()

    def test_a_file_to_store_must_exist(self, store: ObjectStore, tmp_path: Path) -> None:
        """A missing file, or a folder, is no object."""
        for path in (tmp_path / "away", tmp_path):
            with pytest.raises(NotFound, match="must exist"):
                store.put(path, "s3://box/key")
        assert not store.exists("s3://box/key")

    def test_a_target_that_cannot_be_written(self, store: ObjectStore, tmp_path: Path) -> None:
        """Fetching to where nothing can be written says the path, and keeps what is there."""
        store.put_bytes(b"x", "s3://box/key")
        (tmp_path / "file").write_text("kept")
        with pytest.raises(CannotWrite, match="file/below"):
            store.get("s3://box/key", tmp_path / "file" / "below")
        assert (tmp_path / "file").read_text() == "kept"

    def test_readers_never_see_half_an_object(self, store: ObjectStore) -> None:
        """While one writer replaces an object, every read gives one whole version or the other."""
        versions = [b"a" * 300_000, b"b" * 400_000]
        store.put_bytes(versions[0], "s3://box/changing")
        done = threading.Event()

        def write() -> None:
            for turn in range(20):
                store.put_bytes(versions[turn % 2], "s3://box/changing")
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        seen = {store.get_bytes("s3://box/changing")}
        while not done.is_set():
            seen.add(store.get_bytes("s3://box/changing"))
        writer.join()
        assert seen <= set(versions)
