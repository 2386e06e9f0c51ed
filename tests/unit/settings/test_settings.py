"""One reading of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import CannotWrite, InvalidInput
from components.settings import prefect_environment, read_settings


def test_the_default_home_is_in_the_working_folder(tmp_path: Path) -> None:
    """Nothing set: `.retune`, a folder store, SQLite, a Prefect server of one's own."""
    settings = read_settings({"HOME": str(tmp_path)}, cwd=tmp_path)

    assert settings.home == tmp_path / ".retune"
    assert (settings.base_uri, settings.on_s3) == ("s3://retune-local", False)
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/.retune/mlflow.db"
    assert settings.prefect_api_url is None


def test_what_is_given_from_outside_is_used() -> None:
    """Bucket, prefix, tracking server and Prefect server of the environment win."""
    settings = read_settings(
        {
            "RETUNE_BUCKET": "b",
            "RETUNE_PREFIX": "/team/",
            "MLFLOW_TRACKING_URI": "http://mlflow",
            "PREFECT_API_URL": "http://prefect/api",
        }
    )

    assert (settings.base_uri, settings.on_s3) == ("s3://b/team", True)
    assert (settings.tracking_uri, settings.artifact_root) == ("http://mlflow", None)
    assert prefect_environment(settings, "http://prefect/api") == {"PREFECT_API_URL": "http://prefect/api"}


def test_an_active_prefect_profile_is_used(tmp_path: Path) -> None:
    """A profile with a server counts as given; the ephemeral default does not."""
    (tmp_path / "profiles.toml").write_text(
        'active = "team"\n[profiles.team]\nPREFECT_API_URL = "http://team/api"\n[profiles.ephemeral]\nA = "b"\n'
    )

    def read(**more: str) -> str | None:
        return read_settings({"PREFECT_HOME": str(tmp_path), **more}).prefect_api_url

    assert read() == "http://team/api"
    assert read(PREFECT_PROFILE="ephemeral") is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RETUNE_PREFIX", "a/../b"),
        ("RETUNE_PREFIX", "a//b"),
        ("RETUNE_BUCKET", "b/key"),
        ("RETUNE_ON_CRASH", "wait"),
    ],
)
def test_a_variable_that_breaks_a_law_is_refused(variable: str, value: str) -> None:
    """A prefix does not climb, a bucket has no path, and a crash keeps a job or stops it."""
    with pytest.raises(InvalidInput, match=variable):
        read_settings({variable: value})


def test_a_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A file in the place of the home, or of a folder above it, cannot hold state."""
    (tmp_path / "file").touch()
    for home in ("file", "file/below"):
        settings = read_settings({"RETUNE_HOME": str(tmp_path / home)})
        with pytest.raises(CannotWrite, match="RETUNE_HOME"):
            settings.check_home()
        with pytest.raises(CannotWrite, match="RETUNE_HOME"):
            settings.writable_home()


def test_a_container_s_numeric_user_has_a_name_for_the_record() -> None:
    """Nobody's uid ends a run at its promotion."""
    assert read_settings({"USER": "ada"}).user == "ada"
    assert read_settings({}).user


def test_secrets_are_no_part_of_what_is_shown() -> None:
    """The environment is handed to child processes, and never printed with the settings."""
    assert "hunter2" not in repr(read_settings({"AWS_SECRET_ACCESS_KEY": "hunter2"}))


@pytest.mark.parametrize("token", ["short", "with a space in it", "x" * 257, "naïve-tokens-are-long"])
def test_a_serving_token_that_is_none_is_refused(token: str, tmp_path: Path) -> None:
    """A token that no header can bear, or that is guessed soon, is told without showing it."""
    with pytest.raises(InvalidInput, match="RETUNE_SERVING_TOKEN is auto, off, or 16 to 256 characters") as told:
        read_settings({"RETUNE_SERVING_TOKEN": token}, cwd=tmp_path)

    assert token not in str(told.value)


def test_a_serving_token_is_not_shown(tmp_path: Path) -> None:
    """It is taken as it is, `auto` too, and is in no printed settings."""
    settings = read_settings({"RETUNE_SERVING_TOKEN": "a-token-of-the-house"}, cwd=tmp_path)

    assert settings.serving_token == "a-token-of-the-house"
    assert "of-the-house" not in repr(settings)
    assert read_settings({"RETUNE_SERVING_TOKEN": "auto"}, cwd=tmp_path).serving_token == "auto"
    assert read_settings({}, cwd=tmp_path).serving_token is None


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"GITHUB_ACTIONS": "true", "CI": "true"}, "GITHUB_ACTIONS"),
        ({"CI": "1"}, "CI"),
        ({"CI": "false"}, None),
        ({}, None),
    ],
)
def test_a_ci_runner_is_known_by_its_variables(variables: dict[str, str], named: str | None) -> None:
    """Its machine goes away with the job; the variable that says so is named."""
    assert read_settings(variables).ephemeral == named
