"""Result documents as text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.standing import verdict


def run_summary(result: dict[str, Any]) -> str:
    """What a run came to, a fact a line."""
    deployment, trials, best = result["deployment"], result["trials"], result["best"]
    is_skip = result["mode"] == "skip"
    why = f"; {result['reason']}" if is_skip else ""  # of a run that trains it was told when it began
    of = f", in the run of version {result['model_version']}" if is_skip else ""
    lines = [
        f"{result['model']}: {result['mode']}{why}",
        f"champion       {_version(result['champion'])}",
        f"model version  {_version(result['model_version'])}",
        f"promoted       {verdict(result)}{_guards(result)}",
        f"test score     {number(result['test_score'])}{_optimism(result)}",
        f"best trial     {best['training_job']} at {number(best['objective'])}" if best else "best trial     -",
        f"trials         {trials['completed']} completed, {trials['stopped']} stopped, {trials['failed']} failed{of}",
        f"spent          {'nothing, no training was needed' if is_skip else _spent(result)}",
        _job(result["tuning_job"], best["training_job"] if best else None),
    ]
    if result["warm_start"]["parents"]:
        lines += [f"warm start     {_warm_start(result['warm_start'])}", *_saved(result["warm_start"])]
    if result["report"]:
        lines.append(f"report         retune report {result['tuning_job']}")
    if result["mlflow"]["url"]:
        lines.append(f"MLflow         {result['mlflow']['url']}")
    if deployment["url"]:
        lines.append(f"answers at     {deployment['url']}")
    return "\n".join(lines)


def _guards(result: dict[str, Any]) -> str:
    """That all hold; those that do not are in the reason."""
    found = () if result["mode"] == "skip" else (result.get("promotion") or {}).get("guards") or ()
    verb = "holds" if len(found) == 1 else "hold"
    return f"; guards: {len(found)} {verb}" if found and all(each["holds"] for each in found) else ""


def _optimism(result: dict[str, Any]) -> str:
    """What the best trial was picked by, and how much that promised too much."""
    found = (result.get("promotion") or {}).get("optimism")
    if not found:
        return ""
    metric, validation, test = (
        found["metric"].removeprefix("validation:"),
        *map(number, (found["validation"], found["test"])),
    )
    better = f", {found['by']:.4g} better than on test" if found["by"] > 0 else ""
    other = f", and {test} on test" if test != number(result["test_score"]) else ""  # promoted by another metric
    return f"; on validation rows, by which the best trial was picked, {metric} was {validation}{better}{other}"


def submit_summary(document: dict[str, Any]) -> str:
    """What was started, and how to go on."""
    if document["mode"] == "skip":
        return f"{document['model']}: skip; {document['reason']}"
    job = document["tuning_job"] or document["training_job"]
    return f"{document['model']}: {job} runs\nretune collect {job}"


def plan_summary(plan: dict[str, Any]) -> str:
    """What a run would do."""
    lines = [
        f"{plan['model']}: would {plan['mode']}; {plan['reason']}",
        f"data           {', '.join(f'{count:,} {part}' for part, count in plan['rows'].items()) or 'uncounted'} rows",
        f"snapshot       {plan['snapshot']}",
        *(f"warning        {each}" for each in plan["warnings"]),
    ]
    lines.append(f"{_job(plan['tuning_job'], plan['training_job'])} ({plan['job_status']})")
    if plan["request"] is not None:
        lines.append(_request(plan["request"]))
    if plan["warm_start"]["parents"]:
        lines.append(f"warm start     {_warm_start(plan['warm_start'])}")
    beyond = plan["warm_start"].get("beyond_amt", ())
    lines += [f"beyond AMT     {each['tuning_job']}: {each['reason']}" for each in beyond]
    lines += [f"no parent      {each['tuning_job']}: {each['reason']}" for each in plan["warm_start"]["rejected"]]
    lines += [f"changed        {_change(each)}" for each in plan["changes"] or ()]
    if plan.get("cost"):
        lines.append(f"cost           {_cost(plan['cost'])}")
    if plan["endpoint_usd_per_month"] is not None:
        usd = plan["endpoint_usd_per_month"]
        lines.append(f"endpoint       at the most {usd:.2f} USD a month: {plan['endpoint_price']}")
    return "\n".join(lines)


def _change(change: dict[str, Any]) -> str:
    before, after = ("nothing" if value is None else str(value) for value in (change["before"], change["after"]))
    return f"{change['path']}: {before} -> {after}"


def _warm_start(warm_start: dict[str, Any]) -> str:
    return f"{warm_start['type']} from {', '.join(warm_start['parents'])}"


def _saved(warm_start: dict[str, Any]) -> list[str]:
    from components.tuning.trials_saved import sentence

    saved = warm_start.get("trials_saved")
    return [f"               {sentence(saved)}"] if saved else []


def _cost(cost: dict[str, Any]) -> str:
    cap = "no cap" if cost["cap_usd"] is None else f"cap {cost['cap_usd']:.2f}"
    expected = (
        "" if cost["expected_usd"] is None else f"about {cost['expected_usd']:.2f} USD as {cost['expected_from']}, "
    )
    return (
        f"{expected}at the worst {cost['worst_case_usd']:.2f} USD ({cap}), "
        f"{cost['instance_type']} at {cost['usd_per_hour']} USD an hour ({cost['price_source']})"
    )


def spend_table(document: dict[str, Any]) -> str:
    """A model and month a line, and the month's total."""
    cap = "no cap in retune.toml" if document["cap_usd"] is None else f"cap {document['cap_usd']:.2f} USD"
    total = f"{document['month']}: {document['total_usd']:.4f} USD spent or reserved; {cap}"
    rows = [
        (row["month"], row["model"], str(row["jobs"]), f"{row['spent_usd']:.4f}", f"{row['reserved_usd']:.4f}")
        for row in document["models"]
    ]
    models = table(("month", "model", "jobs", "spent USD", "reserved USD"), rows) if rows else "nothing spent yet"
    return f"{models}\n{total}"


