"""Batch inference by a SageMaker Batch Transform job: parts up, one job, answers down.

Each step can be cut off and repeated. The batch is named by what it is: parts that are all there are not put again, a
job that runs is attached to, one that is complete is collected, one that failed is followed by the next attempt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from components import naming
from components.aws import translate
from components.deployment.batch.answers import answer_table
from components.deployment.batch.batch_purse import BatchPurse
from components.deployment.batch.input_files import Inputs
from components.deployment.batch.input_rows import Rows, Wanted, chunks
from components.deployment.batch.output_file import OutputFile
from components.deployment.batch.transform_parts import parts_of, read_answers
from components.deployment.batch.transform_requests import ANSWER_SUFFIX, BatchPlan, model_request, transform_request
from components.errors import Cancelled, Damaged, NotFound, OverBudget, Unavailable
from components.storage.store import ObjectStore
from components.tuning.transform_jobs import charged_s, described_transform_job, is_missing

_MANIFEST = "manifest.json"  # written when all parts are there
_IN_USE = "ResourceInUse"


@dataclass(frozen=True, kw_only=True)
class TransformBatch:
    """One batch on SageMaker.

    Attributes:
        plan: What predicts it.
        purse: What it may cost.
        client: boto3's, of `sagemaker`.
        store: Where parts and answers are.
        inputs: The rows.
        wanted: The columns to read.
        types: Types of the answers' columns.
        poll_s: Between two looks at the job.
        check: Raises InvalidData for rows that the model does not take, before any is sent.
        sleep: Waits so many seconds.
        now: UTC.
    """

    plan: BatchPlan
    purse: BatchPurse
    client: Any
    store: ObjectStore
    inputs: Inputs
    wanted: Wanted
    types: Mapping[str, pa.DataType]
    poll_s: float
    check: Callable[[Rows], None]
    sleep: Callable[[float], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def run(self, output: OutputFile) -> str:
        """Answer every row, in order; the transform job's name.

        Raises:
            Unavailable: The job failed, with SageMaker's reason; the same again makes the next attempt.
            OverBudget: The caps do not allow it; or it took longer than it may, and was stopped.
            InvalidData: As `check`; nothing is started.
            Cancelled: Ctrl-C: it was stopped.
            RetuneError: As `chunks`, the store and AWS.
        """
        try:
            found, earlier = self._last()
            if found is None:  # one that was made is paid, and is collected whatever the caps say by now
                self.purse.afford(self.plan.max_runtime_s, frozenset(earlier))
            self.stage()
            name = self.start()
            self.wait(name)
        except (ClientError, BotoCoreError) as error:
            raise translate(error) from error
        self.collect(output)
        self._forget_model()
        return name

    @cached_property
    def digest(self) -> str:
        """Names the batch."""
        files = [[file.name, file.fingerprint] for file in self.inputs.files]
        return self.plan.digest(json.dumps([files, self.wanted.features, self.wanted.keep]))

    def stage(self) -> None:
        """Put the parts, unless all of them are there."""
        manifest = self._uri(_MANIFEST)
        if self.store.exists(manifest):
            return
        rows: list[int] = []
        for piece in chunks(self.inputs, self.wanted):
            self.check(piece)
            for part, body in parts_of(piece, self.wanted.features):
                self.store.put_bytes(body, self._uri(f"parts/{_part(len(rows))}"))
                rows.append(part.batch.num_rows)
        self.store.put_bytes(json.dumps({"rows": rows}).encode(), manifest)

    def start(self) -> str:
        """The job that predicts, made if there is none that runs or is complete; its name."""
        found, earlier = self._last()
        request = transform_request(self.plan, self.digest, len(earlier) + 1)
        if found is None:
            self._make_model()
            self.purse.reserve(request["TransformJobName"], frozenset(earlier), self.plan.max_runtime_s)
            try:
                self.client.create_transform_job(**request)
            except ClientError as error:  # somebody with the same batch was quicker
                if error.response["Error"].get("Code") != _IN_USE:
                    raise
        return str(request["TransformJobName"])

    def _last(self) -> tuple[Any, list[str]]:
        """The job that runs or is complete, if there is one, and those before it that came to nothing."""
        earlier: list[str] = []
        while (found := self._described(len(earlier) + 1)) is not None:
            if found["TransformJobStatus"] not in ("Failed", "Stopped"):
                break
            self.purse.settle(found["TransformJobName"], charged_s(found) or 0.0)
            earlier.append(found["TransformJobName"])
        return found, earlier

    def wait(self, name: str) -> None:
        """Wait for the job's end. Raises as `run`."""
        allowed_s = self.purse.allowed_s(name) or self.plan.max_runtime_s
        try:
            while True:
                job = self.client.describe_transform_job(TransformJobName=name)
                status, charged = job["TransformJobStatus"], charged_s(job)
                if charged is not None:
                    self.purse.settle(name, charged)
                if status == "Completed":
                    return
                if status in ("Failed", "Stopped"):
                    said = job.get("FailureReason") or "it was stopped"
                    raise Unavailable(
                        f"transform job {name} must complete, {status}: {said}; the same again tries anew"
                    )
                if (self.now() - job["CreationTime"]).total_seconds() > allowed_s:
                    self.client.stop_transform_job(TransformJobName=name)
                    raise OverBudget(
                        f"transform job {name} may take {allowed_s} s, took longer and is stopped: allow more "
                        "(--max-runtime-s, --max-cost-usd), or use more instances"
                    )
                self.sleep(self.poll_s)
        except KeyboardInterrupt:
            self.client.stop_transform_job(TransformJobName=name)
            raise Cancelled(f"transform job {name} is stopped; the same again makes the next attempt") from None

    def collect(self, output: OutputFile) -> None:
        """Write the answers beside the kept columns. Raises Damaged when a part has none."""
        staged: list[int] = json.loads(self.store.get_bytes(self._uri(_MANIFEST)))["rows"]
        for number, (rows, _) in enumerate(self._parts()):
            if staged[number : number + 1] != [rows.batch.num_rows]:
                raise Damaged(f"the parts at {self._uri('parts/')} must be those of this input, are cut otherwise")
            uri = self._uri(f"answers/{_part(number)}{ANSWER_SUFFIX}")
            try:
                content = self.store.get_bytes(uri)
            except NotFound:
                raise Damaged(f"the transform job must leave an answer to every part, left none at {uri}") from None
            answers = read_answers(content, name=uri, rows=rows.batch.num_rows)
            output.write(answer_table(rows, self.wanted.keep, answers, self.types))

    def _parts(self) -> Iterator[tuple[Rows, bytes]]:
        """The same pieces at every call: cuts depend on the rows alone."""
        for rows in chunks(self.inputs, self.wanted):
            yield from parts_of(rows, self.wanted.features)

    def _make_model(self) -> None:
        try:
            self.client.describe_model(ModelName=naming.transform_model_name(self.plan.model, self.digest))
        except ClientError as error:
            if not is_missing(error):
                raise
            self.client.create_model(**model_request(self.plan, self.digest))

    def _forget_model(self) -> None:
        # another batch would make its own; where it may not be deleted it costs nothing
        with suppress(ClientError, BotoCoreError):
            self.client.delete_model(ModelName=naming.transform_model_name(self.plan.model, self.digest))

    def _described(self, attempt: int) -> Any:
        return described_transform_job(self.client, naming.transform_job_name(self.plan.model, self.digest, attempt))

    def _uri(self, name: str) -> str:
        return self.plan.uri(self.digest, name)


def _part(number: int) -> str:
    return f"part-{number:06d}.json"
