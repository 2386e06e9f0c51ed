"""What only a folder can get wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from components.errors import CannotWrite, InvalidInput, NotFound
from components.storage.local import FolderStore

MIB = 1 << 20


def script(text: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(text)]


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    """Looking at a store that is not there yet makes no folder."""
    store = FolderStore(tmp_path / "store")
    assert not store.exists("s3://box/key")
    assert list(store.list("s3://box/")) == []
    assert not (tmp_path / "store").exists()


def test_a_bucket_cannot_be_a_hidden_folder(tmp_path: Path) -> None:
    """Half-written objects have no URI, and no bucket name climbs out of the root."""
    store = FolderStore(tmp_path / "store")
    for bucket in (".incoming", ".."):
        with pytest.raises(InvalidInput, match="bucket"):
            store.put_bytes(b"", f"s3://{bucket}/key")


def test_a_root_that_cannot_be_made(tmp_path: Path) -> None:
    """A root below a file is refused with the path and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match=r"file/store/box/key.*"):
        FolderStore(tmp_path / "file" / "store").put_bytes(b"", "s3://box/key")


def test_an_object_is_not_also_a_prefix(tmp_path: Path) -> None:
    """S3 can hold both `a` and `a/b`; a folder cannot, and says so."""
    store = FolderStore(tmp_path)
    store.put_bytes(b"", "s3://box/a")
    with pytest.raises(CannotWrite, match="cannot hold both"):
        store.put_bytes(b"", "s3://box/a/b")
    store.put_bytes(b"", "s3://box/c/d")
    with pytest.raises(CannotWrite, match="cannot hold both"):
        store.put_bytes(b"", "s3://box/c")
    assert not list((tmp_path / ".incoming").iterdir())


def test_a_part_of_a_key_that_is_too_long(tmp_path: Path) -> None:
    """A name the file system cannot hold is the caller's mistake, and is not there when looked for."""
    store = FolderStore(tmp_path)
    with pytest.raises(InvalidInput, match="255 bytes"):
        store.put_bytes(b"", f"s3://box/{'x' * 300}")
    with pytest.raises(NotFound):
        store.get_bytes(f"s3://box/{'x' * 300}")


def test_a_writer_that_is_killed_leaves_no_object(tmp_path: Path) -> None:
    """After kill -9 in the middle of a write there is no object, and writing again works."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    store = FolderStore(tmp_path / "store")
    writer = subprocess.Popen(
        script(f"""
            from pathlib import Path
            from components.storage.local import FolderStore
            FolderStore(Path({str(store.root)!r})).put(Path({str(pipe)!r}), "s3://box/key")
        """)
    )
    with pipe.open("wb", buffering=0) as feeder:
        feeder.write(b"x" * (4 * MIB))  # a pipe holds 64 KiB: the rest has been read, and its first part written
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=30)
    (leftover,) = (store.root / ".incoming").iterdir()
    assert leftover.stat().st_size >= MIB
    assert not store.exists("s3://box/key")
    assert list(store.list("s3://box/")) == []
    store.put_bytes(b"whole", "s3://box/key")
    assert store.get_bytes("s3://box/key") == b"whole"


def test_old_leftovers_are_swept(tmp_path: Path) -> None:
    """What a killed writer left is removed by a later one; what may still be written is not."""
    incoming = tmp_path / ".incoming"
    incoming.mkdir()
    (incoming / "old").write_text("")
    (incoming / "new").write_text("")
    os.utime(incoming / "old", (0, 0))
    FolderStore(tmp_path).put_bytes(b"", "s3://box/key")
    assert [each.name for each in incoming.iterdir()] == ["new"]


def test_a_full_disk(tmp_path: Path) -> None:
    """A full disk is said so, with the path, and leaves neither an object nor a temporary file."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare(1) to mount a small disk")
    small = tmp_path / "small"
    small.mkdir()
    program = textwrap.dedent(f"""
        from pathlib import Path
        from components.errors import CannotWrite
        from components.storage.local import FolderStore
        store = FolderStore(Path({str(small)!r}))
        store.put_bytes(b"x" * 1000, "s3://box/fits")
        try:
            store.put_bytes(b"x" * 2_000_000, "s3://box/large")
        except CannotWrite as error:
            print(error)
        print([each.uri for each in store.list("s3://box/")], list((store.root / ".incoming").iterdir()))
    """)
    commands = f'mount -t tmpfs -o size=1m none "{small}" && exec "{sys.executable}" -c "$PROGRAM"'
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", commands],
        env={"PROGRAM": program, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in ran.stderr or "mount" in ran.stderr:
        pytest.skip(f"no small disk here: {ran.stderr.strip()}")
    message, left = ran.stdout.splitlines()
    assert "small/box/large: the disk is full: make room" in message
    assert left == "['s3://box/fits'] []"
