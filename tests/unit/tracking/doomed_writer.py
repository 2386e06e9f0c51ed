"""A command that dies: writes one finished trial and half of a running one, says so, and waits for SIGKILL."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from components.registry.tracking import open_run
from components.tuning.tuning_spec import ObjectiveSpec

sys.path.insert(0, str(Path(__file__).parent))
from tracking_cases import curve_of, points, trial


def main() -> None:
    run = open_run(
        tracking_uri=sys.argv[1],
        experiment="digits",
        artifact_root=f"{sys.argv[2]}/artifacts",
        run_digest="d" * 64,
        run_name="digits",
        objective=ObjectiveSpec(metric="validation:accuracy", type="maximize"),
        params={"tuning.max_jobs": "50"},
        tags={},
    )
    run.record(trials=[trial(1), trial(2, "InProgress")], curve=curve_of(*points(120, last=0.51)))
    print(run.run_id, flush=True)  # noqa: T201  the protocol with the test
    signal.pause()


if __name__ == "__main__":
    main()
