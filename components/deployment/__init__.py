"""The champion in service: the target that serves it, the model server, and the background services of a home."""
