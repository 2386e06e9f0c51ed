"""Rows: managed Spot training, checkpoints, billing (amt.md 1.4, 6.1)."""

from __future__ import annotations

from tests.parity.row import Part, Row, tests

_SPOT = "contract/test_local_spot.py::TestLocalSpot"

PARTS = (
    Part(
        title="Spot, checkpoints, billing",
        rows=(
            Row(
                aws="A Spot instance may be taken away, with two minutes' notice: SIGTERM, then SIGKILL, Interrupted.",
                differs="nothing is taken away unless interruptions are switched on: times drawn from a seed.",
                tests=tests(
                    _SPOT,
                    "test_interrupted_training_jobs_end_as_if_nothing_had_been",
                    "test_on_demand_nothing_is_taken_away",
                ),
            ),
            Row(
                aws="An interrupted training job begins again under its own name and is no failed one.",
                tests=tests(_SPOT, "test_interrupted_training_jobs_end_as_if_nothing_had_been"),
            ),
            Row(
                aws="CheckpointConfig.S3Uri is restored before a training job begins and kept while it runs.",
                tests=tests(_SPOT, "test_checkpoints_in_the_store_are_where_a_training_job_begins"),
            ),
            Row(
                aws="Checkpoints are copied while the container runs, deletions too.",
                differs="copied after each attempt; until then they stand on this machine's disk, where neither an "
                "interruption nor a kill -9 loses them.",
                tests=tests(_SPOT, "test_interrupted_training_jobs_end_as_if_nothing_had_been"),
            ),
            Row(
                aws="Training jobs of one tuning job with one S3Uri: whether AWS separates them is unpublished.",
                differs="each has a folder of its own below it.",
                tests=tests(_SPOT, "test_interrupted_training_jobs_end_as_if_nothing_had_been"),
            ),
            Row(
                aws="The built-in XGBoost goes on from its checkpoint.",
                tests=tests(_SPOT, "test_the_built_in_algorithm_goes_on_from_its_checkpoint"),
            ),
            Row(
                aws="BillableTimeInSeconds is the training time on demand, and less with Spot, as the market is.",
                differs="with Spot less a fixed discount, 65 % unless told, rounded up; nothing is paid here.",
                tests=tests(_SPOT, "test_spot_is_billed_at_its_discount"),
            ),
        ),
    ),
)
