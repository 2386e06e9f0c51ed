"""What a spec's `promotion` names and is not there: metrics, functions of one's own, slices; all of it told at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from components.data.data_spec import ChannelsSpec
from components.errors import InvalidInput, InvalidSpec, RetuneError
from flows.data import has_rows, look_at_data, slice_breaches
from flows.line import Line


def refuse_bad_metrics(line: Line) -> None:
    """Raise InvalidSpec where a metric or guard cannot be computed; then with the slices that are not there.

    The data are read only where something is refused already: else whoever takes them says what is wrong with them.
    """
    breaches = _metric_breaches(line)
    if not breaches:
        return
    if not isinstance(line.spec.data, ChannelsSpec) and line.spec.data.prepare is None:
        with suppress(RetuneError):  # the data's own mistakes come next
            breaches += slice_breaches(line, look_at_data(line)[0])
    raise InvalidSpec(line.options.spec, breaches)


def _metric_breaches(line: Line) -> list[str]:
    from components.registry.promotion_metric import refuse_unknown

    spec = line.spec
    if not has_rows(spec.data):
        return []  # by the trials' own reports and measures, as the spec's laws say
    judged = [each.metric for each in spec.promotion.must_not_worsen if not each.is_measure]
    asked: Sequence[str] = [*filter(None, [spec.promotion.metric]), *judged]
    breaches = []
    for name in dict.fromkeys(asked):
        try:
            refuse_unknown(name, base_dir=line.root)
        except InvalidInput as error:
            breaches.append(str(error))
    return breaches
