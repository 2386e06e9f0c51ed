"""`retune lineage` as a tree: what one wants to know of a version, on its own lines."""

from __future__ import annotations

from typing import Any

from flows.lineage_tree import as_tree


def row(**changed: Any) -> dict[str, Any]:
    """A version of a document of lineage."""
    return {
        "version": "1",
        "aliases": [],
        "created": "2026-01-02T03:04:05+00:00",
        "mode": "tune",
        "reason": "this model has no finished version yet",
        "snapshot": "0123456789abcdef",
        "source": None,
        "engine": "local",
        "tuning_job": "bank-1",
        "training_job": "bank-1-001",
        "refit_of": None,
        "warm_start": {"type": None, "parents": [], "rejected": []},
        "trials": {"completed": 1, "stopped": 0, "failed": 0},
        "spent": None,
        "test_score": None,
        "test_metric": None,
        "promoted": None,
        "promotion_reason": None,
        "changes": [],
        **changed,
    }


def tree(*rows: dict[str, Any]) -> str:
    """Of these versions."""
    return as_tree({"model": "bank", "champion": "1", "challenger": "2", "versions": list(rows)})


def test_a_version_shows_score_source_aliases_and_why_it_serves() -> None:
    """Score with its metric, the data's source beside the hash, one trial, and a reason once, not twice."""
    change = {"kind": "promote", "at": "2026-01-02T03:05:00+00:00", "by": "ada", "reason": "better", "previous": None}
    shown = tree(
        row(version="2", aliases=["challenger"], promoted=False, promotion_reason="worse " * 60),
        row(
            aliases=["champion", "challenger"],
            source="s3://bucket/bank.csv",
            test_score=0.123456789,
            test_metric="auc",
            promoted=True,
            promotion_reason="better",
            changes=[change],
        ),
    )

    newer, older = shown.split("version 1")
    assert "version 2 challenger" in newer
    assert "promoted no; worse worse" in newer
    assert newer.count("worse") < 30
    for fact in (
        " champion ·",
        "data  0123456789ab of s3://bucket/bank.csv\n",
        "test  auc 0.123457\n",
        "on local, 1 trial\n",
        "promoted yes; better\n",
        "promote 2026-01-02T03:05:00 by ada",
    ):
        assert fact in older, shown
    assert older.count("better") == 1


def test_what_is_not_known_is_not_shown() -> None:
    """A version without a score, a source or a contest has no lines about them."""
    shown = tree(row(trials={"completed": 2, "stopped": 1, "failed": 0}))

    assert "3 trials" in shown
    assert not any(word in shown for word in ("test ", "promoted", "ab of ")), shown
