"""What an error of a model, or of MLflow about rows, says to who sent them: one line."""

from __future__ import annotations

_LIMIT = 600


def said_by(error: Exception) -> str:
    """What the error says, without MLflow's dump of all the rows before it."""
    text = f"column {error} is missing" if isinstance(error, KeyError) else str(getattr(error, "message", error))
    line = " ".join(text.rpartition("Error: ")[2].split())
    return line[:_LIMIT] or type(error).__name__
