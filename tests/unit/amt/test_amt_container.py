"""The container contract: layout, environment, script mode, code and data."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from amt_cases import a_request, a_store, put_script, trials_of, wait_for_end

from components.amt import channels, script_mode, source_code
from components.amt.artifacts import pack
from components.amt.client import LocalAmt
from components.errors import Damaged, NotFound
from components.storage.store import ObjectInfo

SHOW = """
import json, os, sys
here = os.environ["SAGEMAKER_BASE_DIR"]
config = {n: json.load(open(f"{here}/input/config/{n}.json")) for n in
          ("hyperparameters", "inputdataconfig", "resourceconfig")}
print("SHOW " + json.dumps({"env": dict(os.environ), "argv": sys.argv[1:], "cwd": os.getcwd(), "config": config,
      "train": sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"]))}))
open(os.environ["SM_OUTPUT_DATA_DIR"] + "/extra.txt", "w").write("more")
print("loss = 1")
"""


def test_a_script_sees_sagemakers_contract_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script gets /opt/ml's files, SM_* variables and arguments; nothing of ours, AWS, MLflow or Prefect."""
    for name in ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN", "PREFECT_API_KEY", "RETUNE_HOME", "MY_TOKEN"):
        monkeypatch.setenv(name, "hunter2")
    store = a_store(tmp_path / "store")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    static = {"layers": "[1, 2]", "name": '"adam"', "v": "true", "none": "null", "opts": '{"a": 1}'}
    request = a_request("show", code=put_script(store, SHOW), jobs=1, static=static)
    request["TrainingJobDefinition"]["Environment"] = {"GREETING": "hello"}
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(amt, "show")
    (row,) = trials_of(amt, "show")
    log = amt.log_path(row["TrainingJobName"]).read_text()
    amt.close()
    shown = json.loads(next(line for line in log.splitlines() if line.startswith("SHOW "))[5:])
    env, base = shown["env"], shown["env"]["SAGEMAKER_BASE_DIR"]
    eta = row["TunedHyperParameters"]["eta"]

    assert "hunter2" not in log
    assert not [name for name in env if name.startswith(("AWS_", "MLFLOW_", "PREFECT_", "RETUNE_"))]
    assert env["GREETING"] == "hello"
    assert env["TRAINING_JOB_NAME"] == row["TrainingJobName"]
    assert env["TRAINING_JOB_ARN"] == row["TrainingJobArn"]
    assert shown["argv"] == [
        *("--eta", eta, "--layers", "[1, 2]", "--name", "adam", "--none", "", "--opts", "a=1", "-v", "True")
    ]
    assert shown["cwd"] == f"{base}/code"
    assert shown["train"] == ["part.csv"]
    assert env["SM_MODEL_DIR"] == f"{base}/model"
    assert env["SM_CHANNELS"] == '["train", "validation"]'
    assert env["SM_HP_NAME"] == "adam"
    assert json.loads(env["SM_HPS"])["layers"] == [1, 2]
    assert env["SM_USER_ENTRY_POINT"] == "train.py"
    assert env["OMP_NUM_THREADS"] == str(os.cpu_count())
    assert shown["config"]["hyperparameters"]["_tuning_objective_metric"] == "loss"
    assert all(isinstance(value, str) for value in shown["config"]["hyperparameters"].values())
    assert shown["config"]["inputdataconfig"]["train"]["ContentType"] == "text/csv"
    assert shown["config"]["resourceconfig"]["hosts"] == ["algo-1"]
    assert store.exists(f"s3://bucket/out/{row['TrainingJobName']}/output/output.tar.gz")
    assert not store.exists(f"s3://bucket/out/{row['TrainingJobName']}/output/model.tar.gz")


@pytest.mark.parametrize(
    ("others", "program", "said"),
    [
        ({}, "missing.py", "sagemaker_program must name a file of the source directory, got 'missing.py'"),
        ({}, "../train.py", "sagemaker_program must name a file of the source directory, got '../train.py'"),
    ],
)
def test_code_that_cannot_run_fails_the_training_job(
    tmp_path: Path, others: dict[str, str], program: str, said: str
) -> None:
    """A source directory that cannot be run fails the training job as a ClientError that names why."""
    store = a_store(tmp_path / "store")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    code = put_script(store, "print('loss = 1')\n", **others)
    amt.create_hyper_parameter_tuning_job(**a_request("code", code=code, jobs=1, program=program))
    wait_for_end(amt, "code")
    reason = trials_of(amt, "code")[0]["FailureReason"]
    amt.close()
    assert reason.startswith("ClientError: " + said)


def test_a_shell_entry_point_runs_in_the_shell() -> None:
    """An entry point that is not Python is run by the shell, its arguments quoted."""
    assert script_mode.command("python", "run.sh", ["--a", "b c"]) == ["/bin/sh", "-c", "./run.sh --a 'b c'"]


def test_a_shell_script_is_run_whatever_its_mode(tmp_path: Path) -> None:
    """A shell entry point that was packed without the right to execute runs."""
    store = a_store(tmp_path / "store")
    amt = LocalAmt(home=tmp_path / "amt", store=store)
    code = put_script(store, "#!/bin/sh\necho 'loss = 0.5'\n", name="train.sh")
    amt.create_hyper_parameter_tuning_job(**a_request("shell", code=code, jobs=1, program="train.sh"))
    job = wait_for_end(amt, "shell")
    amt.close()
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 1


def archive(folder: Path, *members: tarfile.TarInfo) -> Path:
    """A gzipped tar of empty members."""
    path = folder / "sourcedir.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b""))
    return path


def test_an_archive_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    """Paths and links out of the code folder are refused, nothing is written outside."""
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    for member in (tarfile.TarInfo("../escaped"), link):
        with pytest.raises(source_code.BadSource, match="cannot be unpacked"):
            source_code.unpack(archive(tmp_path, member), tmp_path / "code")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize(
    ("kind", "size", "pax_headers"),
    [
        (tarfile.FIFOTYPE, 0, {}),
        (tarfile.LNKTYPE, 0, {}),
        (tarfile.SYMTYPE, 0, {}),
        (tarfile.CHRTYPE, 0, {}),
        (tarfile.REGTYPE, -512, {}),
        (tarfile.REGTYPE, 0, {"path": "a\0b"}),
        (tarfile.REGTYPE, 0, {"GNU.sparse.map": "1,x"}),
    ],
    ids=["FIFO", "hard link", "link", "device", "negative", "NUL", "sparse"],
)
def test_an_archive_of_other_things_is_refused(
    tmp_path: Path, kind: bytes, size: int, pax_headers: dict[str, str]
) -> None:
    """What is no file or folder, has no size, or has a name no file can have is the archive's fault, not ours."""
    member = tarfile.TarInfo("member")
    member.type, member.size, member.linkname, member.pax_headers = kind, size, "other", pax_headers
    path = tmp_path / "sourcedir.tar.gz"
    with gzip.open(path, "wb") as file:
        file.write(member.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    with pytest.raises(source_code.BadSource, match="cannot be unpacked"):
        source_code.unpack(path, tmp_path / "code")


@pytest.mark.parametrize("program", ["train\0.py", "x" * 300 + ".py"])
def test_an_entry_point_no_file_can_be_is_refused(tmp_path: Path, program: str) -> None:
    """A sagemaker_program with NUL or beyond a name's length is the request's fault."""
    with pytest.raises(source_code.BadSource, match="must name a file"):
        source_code.check_entry_point(tmp_path, program)


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    """Bytes that are no archive, or a torn one, are refused with the reason."""
    path = tmp_path / "sourcedir.tar.gz"
    for content in (b"", b"not gzip", b"\x1f\x8b\x08broken"):
        path.write_bytes(content)
        with pytest.raises(source_code.BadSource, match="cannot be unpacked"):
            source_code.unpack(path, tmp_path / "code")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    """An archive beyond the limits is refused before it fills the disk."""
    path = archive(tmp_path, *(tarfile.TarInfo(f"f{number}") for number in range(3)))
    with pytest.raises(source_code.BadSource, match="at most 2 files"):
        source_code.unpack(path, tmp_path / "code", most_members=2)


@pytest.mark.parametrize(
    ("prefix", "key", "relative"),
    [
        ("data/train/", "data/train/a.csv", "a.csv"),
        ("data/train", "data/train/x/a.csv", "x/a.csv"),
        ("data/train/a.csv", "data/train/a.csv", "a.csv"),
        ("data/tr", "data/train/a.csv", "train/a.csv"),
        ("", "a.csv", "a.csv"),
    ],
)
def test_where_an_object_lands(prefix: str, key: str, relative: str) -> None:
    """Objects keep their names below the prefix."""
    assert channels.relative_key(prefix, key) == PurePosixPath(relative)


def test_inputs_are_fetched_once_and_never_trusted_when_changed(tmp_path: Path) -> None:
    """A cached object serves every training job; one a script wrote into is fetched again."""
    store = a_store(tmp_path / "store")
    cache = channels.Cache(tmp_path / "cache", store)
    (info,) = store.list("s3://bucket/data/train/")
    first = cache.file(info)
    inode = first.stat().st_ino
    assert cache.file(info).stat().st_ino == inode
    content = first.read_bytes()
    first.chmod(0o644)
    first.write_bytes(content.replace(b"1", b"7"))
    assert cache.file(info).read_bytes() == content


def test_an_object_that_is_not_as_listed_is_damaged(tmp_path: Path) -> None:
    """An object whose size is not the one listed is refused; one that is gone is not found."""
    store = a_store(tmp_path / "store")
    cache = channels.Cache(tmp_path / "cache", store)
    with pytest.raises(Damaged, match="must have the 1 bytes listed"):
        cache.file(ObjectInfo(uri="s3://bucket/data/train/part.csv", size=1, etag="x"))
    with pytest.raises(NotFound):
        cache.file(ObjectInfo(uri="s3://bucket/data/train/none.csv", size=1, etag="x"))


def test_equal_folders_make_equal_archives(tmp_path: Path) -> None:
    """An archive depends on names and contents only, so a repeated upload has the same bytes."""
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "model").write_text("weights")
        os.mkfifo(folder / "pipe")
        os.utime(folder / "sub" / "model", (len(made), len(made)))
        assert pack(folder, tmp_path / f"{name}.tar.gz")
        made.append((tmp_path / f"{name}.tar.gz").read_bytes())
    assert made[0] == made[1]
    (tmp_path / "empty").mkdir()
    assert not pack(tmp_path / "empty", tmp_path / "empty.tar.gz")
