"""Watching jobs from another process."""

from __future__ import annotations

from pathlib import Path

from amt_cases import a_request, put_script, wait_for_end

from components.amt.client import LocalAmt
from components.storage.local import FolderStore


def test_a_watcher_hears_a_job_that_took_a_deleted_ones_name(tmp_path: Path, amt: LocalAmt, store: FolderStore) -> None:
    """Delete wakes who watches, and who watches on hears the next job of that name."""
    request = a_request("again", code=put_script(store, "print('loss = 1')\n"), jobs=1)
    watcher = LocalAmt(home=tmp_path / "amt", store=store, supervise=False)
    amt.create_hyper_parameter_tuning_job(**request)
    wait_for_end(watcher, "again")
    amt.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="again")
    amt.create_hyper_parameter_tuning_job(**request)
    watcher.wait_for_change("again", 0)
    bells = list((tmp_path / "amt" / "jobs" / "again" / "watchers").iterdir())
    assert len(bells) == 1
    assert wait_for_end(watcher, "again")["TrainingJobStatusCounters"]["Completed"] == 1
    watcher.close()
