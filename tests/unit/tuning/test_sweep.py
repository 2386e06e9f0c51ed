"""Which running jobs are orphans."""

from __future__ import annotations

from typing import Any

from components import naming
from components.tuning.sweep import RunningJob, orphans

NOW_S = 10_000.0


def names(*changes: dict[str, Any]) -> list[str]:
    jobs = [
        RunningJob(
            **{"name": str(index), "model": "m", "created_s": 0.0, "followed_s": None, "submitted": False, **change}
        )
        for index, change in enumerate(changes)
    ]
    return [orphan.job.name for orphan in orphans(jobs, now_s=NOW_S, patience_s=600)]


def test_a_job_whose_follower_is_silent_is_an_orphan() -> None:
    """Followed a moment ago: no. Followed an hour ago, or never: yes."""
    assert names({"followed_s": NOW_S - 60}, {"followed_s": NOW_S - 3600}, {}) == ["1", "2"]


def test_a_new_job_and_a_submitted_one_are_none() -> None:
    """A job just made may not have been followed yet; a submitted one need not be, until somebody collects it."""
    assert names({"created_s": NOW_S - 30}, {"submitted": True}, {"submitted": True, "followed_s": 1.0}) == ["2"]


def test_a_refit_is_known_from_a_search_of_a_model_called_so() -> None:
    """AMT tags a search's training jobs as the search, and only the search is followed: none of them is an orphan."""
    key, model = "0123456789", "my-refit-model"
    search = naming.tuning_job_name(model=model, key=key, attempt=1)
    assert naming.REFIT_MARK in search
    assert not any(naming.is_refit_job(name) for name in (search, f"{search}-001-0a1b2c3d", f"a-refit-{key}-01"))
    assert naming.is_refit_job(naming.refit_job_name(model=model, key=key, attempt=1))
    assert naming.is_refit_job(naming.refit_job_name(model="Big Shop", key=key, attempt=12))
