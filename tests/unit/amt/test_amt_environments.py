"""Environments for scripts: made once whoever asks, whole or not at all, and only as often as they must be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from amt_sources import building, let_go, unpacked, wheel, with_slow, with_tiny, without_index

from components.amt import bound_process, installation
from components.amt.environments import Environments, NotInstalled, Order
from components.amt.pip_environment import pip_environment


@pytest.fixture(autouse=True)
def _no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_index(tmp_path, monkeypatch)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    folder = tmp_path / "slow"
    folder.mkdir()
    os.mkfifo(folder / "go")
    return folder


KILLED = """
import sys
from pathlib import Path
from components.amt import installation
from components.amt.environments import Environments, Order
code, cache = Path(sys.argv[1]), Path(sys.argv[2])
order = Order(job="job", log=cache.parent / "log", base=cache.parent / "ml", most_s=60, called_off=lambda: False)
print(Environments(cache, python=sys.executable).python_for(installation.wanted(code, "train.py"), order), flush=True)
"""


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
    monkeypatch.setenv("PIP_INDEX_URL", "http://hunter2:secret@127.0.0.1:9/packages")
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


def test_pip_knows_the_users_indexes_and_no_other_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Index settings, proxies and pip's own files reach pip; other secrets, and where pip is to install, do not."""
    users, home = tmp_path / "users", tmp_path / "home"
    unpacked(users, {".config/pip/pip.conf": "[global]\ntimeout = 7\n", ".netrc": "machine m\n", ".aws/config": ""})
    home.mkdir()
    given = {
        "PIP_INDEX_URL": "https://key@index.example",
        "https_proxy": "http://proxy.example:3128",
        "HOME": str(users),
    }
    secret = {"AWS_SECRET_ACCESS_KEY": "x", "PIP_TARGET": "/elsewhere", "PIP_USER": "1", "MLFLOW_TRACKING_TOKEN": "x"}
    for name, value in (given | secret).items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_CONFIG_HOME", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    made = pip_environment(home, scratch=tmp_path / "tmp", cache=tmp_path / "pip")
    assert {name: made.get(name) for name in given} == given | {"HOME": str(home)}
    assert not (secret.keys() - {"PIP_USER"}) & made.keys()
    assert made["PIP_USER"] == "0"
    assert (home / ".config" / "pip" / "pip.conf").read_text() == "[global]\ntimeout = 7\n"
    assert sorted(path.name for path in home.iterdir()) == [".config", ".netrc"]


@pytest.mark.parametrize(
    ("lines", "needs_code"),
    [
        ("numpy\nscikit-learn>=1.4,<2 # why\n\n# nothing\n", False),
        ("torch[extra] == 2.1.* ; python_version < '4'\n", False),
        ("tiny==1.0 \\\n    --hash=sha256:00\n", False),
        ("--extra-index-url https://user:key@index.example/packages\ntiny (>=1)\n", False),
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
