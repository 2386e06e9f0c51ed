"""`retune predict`: its options, and what it prints."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from flows.show import show

LEAST_RUNTIME_S = 120  # as a search's
_SAY_EVERY_S = 10.0


def predict(  # noqa: PLR0913  one argument an option
    model: Annotated[str, typer.Argument(help="Name of a registered model.", show_default=False)],
    *,
    input_: Annotated[str, typer.Option("--input", help="CSV(.gz) or Parquet: a path, glob or s3:// URI.")],
    output: Annotated[str, typer.Option("--output", help="File to write: .parquet, .csv or .csv.gz, here or s3://.")],
    version: Annotated[int | None, typer.Option("--version", help="Default: the champion.", min=1)] = None,
    keep: Annotated[list[str] | None, typer.Option("--keep", help="Pass an input column through; repeatable.")] = None,
    engine: Annotated[str, typer.Option("--engine", help="Where to predict: local or sagemaker.")] = "local",
    instance_type: Annotated[str, typer.Option(help="sagemaker: its machine.")] = "ml.m5.large",
    instance_count: Annotated[int, typer.Option(help="sagemaker: machines.", min=1, max=100)] = 1,
    max_runtime_s: Annotated[int, typer.Option(help="sagemaker: stopped after this.", min=LEAST_RUNTIME_S)] = 3600,
    max_cost_usd: Annotated[float, typer.Option(help="sagemaker: shortens its time, or refuses it.", min=0)] = 5.0,
    image: Annotated[str | None, typer.Option(help="sagemaker: image of a model with its own inference.py.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> None:
    """Answer many rows with the champion: files in, one file out."""
    from flows.cloud_predict import CloudOptions
    from flows.predict import PredictOptions
    from flows.predict import predict as predict_all

    options = PredictOptions(
        model=model,
        input=input_,
        output=output,
        version=version,
        keep=tuple(dict.fromkeys(keep or ())),
        engine=engine,
        cloud=CloudOptions(
            instance_type=instance_type,
            instance_count=instance_count,
            max_runtime_s=max_runtime_s,
            max_cost_usd=max_cost_usd,
            image=image,
        ),
    )
    show(predict_all(options, progress=_Progress(), say=_say), as_json, predict_summary)


def predict_summary(document: dict[str, Any]) -> str:
    """What was answered, and how fast."""
    files = document["input"]
    source = files[0] if len(files) == 1 else f"{len(files)} files"
    rate, peak = f"{document['rows_per_s']:,.0f} rows/s", f"{document['peak_memory_mb']:,.0f} MB at the most"
    lines = [
        f"{document['model']}: version {document['version']} answered {document['rows']:,} rows of {source}",
        f"written        {document['output']} ({', '.join(document['columns'])})",
        f"took           {document['seconds']:.1f} s, {rate}, {peak}",
    ]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class _Progress:
    """A line on stderr now and then, of batches that take long."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SAY_EVERY_S

    def __call__(self, rows: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAY_EVERY_S
            sys.stderr.write(f"{rows:,} rows so far\n")
