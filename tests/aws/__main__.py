"""`python -m tests.aws`: a small tuning scenario on SageMaker itself, and its answers beside the local AMT's.

all      what `make test-aws` does: record, local and diff
record   play it where the environment's AWS credentials lead, and keep every answer, redacted, in a folder
local    play it against `retune amt serve` and moto's S3
diff     compare two records; exit code 1 when they differ
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import urllib.parse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore

from components.errors import InvalidInput, Refused, RetuneError
from components.project_settings import read_project_settings
from components.settings import Settings, read_settings
from components.tuning.prices import Price, price_of
from flows.engines import price_list
from tests.aws import comparison, cost, printing
from tests.aws.account import LOCAL_BUCKET, LOCAL_ROLE, check_project, local_account, own_account
from tests.aws.requests import INSTANCE_TYPE, Places
from tests.aws.scenario import Scenario

_AWS, _LOCAL, _OTHER = "AWS", "local AMT", "another endpoint"


def main(arguments: Sequence[str]) -> int:
    """One command; its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.command(given))
    except RetuneError as error:
        sys.stderr.write(f"tests.aws: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def record(given: argparse.Namespace) -> int:
    """Play the scenario in one's own account."""
    settings = read_settings()
    project = read_project_settings(Path.cwd())
    places = Places(
        base_uri=settings.base_uri,
        role_arn=settings.role_arn,
        region=settings.region,
        instance_type=given.instance_type,
        take=given.take,
        tags=project.tags,
    )
    cost.check_word(os.environ, _told(settings, places, project.prices))
    settings.require_cloud()
    check_project(project, settings.region)
    worst = cost.check_cap(places, _price(settings, places, project.prices, ask=price_list))
    sys.stderr.write(f"the worst case is {worst:.2f} USD, within the cap of {cost.CAP_USD:.2f} USD\n")
    scenario = own_account(settings, project, places, given.folder)
    host = urllib.parse.urlsplit(scenario.recorder.client.meta.endpoint_url).hostname or ""
    service = _AWS if host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")) else _OTHER
    _play(scenario, service)
    return 0


def local(given: argparse.Namespace) -> int:
    """Play the scenario on this machine, in the region of another record."""
    region = comparison.about(given.like)["region"] if given.like else "us-east-1"
    places = Places(
        base_uri=f"s3://{LOCAL_BUCKET}",
        role_arn=LOCAL_ROLE,
        region=region,
        instance_type=given.instance_type,
        take=given.take,
        tags=read_project_settings(Path.cwd()).tags,
    )
    _clear(given.folder)
    # Its S3 lives in memory, so it is played anew each time: it takes seconds.
    with (
        tempfile.TemporaryDirectory(prefix="test-aws-") as home,
        local_account(Path(home), places, given.folder) as scenario,
    ):
        _play(scenario, _LOCAL)
    return 0


def diff(given: argparse.Namespace) -> int:
    """Compare two records."""
    compared = comparison.compare(given.left, given.right)
    sides = (comparison.about(given.left), comparison.about(given.right))
    if given.json:
        sys.stdout.write(printing.as_json(compared, *sides) + "\n")
    else:
        printing.print_table(compared, *sides)
    return 1 if compared.differences else 0


def everything(given: argparse.Namespace) -> int:
    """Record, play the same on this machine, compare."""
    folder = given.folder / f"take-{given.take}"
    both = {"take": given.take, "instance_type": given.instance_type}
    record(argparse.Namespace(folder=folder / "aws", **both))
    local(argparse.Namespace(folder=folder / "local", like=folder / "aws", **both))
    sys.stderr.write(f"records are in {folder}\n")
    return diff(argparse.Namespace(left=folder / "aws", right=folder / "local", json=given.json))


def _clear(folder: Path) -> None:
    """Remove an earlier local record, and nothing else."""
    there = list(folder.glob("*")) if folder.is_dir() else []
    if there and comparison.about(folder).get("service") != _LOCAL:
        raise InvalidInput(f"a local record needs a folder of its own, got {folder}, which holds something else")
    for path in there:
        path.unlink()


def _play(scenario: Scenario, service: str) -> None:
    places = scenario.places
    story = {"service": service, "run": places.run, "take": places.take, "region": places.region}
    if scenario.recorder.has(comparison.ABOUT):
        there = scenario.recorder.read(comparison.ABOUT)
        if any(there.get(key) != value for key, value in story.items()):
            raise InvalidInput(f"a folder holds one record, of {story}, got one with that of {there}: name another")
    else:
        date = datetime.now(UTC).date().isoformat()
        more = {"instance_type": places.instance_type, "botocore": botocore.__version__, "date": date}
        scenario.recorder.write(comparison.ABOUT, {**story, **more})
    scenario.play()


def _price(settings: Settings, places: Places, told: Any, *, ask: Any) -> Price:
    return price_of(
        [places.instance_type], region=settings.region, told=told, ask=ask, cache=settings.scratch / "prices.json"
    )


def _told(settings: Settings, places: Places, told: Any) -> str:
    """What it would cost, from what is known without asking anybody."""
    try:
        price = _price(settings, places, told, ask=None)
        worst = cost.worst_case_usd(places, price)
    except (Refused, InvalidInput) as error:
        return f"what it costs is not known yet ({error})"
    return (
        f"at the worst {worst:.2f} USD ({places.instance_type} at {price.usd_per_hour:.3f} USD an hour, "
        f"{price.source}), usually some cents, and never more than {cost.CAP_USD:.2f} USD"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.aws", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for name, command in (("all", everything), ("record", record), ("local", local)):
        playing = commands.add_parser(name)
        playing.set_defaults(command=command)
        if name == "all":
            playing.add_argument("--folder", type=Path, default=Path(".retune/test-aws"))
            playing.add_argument("--json", action="store_true")
        else:
            playing.add_argument("folder", type=Path)
        if name == "local":
            playing.add_argument("--like", type=Path, help="the record it is to be compared with")
        playing.add_argument("--take", type=int, default=1, help="another take trains anew, under other names")
        playing.add_argument("--instance-type", default=INSTANCE_TYPE)
    comparing = commands.add_parser("diff")
    comparing.set_defaults(command=diff)
    comparing.add_argument("left", type=Path)
    comparing.add_argument("right", type=Path)
    comparing.add_argument("--json", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
