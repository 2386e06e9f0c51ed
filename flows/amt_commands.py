"""`retune amt ...`: argument parsing of the local AMT's own commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

amt_app = typer.Typer(
    name="amt",
    help="The local AMT for clients of SageMaker: boto3, the SageMaker SDK, the AWS CLI.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class StoreName(StrEnum):
    """Where `s3://` leads to."""

    S3 = "s3"
    LOCAL = "local"


@amt_app.command()
def serve(  # noqa: PLR0913  one parameter per option
    *,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="TCP port; 0 takes any free one.")] = 8765,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; others than loopback open it.")] = (
        "127.0.0.1"
    ),
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", help="Further name clients may call this server by.")
    ] = None,
    home: Annotated[Path | None, typer.Option("--home", help="In place of $RETUNE_HOME.", show_default=False)] = None,
    store: Annotated[
        StoreName | None,
        typer.Option("--store", help="Where s3:// leads to; s3 where AWS_ENDPOINT_URL(_S3) is set, else local."),
    ] = None,
    new_keys: Annotated[bool, typer.Option("--new-keys", help="Make another key pair.")] = False,
    until_idle: Annotated[bool, typer.Option("--until-idle", hidden=True)] = False,
    spot_interruption_mean_s: Annotated[
        float | None,
        typer.Option("--spot-interruption-mean-s", help="Take Spot jobs' instances away, this often in the mean."),
    ] = None,
    spot_notice_s: Annotated[
        float, typer.Option("--spot-notice-s", help="From SIGTERM to the end of a Spot instance.")
    ] = 120.0,
    spot_seed: Annotated[int, typer.Option("--spot-seed", help="The interruptions' times follow from it.")] = 0,
    spot_discount: Annotated[
        float, typer.Option("--spot-discount", help="What Spot saves, for BillableTimeInSeconds.")
    ] = 0.65,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> None:
    """Serve the local AMT in SageMaker's protocol until Ctrl-C; what runs then goes on at the next start."""
    from flows.amt_serve import ServeOptions
    from flows.amt_serve import serve as serve_amt

    options = ServeOptions(
        port=port,
        host=host,
        allow_hosts=tuple(allow_host or ()),
        home=home,
        store=None if store is None else store.value,
        new_keys=new_keys,
        until_idle=until_idle,
        spot_interruption_mean_s=spot_interruption_mean_s,
        spot_notice_s=spot_notice_s,
        spot_seed=spot_seed,
        spot_discount=spot_discount,
    )
    serve_amt(options, as_json=as_json)
