"""Engines: AMT's API, wherever it runs.

To add one: a file with `connect(...) -> components.tuning.engine.Engine`; its name is the engine's name.
"""
