"""What a spec's `promotion` names and is not there, metrics and slices: told at once, before all else."""

from __future__ import annotations

from contextlib import suppress

from components.data.data_spec import ChannelsSpec
from components.data.in_place import InPlaceData
from components.errors import InvalidSpec, RetuneError
from flows.data import look_at_data, slice_breaches
from flows.line import Line


def refuse_bad_metrics(line: Line) -> None:
    """Raise InvalidSpec where a metric or guard cannot be computed; then with the slices that are not there.

    The data are read only where something is refused already: else whoever takes them says what is wrong with them.
    """
    from flows.versions import metric_breaches

    breaches = metric_breaches(line.spec, line.root)
    if not breaches:
        return
    spec = line.spec
    if not isinstance(spec.data, ChannelsSpec) and spec.data.prepare is None:
        with suppress(RetuneError):  # the data's own mistakes come next
            data = look_at_data(line)[0]
            columns = () if isinstance(data, InPlaceData) else data.features
            breaches += [f"promotion.must_not_worsen: {each}" for each in slice_breaches(spec.promotion, columns)]
    raise InvalidSpec(line.options.spec, breaches)
