"""Batch inference in this process, a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable

from components.deployment.batch.answers import BatchModel
from components.deployment.batch.input_files import Inputs
from components.deployment.batch.input_rows import chunks
from components.deployment.batch.output_file import OutputFile


def predict(
    model: BatchModel, *, inputs: Inputs, output: OutputFile, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Answer every row, in order.

    Args:
        model: What answers.
        inputs: Where the rows are.
        output: Where the answers go.
        progress: Told the number of rows written after every chunk.

    Raises:
        InvalidData: A row that the model does not take, by number and column.
        RetuneError: As `chunks` and `OutputFile.write`.
    """
    for rows in chunks(inputs, model.wanted):
        output.write(model.answer(rows))
        progress(output.rows)
