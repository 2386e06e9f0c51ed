"""Which specs a push touches, in a repository of its own and in this one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.errors import InvalidInput
from components.spec import load_spec
from flows.github.touched import changed_files, touched_specs, touches

REPO = Path(__file__).resolve().parents[3]
WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
Commit = Callable[..., str]


def git(folder: Path, *arguments: str) -> str:
    """Git's answer."""
    done = subprocess.run(["git", "-C", str(folder), *WHO, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """An empty repository."""
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


@pytest.fixture
def commit(clone: Path) -> Commit:
    """Write files and commit them; the commit."""

    def make(**files: str) -> str:
        for name, content in files.items():
            path = clone / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", "more")
        return git(clone, "rev-parse", "HEAD")

    return make


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        (["data/bank-marketing/bank-additional-full.csv.gz", "README.md"], ["bank-marketing"]),
        (["data/bank-marketing/README.md"], []),
        (["data/abalone/abalone.csv", "flows/specs/bank-marketing.yaml"], []),
        (["other/data/bank-marketing/bank-additional-full.csv.gz"], []),
    ],
)
def test_new_bank_marketing_data_touch_their_spec_and_nothing_else_does(changed: list[str], runs: list[str]) -> None:
    """Of the spec that the workflow watches in this repository."""
    spec = Path("flows/specs/bank-marketing.yaml")

    assert touches(changed, spec, load_spec(REPO / spec).data) == (runs == ["bank-marketing"])


def test_folders_patterns_and_preparations_are_touched_and_other_places_are_not(tmp_path: Path) -> None:
    """A folder by what is in it, a glob by what matches, a preparation by data/<spec>/; S3, public sets by nothing."""
    spec = tmp_path / "sales.yaml"

    def touched_by(path: str, data: str) -> bool:
        text = (REPO / "flows/specs/digits.yaml").read_text()
        spec.write_text(text.replace("source: sklearn://digits", data))
        return touches([path], Path("flows/specs/sales.yaml"), load_spec(spec).data)

    assert touched_by("data/months/2026-01.csv", "source: data/months")
    assert touched_by("data/months/2026-01.csv", 'source: "./data/months/*.csv"')
    assert touched_by("data/sales/raw/a.csv", 'prepare: "flows.own:prepared"')
    assert not touched_by("data/other/a.csv", 'prepare: "flows.own:prepared"')
    assert not touched_by("data/months2/a.csv", "source: data/months")
    assert not touched_by("data/digits/a.csv", "source: sklearn://digits")
    assert not touched_by("data/x.csv", "source: s3://bucket/data/x.csv")


def test_a_push_is_what_lies_between_its_two_commits(clone: Path, commit: Commit) -> None:
    """All commits of the push count, also a file that went; names with spaces and accents arrive as they are."""
    first = commit(**{"data__a.csv": "1", "data__b.csv": "1"})
    (clone / "data" / "b.csv").unlink()
    commit(**{"data__né w.csv": "2"})
    last = commit(**{"docs__x.md": "3"})

    assert set(changed_files(clone, first, last)) == {"data/b.csv", "data/né w.csv", "docs/x.md"}
    assert changed_files(clone, last, last) == ()


def test_of_a_new_branch_the_last_commit_counts_and_of_a_rewritten_one_all_files(clone: Path, commit: Commit) -> None:
    """Before a branch's first push there is no commit; a forced push of several leaves one that the clone lacks."""
    commit(**{"data__a.csv": "1"})
    last = commit(**{"data__b.csv": "1"})
    root = git(clone, "rev-list", "--max-parents=0", "HEAD")

    assert changed_files(clone, "0" * 40, last) == ("data/b.csv",)
    assert changed_files(clone, "1" * 40, last) == ("data/a.csv", "data/b.csv")
    assert changed_files(clone, "0" * 40, root) == ("data/a.csv",)


@pytest.mark.parametrize(("before", "after"), [("--help", "1" * 40), ("0" * 40, "HEAD"), ("0" * 40, "1" * 40)])
def test_what_is_no_commit_of_the_clone_is_refused(clone: Path, commit: Commit, before: str, after: str) -> None:
    """An event's commits are hex digits that this clone has, and never an option of git."""
    commit(**{"data__a.csv": "1"})

    with pytest.raises(InvalidInput, match="must be a commit"):
        changed_files(clone, before, after)


def test_the_specs_of_a_push(clone: Path, commit: Commit) -> None:
    """Those watched whose data changed, in their order."""
    text = (REPO / "flows/specs/digits.yaml").read_text()
    specs = {name: text.replace("sklearn://digits", f"data/{name}.csv") for name in ("a", "b")}
    first = commit(**{f"flows__specs__{name}.yaml": spec for name, spec in specs.items()})
    last = commit(**{"data__b.csv": "x"})
    watched = ("flows/specs/a.yaml", "flows/specs/b.yaml")

    assert touched_specs(clone, watched, first, last) == ("flows/specs/b.yaml",)
