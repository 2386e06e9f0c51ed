"""The line as a Prefect flow, and the `retune` command that runs it."""