def sweep_table(document: dict[str, Any]) -> str:
    """An orphan a line."""
    rows = [
        (row["job"], row["model"], f"stopped; {row['reason']}" if row["stopped"] else row["reason"])
        for row in document["orphans"]
    ]
    return table(("job", "model", "why"), rows) if rows else "no orphans"


def promote_summary(document: dict[str, Any]) -> str:
    """Who serves after a promotion by hand."""
    was = "none was" if document["from_version"] is None else f"was {document['from_version']}"
    lines = [f"{document['model']}: champion is version {document['version']}, {was}; by {document['by']}"]
    if document["overrules"]:
        lines.append(f"overrules      {document['overrules']}")
    if document["deployment"]["url"]:
        lines.append(f"answers at     {document['deployment']['url']}")
    return "\n".join(lines)


def rollback_summary(document: dict[str, Any]) -> str:
    """Who serves after a rollback."""
    line = f"{document['model']}: champion is version {document['version']} again, was {document['from_version']}"
    return f"{line}\nanswers at {document['deployment']['url']}" if document["deployment"]["url"] else line


def services_table(document: dict[str, Any]) -> str:
    """Services, a line each."""
    rows = [(service["name"], service["state"], service["url"]) for service in document["services"]]
    if not rows:
        return "no services are running"
    told = table(("service", "state", "url"), rows)
    own = next((url for name, state, url in rows if name == "prefect" and state != "stopped"), None)
    return told if own is None else f"{told}\nfor prefect's own commands: export PREFECT_API_URL={own}/api"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows below their head, columns as wide as what is in them."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    )


def _version(version: str | None) -> str:
    return "-" if version is None else f"version {version}"


def number(value: float | None) -> str:
    """Six significant digits, or a dash."""
    return "-" if value is None else f"{value:.6g}"


def _spent(result: dict[str, Any]) -> str:
    spent = result["spent"]
    charged, cloud = _usd(spent["cost_usd"]), _usd(spent["estimated_cloud_usd"])
    saved = {by: usd for by, usd in spent.get("saved_usd", {}).items() if usd}
    by = ", ".join(f"{_usd(usd)} by {by.replace('_', ' ')}" for by, usd in saved.items())
    seconds = f"{spent['training_seconds']} training s"
    if result["engine"] == "local":  # a price is of the cloud, and so is what is saved of it
        return f"{seconds}, {charged} (in the cloud: {cloud}{f', saved {by}' if by else ''})"
    return f"{seconds}, {charged} (in the cloud: {cloud}){f'; saved {by}' if by else ''}"


def _job(tuning_job: str | None, training_job: str | None) -> str:
    return f"training job   {training_job}" if tuning_job is None else f"tuning job     {tuning_job}"


def _request(request: dict[str, Any]) -> str:
    if "TrainingJobName" in request:
        return f"refit          one training job, at most {request['StoppingCondition']['MaxRuntimeInSeconds']} s"
    return f"search         {_search(request['HyperParameterTuningJobConfig'])}"


def _search(config: dict[str, Any]) -> str:
    limits = config["ResourceLimits"]
    jobs, parallel = limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]
    return f"{config['Strategy']}, {jobs} jobs, {parallel} parallel, at most {limits['MaxRuntimeInSeconds']} s"


def _usd(value: float | None) -> str:
    return "price unknown" if value is None else f"{value:.4f} USD" if value else "0 USD"
