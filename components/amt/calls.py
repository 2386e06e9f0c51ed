"""What the calls of the API share: the record, the supervision, where ARNs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.amt.records import TERMINAL, TuningJob
from components.amt.store import AmtStore
from components.amt.supervision import Supervision
from components.storage.store import ObjectStore

Answer = dict[str, Any]


class Calls:
    """State of a `LocalAmt`, which sets it."""

    _home: Path
    _objects: ObjectStore
    _supervise: bool
    _region: str
    _arn_prefix: str
    _spot_discount: float
    _store: AmtStore
    _supervision: Supervision

    def _look_after(self, job: TuningJob) -> None:
        if self._supervise and job.status not in TERMINAL:
            self._supervision.supervise(job.name)
