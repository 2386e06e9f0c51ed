from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from registry_cases import packed

from components.errors import CannotWrite, Damaged, NotFound
from components.registry.archive import open_archive

TWO_FUNCTIONS = "def model_fn(model_dir): ...\ndef predict_fn(data, model): ...\n"


@pytest.mark.parametrize(
    ("files", "kind", "path"),
    [
        ({"xgboost-model": b"trees"}, "xgboost", "xgboost-model"),
        ({"./xgboost-model": b"trees"}, "xgboost", "xgboost-model"),
        ({"MLmodel": "flavors: {}", "model.pkl": b""}, "mlflow", "."),
        ({"model/MLmodel": "flavors: {}"}, "mlflow", "model"),
        ({"inference.py": TWO_FUNCTIONS}, "inference", "inference.py"),
        ({"code/inference.py": TWO_FUNCTIONS, "model.joblib": b""}, "inference", "code/inference.py"),
        ({"inference.py": "from served import model_fn, predict_fn"}, "inference", "inference.py"),
        ({"inference.py": TWO_FUNCTIONS, "xgboost-model": b"trees"}, "inference", "inference.py"),
        ({"model.joblib": b"pickled"}, "unknown", "."),
    ],
)
def test_an_archive_is_told_apart_by_what_it_holds(
    tmp_path: Path, files: dict[str, bytes | str], kind: str, path: str
) -> None:
    """An MLflow model, SageMaker's inference contract, the built-in's Booster, in this order; else unknown."""
    trained = open_archive(packed(tmp_path / "model.tar.gz", files), tmp_path / "into")

    assert (trained.kind, trained.path) == (kind, tmp_path / "into" / path)
    assert (trained.refusal is None) == (kind != "unknown")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("def model_fn(model_dir): ...", "got no predict_fn"),
        ("def model_fn(:", "got no Python"),
        ("1 / 0  # never run", "got no model_fn and no predict_fn"),
    ],
)
def test_an_inference_script_without_its_two_functions_is_unknown(tmp_path: Path, script: str, reason: str) -> None:
    """The contract is read, not run, and what is lacking is said."""
    trained = open_archive(packed(tmp_path / "model.tar.gz", {"inference.py": script}), tmp_path / "into")

    assert trained.kind == "unknown"
    assert reason in str(trained.refusal)


def test_a_cut_off_archive_is_damaged(tmp_path: Path) -> None:
    """An archive that ends early is refused wherever it was cut, and nothing of it stays."""
    content = packed(tmp_path / "whole.tar.gz", {"xgboost-model": bytes(range(256)) * 2000}).read_bytes()
    path = tmp_path / "model.tar.gz"
    for length in (0, 5, 12, len(content) // 2, len(content) - 9, len(content) - 1):
        path.write_bytes(content[:length])

        with pytest.raises(Damaged, match=r"model\.tar\.gz must be an intact"):
            open_archive(path, tmp_path / "into")

        assert not (tmp_path / "into").exists()


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """Gzip's checksum is compared although tar stops reading before it."""
    path = packed(tmp_path / "model.tar.gz", {"xgboost-model": b"trees"})
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # of the checksum
    path.write_bytes(content)

    with pytest.raises(Damaged, match="intact"):
        open_archive(path, tmp_path / "into")


def test_what_is_no_archive_is_damaged(tmp_path: Path) -> None:
    """Bytes of another kind are refused, gzip'd or not."""
    for content in (b"not found", gzip.compress(b"not a tar file" * 100)):
        (tmp_path / "model.tar.gz").write_bytes(content)

        with pytest.raises(Damaged, match="intact"):
            open_archive(tmp_path / "model.tar.gz", tmp_path / "into")


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    """The path that is not there is in the message."""
    with pytest.raises(NotFound, match="nowhere"):
        open_archive(tmp_path / "nowhere", tmp_path / "into")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """Sizes are counted before anything is written: many bytes, many files, or bytes after the last member."""
    large = packed(tmp_path / "large.tar.gz", {"a": bytes(600), "b": bytes(600)})
    many = packed(tmp_path / "many.tar.gz", {str(number): b"" for number in range(20)})
    tail = tmp_path / "tail.tar.gz"
    tail.write_bytes(gzip.compress(gzip.decompress(many.read_bytes()) + bytes(10_000_000)))

    with pytest.raises(Damaged, match="at most 1000 bytes"):
        open_archive(large, tmp_path / "into", max_unpacked_bytes=1000)
    with pytest.raises(Damaged, match="at most 10 members"):
        open_archive(many, tmp_path / "into", max_members=10)
    with pytest.raises(Damaged, match="after the last member"):
        open_archive(tail, tmp_path / "into", max_unpacked_bytes=1000)
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("name", ["../escaped", "/escaped-from-retune", "a/../../escaped"])
def test_a_member_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    """Paths that lead elsewhere are refused or stay inside; nothing is written outside."""
    archive = packed(tmp_path / "model.tar.gz", {"xgboost-model": b"trees", name: b"evil"})

    try:
        open_archive(archive, tmp_path / "into")
    except Damaged:
        assert not (tmp_path / "into").exists()

    assert not (tmp_path / "escaped").exists()
    assert not Path("/escaped-from-retune").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    """A model is files and folders."""
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("file"), io.BytesIO())
        member = tarfile.TarInfo("link")
        member.type, member.linkname = kind, "file"
        archive.addfile(member)

    with pytest.raises(Damaged, match="link or device at 'link'"):
        open_archive(tmp_path / "model.tar.gz", tmp_path / "into")


def test_an_unwritable_place_is_said(tmp_path: Path) -> None:
    """A folder that cannot be made is no damage of the archive."""
    archive = packed(tmp_path / "model.tar.gz", {"xgboost-model": b"trees"})
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWrite, match="Not a directory"):
        open_archive(archive, tmp_path / "file" / "into")
