"""What a spec's `promotion` names and is not there, metrics and slices: told at once, before all else.

Nothing here imports Prefect: a command that refuses has not set its environment yet.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from components.data.data_spec import ChannelsSpec
from components.data.in_place import InPlaceData
from components.errors import InvalidInput, InvalidSpec, RetuneError
from components.spec import RetrainSpec
from flows.data import has_rows, look_at_data, slice_breaches
from flows.line import Line


def refuse_bad_metrics(line: Line) -> None:
    """Raise InvalidSpec where a metric or guard cannot be computed; then with the slices that are not there.

    The data are read only where something is refused already: else whoever takes them says what is wrong with them.
    """
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


def refuse_metrics(spec: RetrainSpec, root: Path) -> None:
    """Raise InvalidSpec where metrics to be promoted by are none, before there is anything to promote.

    Args:
        spec: Whose.
        root: The project's folder, for one's own.
    """
    breaches = metric_breaches(spec, root)
    if breaches:
        raise InvalidSpec(f"spec {spec.name}", breaches)


def metric_breaches(spec: RetrainSpec, root: Path) -> list[str]:
    """A law for each metric that is none; of data without rows the spec's own laws say it. Arguments as above."""
    from components.registry.promotion_metric import refuse_unknown

    promotion = spec.promotion
    if not has_rows(spec.data):
        return []
    judged = [each.metric for each in promotion.must_not_worsen if not each.is_measure]
    breaches = []
    for name in dict.fromkeys([*filter(None, [promotion.metric]), *judged]):
        try:
            refuse_unknown(name, base_dir=root)
        except InvalidInput as error:
            breaches.append(str(error))
    return breaches
