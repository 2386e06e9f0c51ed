"""A run as Markdown: everything that is asked for is there, and what others named is text."""

from __future__ import annotations

from typing import Any

import pytest

from flows.github import markdown

RESULT: dict[str, Any] = {
    "model": "digits",
    "mode": "tune",
    "reason": "the data drifted",
    "champion": "3",
    "model_version": "3",
    "promoted": True,
    "promotion_reason": "better by 0.02",
    "test_score": 0.91234567,
    "best": {"training_job": "digits-0-01-002", "objective": 0.93, "hyperparameters": {}},
    "trials": {"completed": 4, "stopped": 1, "failed": 0},
    "spent": {"cost_usd": 0.1234, "billable_seconds": 77},
    "warm_start": {"type": "TransferLearning", "parents": ["digits-9-01"]},
    "refit_of": None,
    "mlflow": {"url": "https://mlflow.example.com/#/runs/1"},
}


@pytest.mark.parametrize(
    "name",
    [
        "@everyone",
        "<img src=x onerror=alert(1)>",
        "[x](https://evil.example)",
        "a | b",
        "`code` **bold** _it_ ~no~ #12 !x $y$",
        "https://evil.example",
        "www.evil.example",
        "\n## heading\n- [ ] task",
    ],
)
def test_what_others_named_is_text_and_nothing_else(name: str) -> None:
    """No mention, link, image, HTML, table cell, issue or line of its own comes out of a name."""
    shown = markdown.plain(name)

    assert not set(shown) & set("@<>[]()|`*_~!$:\n")
    assert "www." not in shown
    assert shown.replace("&#", "").count("#") == 0
    import html

    assert html.unescape(shown) == " ".join(name.split())


def test_a_result_tells_verdict_cost_lineage_and_links() -> None:
    """Champion, promotion and why, score, trials, money, parents; the report's and MLflow's address as links."""
    text = markdown.result_section(RESULT, report="https://github.com/acme/churn/actions/runs/1/artifacts/2")

    for part in ("version 3", "better by 0.02", "0.912346", "4 completed, 1 stopped, 0 failed", "0.1234 USD for 77"):
        assert part in text
    assert "TransferLearning from digits-9-01" in text
    assert "[MLflow](https://mlflow.example.com/#/runs/1) · [report](https://github.com/acme/churn/" in text


def test_an_address_that_is_none_is_no_link() -> None:
    """Only http(s) addresses without anything that would end the link."""
    text = markdown.result_section({**RESULT, "mlflow": {"url": "javascript:alert(1)"}}, report="https://x) <b>")

    assert "](" not in text


def test_a_plan_tells_what_it_may_cost() -> None:
    """Mode and reason, the expected cost where it is known, the worst case, the cap."""
    cost = {"expected_usd": 0.5, "worst_case_usd": 2.0, "cap_usd": 5.0}
    plan = {"mode": "tune", "reason": "new", "tuning_job": "digits-0-01", "warm_start": None, "cost": cost}

    assert "about 0.50 USD, at the worst 2.00 USD (cap 5.00 USD)".replace("(", "&#40;").replace(")", "&#41;") in (
        markdown.plan_section(plan)
    )
    assert "digits-0-01" in markdown.plan_section({**plan, "cost": None})


def test_the_best_trials_come_first() -> None:
    """By the objective, in its direction; ten at most, those without one left out."""
    trials = [
        {"training_job": f"t{number}", "objective": number / 10, "hyperparameters": {"eta": "0.1"}}
        for number in range(12)
    ]
    failed = {"training_job": "bad", "objective": None, "hyperparameters": {"eta": "0.1"}}
    best, worst = (markdown.trials_section([*trials, failed], kind) for kind in ("Maximize", "minimize"))

    assert best.splitlines()[2].startswith("| t11 | 1.1 |")
    assert worst.splitlines()[2].startswith("| t0 | 0 |")
    assert best.endswith("2 more with an objective.")
    assert "bad" not in best
    assert markdown.trials_section([failed], "Maximize") == ""


def test_a_graph_that_would_leave_its_fence_is_left_out() -> None:
    """Lineage is a Mermaid graph in a fence, or nothing."""
    assert "```mermaid\ngraph TD\n    a --> b\n```" in markdown.lineage_section("graph TD\n    a --> b")
    assert markdown.lineage_section("graph TD\n```\n@everyone") == ""
    assert markdown.lineage_section("an error") == ""
