"""The charts' JavaScript: Vega, Vega-Lite and Vega-Embed in one script, made from the locked vl-convert alone.

`python -m tests.unit.reporting.vega_bundle` writes it into the package, as `make vega` does.
"""

from __future__ import annotations

import gzip
from pathlib import Path

PLACE = Path(__file__).resolve().parents[3] / "components" / "reporting" / "page" / "vega.js.gz"


def bundle() -> str:
    """The script, for the Vega-Lite that Altair writes."""
    import altair as alt
    import vl_convert

    vega_lite = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    made: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=vega_lite)
    return made


if __name__ == "__main__":
    PLACE.write_bytes(gzip.compress(bundle().encode(), 9, mtime=0))
