"""Whether a background service is the recorded one, and well."""

from __future__ import annotations

import json
import time
from typing import Literal

import psutil

from components.deployment import detached_process, loopback, ports
from components.deployment.detached_process import GatedProcess
from components.deployment.service_record import ServiceRecord

HEALTH_TIMEOUT_S = 3.0
# Foreign servers cannot say when they are ready; they are asked, at first often.
_FIRST_RETRY_S = 0.05
_LONGEST_RETRY_S = 0.25
_OK = 200


def process_of(record: ServiceRecord) -> psutil.Process | None:
    """The recorded process, if it is there: pid, start time and nonce are the record's."""
    return detached_process.alive(record.pid, record.start_time_s, record.nonce)


def is_well(record: ServiceRecord, *, patience_s: float) -> bool:
    """Whether the recorded process is there and its health answers, asked again until the patience is over."""
    deadline = time.monotonic() + patience_s
    pause_s = _FIRST_RETRY_S
    while (process := process_of(record)) is not None:
        if _answers(record, process):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_RETRY_S)
    return False


def wait_until_well(
    gated: GatedProcess, record: ServiceRecord, *, timeout_s: float
) -> Literal["well", "ended", "late"]:
    """Wait for a service that was just released from its gate."""
    deadline = time.monotonic() + timeout_s
    pause_s = _FIRST_RETRY_S
    open_pipe = True
    event = "running"
    while (left_s := deadline - time.monotonic()) > 0:
        if open_pipe:
            event = gated.wait(left_s if record.identifies_itself else min(pause_s, left_s))
            open_pipe = event == "running"
        else:
            time.sleep(min(pause_s, left_s))
        process = process_of(record)
        if process is None:
            return "ended"
        if (event != "running" or not record.identifies_itself) and _answers(record, process):
            return "well"
        pause_s = min(2 * pause_s, _LONGEST_RETRY_S)
    return "late"


def _answers(record: ServiceRecord, process: psutil.Process) -> bool:
    """One question. Our servers prove that they hold the nonce; a foreign one must be who listens on the port."""
    try:
        status, body = loopback.exchange("GET", record.url + record.health_path, timeout_s=HEALTH_TIMEOUT_S)
        if status != _OK:
            return False
        if record.identifies_itself:
            answer = json.loads(body)
            return isinstance(answer, dict) and answer.get("identity") == record.identity
    except (OSError, ValueError):
        return False
    return ports.listens(process, record.port)
