"""A source directory's requirements.txt and setup.py: installed once into an environment of their own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import textwrap
import threading
import zipfile
from functools import cache
from pathlib import Path

import psutil
import pytest
from amt_cases import a_request, trials_of, wait_for_end

from components.amt import bound_process, installation
from components.amt.client import LocalAmt
from components.amt.environments import Environments, NotInstalled, Order
from components.storage.local import FolderStore

USES_TINY = """
import os, sys
import numpy, tiny
print("uses", tiny.VERSION, numpy.__name__, sys.executable, os.environ.get("PIP_INDEX_URL"), flush=True)
print("loss = 0.5")
"""


@pytest.fixture(autouse=True)
def _no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks an index: everything comes from the source directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
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


def logs(amt: LocalAmt, job: str) -> list[str]:
    """The logs of a job's training jobs."""
    return [amt.log_path(row["TrainingJobName"]).read_text() for row in trials_of(amt, job)]


def test_requirements_are_installed_once_for_all_training_jobs_and_jobs(
    store: FolderStore, amt: LocalAmt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What requirements.txt names is importable beside retune's own packages; pip runs once for two jobs of three."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@index.example/simple")
    code = put_code(store, "tiny", with_tiny())
    for name in ("first", "second"):
        amt.create_hyper_parameter_tuning_job(**a_request(name, code=code, jobs=3, parallel=2))
        assert wait_for_end(amt, name)["ObjectiveStatusCounters"]["Succeeded"] == 3, logs(amt, name)
    written = [*logs(amt, "first"), *logs(amt, "second")]
    environments = tmp_path / "amt" / "cache" / "environments"
    (made,) = environments.glob("*/made.json")
    assert sum("Successfully installed tiny-1.0" in log for log in written) == 1
    assert all(f"uses 1.0 numpy {made.parent}/venv/bin/python None" in log for log in written)
    assert "hunter2" not in "".join(written)


def test_another_requirement_is_another_environment(store: FolderStore, amt: LocalAmt, tmp_path: Path) -> None:
    """A wheel of another version gives that version, and the earlier environment stays for who wants it again."""
    for name, version in (("one", "1.0"), ("two", "2.0"), ("three", "1.0")):
        code = put_code(store, name, with_tiny(version=version))
        amt.create_hyper_parameter_tuning_job(**a_request(name, code=code, jobs=1))
        wait_for_end(amt, name)
        assert f"uses {version}" in logs(amt, name)[0]
    assert len(list((tmp_path / "amt" / "cache" / "environments").glob("*/made.json"))) == 2


def test_a_failing_install_fails_each_training_job_by_name_but_runs_once(store: FolderStore, amt: LocalAmt) -> None:
    """FailureReason is the toolkit's InstallRequirementsError with pip's last lines; pip is not run for every trial."""
    code = put_code(store, "missing", {"train.py": USES_TINY, "requirements.txt": "no-such-package-here==1\n"})
    amt.create_hyper_parameter_tuning_job(**a_request("missing", code=code, jobs=3, parallel=3))
    wait_for_end(amt, "missing")
    rows = trials_of(amt, "missing")
    assert [row["TrainingJobStatus"] for row in rows] == ["Failed"] * 3
    for row in rows:
        assert row["FailureReason"].startswith("AlgorithmError: InstallRequirementsError:\nExitCode 1\nErrorMessage ")
        assert "No matching distribution found for no-such-package-here==1" in row["FailureReason"]
        assert row["FailureReason"].endswith('"python -m pip install -r requirements.txt", exit code: 1')
    assert sum("pip install -r requirements.txt, once" in log for log in logs(amt, "missing")) == 1
    amt.create_hyper_parameter_tuning_job(**a_request("again", code=code, jobs=1))
    wait_for_end(amt, "again")
    assert "pip install -r requirements.txt, once" in logs(amt, "again")[0]


def test_a_setup_py_makes_the_source_directory_a_package(
    store: FolderStore, amt: LocalAmt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With setup.py the directory is installed with pip and the entry point run as a module of it."""
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # setuptools of this environment: there is no index
    files = {
        "setup.py": "from setuptools import setup\nsetup(name='mine', version='1', py_modules=['train', 'part'])\n",
        "part.py": "NAME = 'part'\n",
        "train.py": "import importlib.metadata, part\nprint(__name__, importlib.metadata.version('mine'), part.NAME)\n"
        "print('loss = 1')\n",
    }
    amt.create_hyper_parameter_tuning_job(**a_request("package", code=put_code(store, "package", files), jobs=1))
    job = wait_for_end(amt, "package")
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 1, trials_of(amt, "package")
    assert "__main__ 1 part\n" in logs(amt, "package")[0]


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


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    folder = tmp_path / "slow"
    folder.mkdir()
    os.mkfifo(folder / "go")
    return folder


def let_go(folder: Path, builder: psutil.Process) -> None:
    """Have the build of `slow` end."""
    (folder / "go").open("wb").close()
    psutil.wait_procs([builder], timeout=30)


def test_stop_ends_an_install_that_is_under_way(store: FolderStore, amt: LocalAmt, slow: Path) -> None:
    """StopHyperParameterTuningJob while pip works: pip is ended, the training job is Stopped, not Failed."""
    amt.create_hyper_parameter_tuning_job(**a_request("slow", code=put_code(store, "slow", with_slow(slow)), jobs=1))
    builder = building(slow)
    amt.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="slow")
    wait_for_end(amt, "slow")
    assert [row["TrainingJobStatus"] for row in trials_of(amt, "slow")] == ["Stopped"]
    psutil.wait_procs([builder], timeout=30)
    assert not builder.is_running()


def test_an_install_has_the_training_jobs_own_time(store: FolderStore, amt: LocalAmt, slow: Path) -> None:
    """An install that takes longer than MaxRuntimeInSeconds fails the training job and says so."""
    code = put_code(store, "late", with_slow(slow))
    amt.create_hyper_parameter_tuning_job(**a_request("late", code=code, jobs=1, max_runtime_s=1))
    wait_for_end(amt, "late")
    assert "it took longer than the 1 s there are for it" in trials_of(amt, "late")[0]["FailureReason"]


KILLED = """
import sys
from pathlib import Path
from components.amt import installation
from components.amt.environments import Environments, Order
code, cache = Path(sys.argv[1]), Path(sys.argv[2])
order = Order(job="job", log=cache.parent / "log", base=cache.parent / "ml", most_s=60, called_off=lambda: False)
print(Environments(cache, python=sys.executable).python_for(installation.wanted(code, "train.py"), order), flush=True)
"""


def unpacked(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Files as a source directory on disk."""
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body.encode() if isinstance(body, str) else body)
    return folder


def an_order(folder: Path) -> Order:
    """For a training job that waits a minute."""
    return Order(job="job", log=folder / "log", base=folder / "ml", most_s=60, called_off=lambda: False)


def test_what_a_killed_process_left_is_no_environment(tmp_path: Path, slow: Path) -> None:
    """A kill -9 while an environment is made ends pip too; the next who wants it makes it from the start."""
    code, cached = unpacked(tmp_path / "code", with_slow(slow)), tmp_path / "cache"
    maker = subprocess.Popen([sys.executable, "-c", KILLED, str(code), str(cached)], stderr=subprocess.DEVNULL)
    builder = building(slow)
    (pip,) = (one for one in builder.parents() if "pip" in one.cmdline() and one.ppid() == maker.pid)
    maker.kill()
    maker.wait()
    psutil.wait_procs([pip], timeout=30)
    assert not pip.is_running()
    assert not list(cached.glob("environments/*/made.json"))
    (slow / "pid").unlink()
    let_go(slow, builder)  # the build that lost its pip
    name, content = wheel()
    unpacked(code, {name: content, "requirements.txt": f"./{name}\n"})
    wanted = installation.wanted(code, "train.py")
    assert wanted is not None
    python = Environments(cached, python=sys.executable).python_for(wanted, an_order(tmp_path))
    assert subprocess.check_output([python, "-c", "import tiny; print(tiny.VERSION)"], text=True) == "1.0\n"


def test_processes_that_want_one_environment_make_it_once(tmp_path: Path) -> None:
    """Three processes that start together get the same environment, and pip runs in one of them."""
    code, cached = unpacked(tmp_path / "code", with_tiny()), tmp_path / "cache"
    command = [sys.executable, "-c", KILLED, str(code), str(cached)]
    makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {maker.communicate(timeout=60)[0] for maker in makers}
    assert len(answers) == 1
    assert (tmp_path / "log").read_text().count("Successfully installed tiny-1.0") == 1


def test_an_unreachable_index_is_said_without_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When pip reaches no index the reason says what can be done; user and password of its URL are nowhere."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", "http://hunter2:secret@127.0.0.1:9/simple")
    wanted = installation.wanted(
        unpacked(tmp_path / "code", {"requirements.txt": "no-such-package-here\n"}), "train.py"
    )
    assert wanted is not None
    with pytest.raises(NotInstalled, match="pip found it in no index it reached") as caught:
        Environments(tmp_path / "cache", python=sys.executable).python_for(wanted, an_order(tmp_path))
    said = f"{caught.value}{(tmp_path / 'log').read_text()}"
    assert "hunter2" not in said
    assert "secret" not in said


