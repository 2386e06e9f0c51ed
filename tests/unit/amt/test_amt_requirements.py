"""A source directory's requirements.txt and setup.py, through the engine."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from amt_cases import a_request, trials_of, wait_for_end
from amt_sources import USES_TINY, building, put_code, with_slow, with_tiny, without_index

from components.amt.client import LocalAmt
from components.storage.local import FolderStore


@pytest.fixture(autouse=True)
def _no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_index(tmp_path, monkeypatch)


def logs(amt: LocalAmt, job: str) -> list[str]:
    """The logs of a job's training jobs."""
    return [amt.log_path(row["TrainingJobName"]).read_text() for row in trials_of(amt, job)]


def test_requirements_are_installed_once_for_all_training_jobs_and_jobs(
    store: FolderStore, amt: LocalAmt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What requirements.txt names is importable beside retune's own packages; pip runs once for two jobs of three."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@index.example/packages")
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


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    folder = tmp_path / "slow"
    folder.mkdir()
    os.mkfifo(folder / "go")
    return folder


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
