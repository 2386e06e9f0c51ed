"""Background services on this machine: one of each, found again by every command, and never a stranger's process.

Where a service is, is a record in `$RETUNE_HOME/services`. It is used again when its process is alive, began when the
record says, holds the record's nonce, and its health answers; else it is replaced. One command at a time does so for
a service (flock); the others wait and find it started.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from components.deployment import detached_process, loopback, ports
from components.deployment.service_health import is_well, process_of, wait_until_well
from components.deployment.service_record import ServiceRecord, read_record, write_record
from components.deployment.service_spec import Service, ServiceSpec
from components.errors import Busy, CannotWrite, Unavailable

# A busy machine answers late; a server is not replaced for that.
PATIENCE_S = 15.0
_STARTS = 3
_LOG_LIMIT_BYTES = 10_000_000
_TAIL_LINES = 4


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services of one home.

    Attributes:
        folder: `$RETUNE_HOME/services`: records, locks, logs.
        environment: What services inherit.
        stop_grace_s: Time between SIGTERM and SIGKILL.
    """

    folder: Path
    environment: Mapping[str, str]
    stop_grace_s: float = 15.0

    def ensure(self, spec: ServiceSpec) -> Service:
        """The service, running and well: the one there is, or a new one. Safe to call from threads at once.

        Raises:
            Busy: The explicit port is somebody else's.
            Unavailable: It ended while it started, or did not get well in time; with the last lines of its log.
            CannotWrite: The folder cannot be written.
        """
        with self._locked(spec.name):
            record = self.record(spec.name)
            if record is not None and self._is_as_wanted(record, spec):
                ready = replace(record, state="ready")
                if ready != record:
                    self._write(ready)
                return Service.of(ready)
            if spec.port is not None and record is not None and record.port != spec.port:
                ports.require_free(spec.port)  # before the one that serves is ended for it
            self._end(spec.name, record)
            return self._start(spec, recorded_port=record.port if record else None)

    def find(self, name: str) -> Service | None:
        """The service, if it runs and its health answers."""
        record = self.record(name)
        if record is None or not is_well(record, patience_s=0):
            return None
        return Service.of(record)

    def stop(self, name: str) -> bool:
        """End the service and all it started; whether there was anything to end. Its port stays recorded."""
        if not self.folder.is_dir():  # the home was deleted; to end what it left needs no new one
            return self._end(name, None)
        with self._locked(name):
            record = self.record(name)
            stopped = self._end(name, record)
            if record is not None and record.state != "stopped":
                self._write(replace(record, state="stopped"))
        return stopped

    def hold(self, name: str) -> IO[str] | None:
        """For a service that is about to end by itself: nobody starts it or judges it meanwhile.

        Returns:
            What to keep until the process has ended, which lets go of it; None when somebody is at it just now.
        """
        lock = (self.folder / f"{name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return lock

    def stop_all(self) -> tuple[str, ...]:
        """End every service of this home, also those whose records were deleted; the names of those that ran."""
        names = {record.name for record in self.recorded()}
        names |= {path.stem for path, _ in detached_process.marked(self.folder)}
        return tuple(name for name in sorted(names) if self.stop(name))

    def running(self) -> tuple[Service, ...]:
        """Every recorded service whose process is there, well or not, by name."""
        return tuple(Service.of(record) for record in self.recorded() if process_of(record) is not None)

    def recorded(self) -> tuple[ServiceRecord, ...]:
        """Every service this home has known, by name."""
        names = sorted(path.stem for path in self.folder.glob("*.json"))
        found = (self.record(name) for name in names)
        return tuple(record for record in found if record is not None)

    def record(self, name: str) -> ServiceRecord | None:
        """The record of a service, whatever became of it."""
        return read_record(self.record_path(name))

    def record_path(self, name: str) -> Path:
        """Where the record of a service is."""
        return self.folder / f"{name}.json"

    def _is_as_wanted(self, record: ServiceRecord, spec: ServiceSpec) -> bool:
        # The interpreter may differ: two environments that share a home share its services.
        same = record.command[1:] == tuple(spec.command(record.port))[1:] and dict(record.details) == dict(spec.details)
        patience_s = spec.start_timeout_s if record.state == "starting" else PATIENCE_S
        return same and spec.port in (None, record.port) and is_well(record, patience_s=patience_s)

    def _start(self, spec: ServiceSpec, *, recorded_port: int | None) -> Service:
        for _ in range(_STARTS):
            port = ports.choose_port(explicit=spec.port, recorded=recorded_port, first=spec.first_port)
            log = self.folder / f"{spec.name}.log"
            try:
                if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
                    log.replace(log.with_suffix(".log.1"))
                before = log.stat().st_size if log.exists() else 0
                record, outcome = self._launch(spec, port, log)
            except OSError as error:
                said = error.strerror or error
                raise CannotWrite(f"{spec.name} cannot be started in {self.folder}: {said}") from error
            if outcome == "well":
                return Service.of(record, started=True)
            if outcome == "ended" and not ports.is_free(port):
                continue  # somebody was quicker to take the port: choose again, or say who
            said = _tail(log, before)
            limit = "ended while it started" if outcome == "ended" else f"not well after {spec.start_timeout_s:g} s"
            raise Unavailable(f"{spec.name}: {limit}; {log} says: {said}")
        raise Busy(f"{spec.name} needs a free port, others took {_STARTS} of them while it started: run again")

    def _launch(
        self, spec: ServiceSpec, port: int, log: Path
    ) -> tuple[ServiceRecord, Literal["well", "ended", "late"]]:
        """Start it and wait until it is well; if that does not come about, end it."""
        nonce = secrets.token_hex(16)
        command = tuple(spec.command(port))
        gated = detached_process.launch(
            command, environment=self._environment_of(spec, nonce), folder=self.folder.parent, log=log
        )
        try:
            record = ServiceRecord(
                name=spec.name,
                state="starting",
                pid=gated.pid,
                start_time_s=gated.start_time_s,
                url=f"http://{loopback.HOST}:{port}",
                nonce=nonce,
                log=str(log),
                command=command,
                health_path=spec.health_path,
                identifies_itself=spec.identifies_itself,
                details=dict(spec.details),
                token=spec.token,
            )
            write_record(self.record_path(spec.name), record)
            gated.release()
            outcome = wait_until_well(gated, record, timeout_s=spec.start_timeout_s)
        finally:
            gated.close()
        if outcome == "well":
            write_record(self.record_path(spec.name), replace(record, state="ready"))
        else:
            self._end(spec.name, record)
        return record, outcome

    def _environment_of(self, spec: ServiceSpec, nonce: str) -> dict[str, str]:
        wanted: dict[str, str | None] = {
            **self.environment,
            # programs run by `-m` must not take the home's folders (mlflow/, prefect/) for packages
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            **spec.environment,
            detached_process.NONCE: nonce,
            detached_process.RECORD: str(self.record_path(spec.name)),
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def _end(self, name: str, record: ServiceRecord | None) -> bool:
        """End the recorded process, and any other start of the same service, such as before its record was deleted."""
        found = [process for path, process in detached_process.marked(self.folder) if path == self.record_path(name)]
        recorded = process_of(record) if record is not None else None
        if recorded is not None and recorded not in found:
            found.append(recorded)
        for process in found:
            detached_process.end(process, grace_s=self.stop_grace_s)
        return bool(found)

    def _write(self, record: ServiceRecord) -> None:
        try:
            write_record(self.record_path(record.name), record)
        except OSError as error:
            raise CannotWrite(f"{self.folder} must be writable: {error.strerror}") from error

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / f"{name}.lock").open("w")
        except OSError as error:
            raise CannotWrite(f"{self.folder} must be a writable folder: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _tail(log: Path, start: int) -> str:
    """The last lines since `start` bytes, on one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - 4096))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return " | ".join(lines[-_TAIL_LINES:])[-600:] or "nothing"