def test_who_waits_for_another_to_make_it_can_be_called_off(tmp_path: Path, slow: Path) -> None:
    """A training job that waits for an environment somebody else makes does not have to wait to the end."""
    code, cached = unpacked(tmp_path / "code", with_slow(slow)), tmp_path / "cache"
    maker = subprocess.Popen([sys.executable, "-c", KILLED, str(code), str(cached)], stderr=subprocess.DEVNULL)
    builder = building(slow)
    wanted = installation.wanted(code, "train.py")
    assert wanted is not None
    order = Order(job="job", log=tmp_path / "log", base=tmp_path / "ml", most_s=60, called_off=lambda: True)
    with pytest.raises(bound_process.CalledOff):
        Environments(cached, python=sys.executable).python_for(wanted, order)
    maker.kill()
    maker.wait()
    let_go(slow, builder)


@pytest.mark.parametrize(
    ("lines", "needs_code"),
    [
        ("numpy\nscikit-learn>=1.4,<2 # why\n\n# nothing\n", False),
        ("torch[extra] == 2.1.* ; python_version < '4'\n", False),
        ("tiny==1.0 \\\n    --hash=sha256:00\n", False),
        ("--extra-index-url https://user:key@index.example/simple\ntiny (>=1)\n", False),
        ("./tiny-1.0-py3-none-any.whl\n", True),
        ("tiny-1.0-py3-none-any.whl\n", True),
        ("-r more.txt\n", True),
        ("-c constraints.txt\nnumpy\n", True),
        ("-e .\n", True),
        ("packages/tiny\n", True),
        ("--find-links wheels\ntiny\n", True),
        ("tiny @ file:///tmp/tiny\n", True),
    ],
)
def test_what_lies_in_the_source_directory_counts(tmp_path: Path, lines: str, *, needs_code: bool) -> None:
    """Another file beside the script is another environment only when requirements.txt may name files."""
    files: dict[str, str | bytes] = {"train.py": "", "requirements.txt": lines}
    first = installation.wanted(unpacked(tmp_path, files), "train.py")
    assert first is not None
    before = first.digest()
    second = installation.wanted(unpacked(tmp_path, {"other.py": "pass\n"}), "train.py")
    assert second is not None
    assert first.needs_code is needs_code
    assert (second.digest() != before) is needs_code


def test_a_shell_entry_point_and_an_empty_file_install_nothing(tmp_path: Path) -> None:
    """As in SageMaker's toolkit requirements.txt is for Python entry points; comments alone are no requirement."""
    unpacked(tmp_path, {"requirements.txt": "# none yet\n"})
    assert installation.wanted(tmp_path, "train.py") is None
    unpacked(tmp_path, {"requirements.txt": "tiny\n", "setup.py": ""})
    assert installation.wanted(tmp_path, "train.sh") is None
