"""The tables of the local AMT's record, and how a home of an earlier version is brought up to them."""

from __future__ import annotations

import sqlite3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tuning_job (
    name TEXT PRIMARY KEY COLLATE NOCASE, arn TEXT NOT NULL, request TEXT NOT NULL, tags TEXT NOT NULL,
    seed INTEGER NOT NULL, status TEXT NOT NULL, failure_reason TEXT, created_s REAL NOT NULL, modified_s REAL NOT NULL,
    ended_s REAL, runtime_s REAL NOT NULL, parents TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE TABLE IF NOT EXISTS training_job (
    name TEXT PRIMARY KEY COLLATE NOCASE, tuning_job TEXT NOT NULL COLLATE NOCASE REFERENCES tuning_job (name),
    number INTEGER NOT NULL, attempt INTEGER NOT NULL, tuned TEXT NOT NULL, status TEXT NOT NULL,
    secondary_status TEXT NOT NULL, transitions TEXT NOT NULL, objective_status TEXT NOT NULL, objective REAL,
    metrics TEXT NOT NULL, created_s REAL NOT NULL, started_s REAL, ended_s REAL, modified_s REAL NOT NULL,
    failure_reason TEXT, internal_error INTEGER NOT NULL, interrupted_s REAL NOT NULL DEFAULT 0,
    UNIQUE (tuning_job, number)
) STRICT;
CREATE TABLE IF NOT EXISTS stop_request (training_job TEXT PRIMARY KEY COLLATE NOCASE) STRICT;
"""
# Columns that an earlier version did not have, as they are added to its tables.
_LATER_COLUMNS = (
    ("tuning_job", "parents", "TEXT NOT NULL DEFAULT '[]'"),
    ("training_job", "interrupted_s", "REAL NOT NULL DEFAULT 0"),
)


def apply(connection: sqlite3.Connection) -> None:
    """Make what is missing: tables, and columns that an earlier version did not have."""
    connection.executescript(_SCHEMA)
    for table, name, declaration in _LATER_COLUMNS:
        known = {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}
        if name not in known:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {declaration}")
